package io.mirach.server.metadata;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.mirach.model.Attachment;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.VolumeId;
import java.util.List;
import java.util.UUID;

/**
 * A change of the cluster map, as it is logged. Ids are drawn at apply from counters in the state;
 * times and random numbers come in the command. Every one may arrive twice.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "command")
@JsonSubTypes({
    @JsonSubTypes.Type(value = MetaCommand.FormCluster.class, name = "form-cluster"),
    @JsonSubTypes.Type(value = MetaCommand.UpdateNode.class, name = "update-node"),
    @JsonSubTypes.Type(value = MetaCommand.ActivateGroup.class, name = "activate-group"),
    @JsonSubTypes.Type(value = MetaCommand.CreateVolume.class, name = "create-volume"),
    @JsonSubTypes.Type(value = MetaCommand.VolumeOpened.class, name = "volume-opened"),
    @JsonSubTypes.Type(value = MetaCommand.DeleteVolume.class, name = "delete-volume"),
    @JsonSubTypes.Type(value = MetaCommand.VolumeDropped.class, name = "volume-dropped"),
    @JsonSubTypes.Type(value = MetaCommand.Attach.class, name = "attach"),
    @JsonSubTypes.Type(value = MetaCommand.AttachmentAdmitted.class, name = "attachment-admitted"),
    @JsonSubTypes.Type(value = MetaCommand.Release.class, name = "release"),
    @JsonSubTypes.Type(value = MetaCommand.AttachmentEvicted.class, name = "attachment-evicted"),
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

    /** Every member has created its replica. */
    record ActivateGroup(PlacementGroupId placementGroup) implements MetaCommand {}

    /** Reply: the volume's id. */
    record CreateVolume(
            String name,
            long sizeBytes,
            int extentBytes,
            List<PlacementGroupId> slots,
            long createdAtMs)
            implements MetaCommand {}

    /** Every placement group of the volume knows it. */
    record VolumeOpened(VolumeId volume) implements MetaCommand {}

    /** Its name is free from now on. */
    record DeleteVolume(VolumeId volume) implements MetaCommand {}

    /** No placement group knows it any longer. */
    record VolumeDropped(VolumeId volume) implements MetaCommand {}

    /** Revokes what is there (same owner, or being released) and reserves; reply: the epoch. */
    record Attach(
            VolumeId volume,
            Attachment.Mode mode,
            String gateway,
            String host,
            String ownerProofSha256,
            boolean force,
            long grantedAtMs)
            implements MetaCommand {}

    /** Every placement group of the volume admits the epoch. */
    record AttachmentAdmitted(VolumeId volume, Epoch epoch) implements MetaCommand {}

    /** From here on the epoch is being taken out; no change if it is not the one in force. */
    record Release(VolumeId volume, Epoch epoch) implements MetaCommand {}

    /** No placement group of the volume admits the epoch any longer. */
    record AttachmentEvicted(VolumeId volume, Epoch epoch) implements MetaCommand {}

    record SetExport(Export export) implements MetaCommand {}

    record RemoveExport(VolumeId volume) implements MetaCommand {}

    record AddGateway(Gateway gateway) implements MetaCommand {}
}
