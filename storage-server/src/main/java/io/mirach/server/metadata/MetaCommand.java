package io.mirach.server.metadata;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.mirach.model.Attachment;
import io.mirach.model.DataDir;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.IoLimitsChange;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.VolumeId;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A change of the cluster map, as it is logged. Ids are drawn at apply from counters in the state;
 * times and random numbers come in the command. Every one may arrive twice.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "command")
@JsonSubTypes({
    @JsonSubTypes.Type(value = MetaCommand.FormCluster.class, name = "form-cluster"),
    @JsonSubTypes.Type(value = MetaCommand.UpdateNode.class, name = "update-node"),
    @JsonSubTypes.Type(value = MetaCommand.AddNode.class, name = "add-node"),
    @JsonSubTypes.Type(value = MetaCommand.NodeJoined.class, name = "node-joined"),
    @JsonSubTypes.Type(value = MetaCommand.SetDuty.class, name = "set-duty"),
    @JsonSubTypes.Type(value = MetaCommand.RemoveNode.class, name = "remove-node"),
    @JsonSubTypes.Type(value = MetaCommand.MoveReplica.class, name = "move-replica"),
    @JsonSubTypes.Type(value = MetaCommand.EndMove.class, name = "end-move"),
    @JsonSubTypes.Type(value = MetaCommand.PreferLeader.class, name = "prefer-leader"),
    @JsonSubTypes.Type(value = MetaCommand.ActivateGroup.class, name = "activate-group"),
    @JsonSubTypes.Type(value = MetaCommand.RecoverGroup.class, name = "recover-group"),
    @JsonSubTypes.Type(value = MetaCommand.GroupRecovered.class, name = "group-recovered"),
    @JsonSubTypes.Type(value = MetaCommand.DiscardReplaced.class, name = "discard-replaced"),
    @JsonSubTypes.Type(value = MetaCommand.OrderScrub.class, name = "order-scrub"),
    @JsonSubTypes.Type(value = MetaCommand.Scrubbed.class, name = "scrubbed"),
    @JsonSubTypes.Type(value = MetaCommand.CreateVolume.class, name = "create-volume"),
    @JsonSubTypes.Type(value = MetaCommand.SetStrictReads.class, name = "set-strict-reads"),
    @JsonSubTypes.Type(value = MetaCommand.SetIoLimits.class, name = "set-io-limits"),
    @JsonSubTypes.Type(value = MetaCommand.VolumeOpened.class, name = "volume-opened"),
    @JsonSubTypes.Type(value = MetaCommand.DeleteVolume.class, name = "delete-volume"),
    @JsonSubTypes.Type(
            value = MetaCommand.DeleteVolumeAndSnapshots.class,
            name = "delete-volume-and-snapshots"),
    @JsonSubTypes.Type(value = MetaCommand.CreateSnapshot.class, name = "create-snapshot"),
    @JsonSubTypes.Type(value = MetaCommand.LayerSealed.class, name = "layer-sealed"),
    @JsonSubTypes.Type(value = MetaCommand.AbortSnapshot.class, name = "abort-snapshot"),
    @JsonSubTypes.Type(value = MetaCommand.VolumeDropped.class, name = "volume-dropped"),
    @JsonSubTypes.Type(value = MetaCommand.Attach.class, name = "attach"),
    @JsonSubTypes.Type(value = MetaCommand.AdmissionInstalled.class, name = "admission-installed"),
    @JsonSubTypes.Type(value = MetaCommand.Release.class, name = "release"),
    @JsonSubTypes.Type(value = MetaCommand.Revoke.class, name = "revoke"),
    @JsonSubTypes.Type(value = MetaCommand.EndMigration.class, name = "end-migration"),
    @JsonSubTypes.Type(value = MetaCommand.SetExport.class, name = "set-export"),
    @JsonSubTypes.Type(value = MetaCommand.RemoveExport.class, name = "remove-export"),
    @JsonSubTypes.Type(value = MetaCommand.AddGateway.class, name = "add-gateway")
})
public sealed interface MetaCommand {
    /** A placement group to be created. */
    record NewGroup(UUID raftGroupId, List<Replica> replicas, UUID preferredLeader) {}

    /** Makes the first cluster map. Again for the same cluster: no change. */
    record FormCluster(
            UUID clusterId,
            UUID metaGroupId,
            ReplicaSet metaReplicas,
            List<StorageNode> nodes,
            List<NewGroup> placementGroups)
            implements MetaCommand {}

    /** A known node has come back with other addresses or labels. */
    record UpdateNode(StorageNode node) implements MetaCommand {}

    /**
     * A node is to join, with data dirs that were never used, or that it had before.
     *
     * @param replaces the data dirs that the node of that name had: it lost them, or some of them,
     *     and comes back with others; empty for a new name
     */
    record AddNode(StorageNode node, List<DataDir> replaces) implements MetaCommand {}

    /** A node that is to join was heard, with these data dirs. */
    record NodeJoined(String name, List<DataDir> dataDirs) implements MetaCommand {}

    /**
     * What the cluster asks of a node that has joined.
     *
     * @param expected what it asked before
     */
    record SetDuty(String name, NodeDuty expected, NodeDuty duty) implements MetaCommand {}

    /** A node that holds nothing leaves. */
    record RemoveNode(String name) implements MetaCommand {}

    /**
     * A replica begins to move.
     *
     * @param placementGroup empty for the meta group
     * @param version of the replica set that is to change
     */
    record MoveReplica(Optional<PlacementGroupId> placementGroup, long version, ReplicaMove move)
            implements MetaCommand {}

    /**
     * The move under way is over.
     *
     * @param placementGroup empty for the meta group
     * @param version of the replica set that is to change
     * @param done false: given up, nothing has changed
     */
    record EndMove(Optional<PlacementGroupId> placementGroup, long version, boolean done)
            implements MetaCommand {}

    /** A member should lead. */
    record PreferLeader(PlacementGroupId placementGroup, UUID dataDir) implements MetaCommand {}

    /** Every member has created its replica. */
    record ActivateGroup(PlacementGroupId placementGroup) implements MetaCommand {}

    /**
     * A placement group without a majority is to go on from one replica, with possible loss. No
     * change if it does so already under that id.
     *
     * @param expected the Raft group that it is
     * @param version of the replica set that is to change
     * @param survivor one of its replicas, or what one moves to
     * @param raftGroupId the Raft group that it is from now on
     * @param appliedIndex see {@link io.mirach.model.GroupRecovery}
     * @param newestIndex likewise
     */
    record RecoverGroup(
            PlacementGroupId placementGroup,
            UUID expected,
            long version,
            Replica survivor,
            UUID raftGroupId,
            long atMs,
            long appliedIndex,
            long newestIndex)
            implements MetaCommand {}

    /** The survivor of a placement group that is recovered has taken over, as this Raft group. */
    record GroupRecovered(PlacementGroupId placementGroup, UUID raftGroupId)
            implements MetaCommand {}

    /** What is left of a placement group as it was before it was recovered may be deleted. */
    record DiscardReplaced(PlacementGroupId placementGroup, UUID raftGroupId)
            implements MetaCommand {}

    /** Somebody asks for scrubs. */
    record OrderScrub(List<PlacementGroupId> placementGroups, long atMs) implements MetaCommand {}

    /**
     * A scrub has found all well.
     *
     * @param beganAtMs wall clock
     * @param order the wish that stood then; 0: none
     */
    record Scrubbed(PlacementGroupId placementGroup, long beganAtMs, long order)
            implements MetaCommand {}

    /** Reply: the volume's id. */
    record CreateVolume(
            String name,
            long sizeBytes,
            int extentBytes,
            List<PlacementGroupId> slots,
            long createdAtMs,
            boolean strictReads)
            implements MetaCommand {}

    /** See {@link io.mirach.model.Volume#strictReads}. */
    record SetStrictReads(VolumeId volume, boolean strictReads) implements MetaCommand {}

    /** Changes some of the limits of a volume. */
    record SetIoLimits(VolumeId volume, IoLimitsChange change) implements MetaCommand {}

    /** Every placement group of the volume knows it. */
    record VolumeOpened(VolumeId volume) implements MetaCommand {}

    /** Its name is free from now on. Refused while it has snapshots. */
    record DeleteVolume(VolumeId volume) implements MetaCommand {}

    /** The same, with all snapshots that it has. */
    record DeleteVolumeAndSnapshots(VolumeId volume) implements MetaCommand {}

    /**
     * Takes a snapshot: from now on, or once all placement groups have sealed the head, another
     * layer is the head. Reply: the snapshot's id.
     */
    record CreateSnapshot(VolumeId volume, String name, long createdAtMs) implements MetaCommand {}

    /** Every placement group of the volume has sealed that snapshot's layer. */
    record LayerSealed(VolumeId volume, long snapshot) implements MetaCommand {}

    /** Some placement group has not sealed that snapshot's layer in time: there is no snapshot. */
    record AbortSnapshot(VolumeId volume, long snapshot) implements MetaCommand {}

    /** No placement group knows it any longer. */
    record VolumeDropped(VolumeId volume) implements MetaCommand {}

    /**
     * Revokes who is in the way, if that may be, and reserves; reply: the epoch.
     *
     * @param force revoke whoever is in the way
     * @param migrationWindowMs how long the present holder may go on beside this one; 0: not at all
     * @param expired those whose term was over by the leader's clock when it logged this: they are
     *     revoked if they are in the way
     */
    record Attach(
            VolumeId volume,
            Attachment.Mode mode,
            String gateway,
            String host,
            String ownerProofSha256,
            boolean force,
            long migrationWindowMs,
            List<Epoch> expired,
            long grantedAtMs)
            implements MetaCommand {}

    /** Every placement group of the volume admits what that version names, and nobody else. */
    record AdmissionInstalled(VolumeId volume, long version) implements MetaCommand {}

    /** Its holder gives the epoch back; no change if it has no right any more. */
    record Release(VolumeId volume, Epoch epoch) implements MetaCommand {}

    /** Takes a volume, and the order to offer it, from a gateway. */
    record Revoke(VolumeId volume, String gateway, String reason) implements MetaCommand {}

    /**
     * The window of that migration is over.
     *
     * @param expired as in {@link Attach}
     */
    record EndMigration(VolumeId volume, long migration, List<Epoch> expired)
            implements MetaCommand {}

    /**
     * Orders a gateway to offer a volume.
     *
     * @param force revoke whoever is in the way of it, first of all
     * @param migrationWindowMs how long the present holder may go on beside it; 0: not at all
     * @param expired as in {@link Attach}
     */
    record SetExport(Export export, boolean force, long migrationWindowMs, List<Epoch> expired)
            implements MetaCommand {}

    /** Withdraws the order; calls a migration to that gateway off. */
    record RemoveExport(VolumeId volume, String gateway) implements MetaCommand {}

    record AddGateway(Gateway gateway) implements MetaCommand {}
}
