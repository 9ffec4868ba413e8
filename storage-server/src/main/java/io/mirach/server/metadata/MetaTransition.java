package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.protocol.ErrorCode;
import java.util.Optional;

/**
 * A state and what a command makes of it. Pure: the same state and command give the same next state
 * and reply everywhere.
 */
public record MetaTransition(MetaState next, MetaReply reply) {
    /** Applies a command; a refusal leaves the state as it is. */
    public static MetaTransition apply(MetaState state, MetaCommand command) {
        if (command instanceof MetaCommand.FormCluster form) {
            return MembershipChanges.form(state, form);
        }
        Optional<ClusterImage> image = state.image();
        if (image.isEmpty()) {
            return refuse(state, ErrorCode.NOT_INITIALISED, "the cluster is not formed yet");
        }
        if (command instanceof MetaCommand.UpdateNode c) {
            return NodeChanges.update(state, image.get(), c.node());
        } else if (command instanceof MetaCommand.AddNode c) {
            return NodeChanges.add(state, image.get(), c);
        } else if (command instanceof MetaCommand.NodeJoined c) {
            return NodeChanges.joined(state, image.get(), c);
        } else if (command instanceof MetaCommand.SetDuty c) {
            return NodeChanges.setDuty(state, image.get(), c);
        } else if (command instanceof MetaCommand.RemoveNode c) {
            return NodeChanges.remove(state, image.get(), c.name());
        } else if (command instanceof MetaCommand.MoveReplica c) {
            return ReplicaChanges.move(state, image.get(), c);
        } else if (command instanceof MetaCommand.EndMove c) {
            return ReplicaChanges.end(state, image.get(), c);
        } else if (command instanceof MetaCommand.PreferLeader c) {
            return ReplicaChanges.prefer(state, image.get(), c);
        } else if (command instanceof MetaCommand.RecoverGroup c) {
            return RecoveryChanges.begin(state, image.get(), c);
        } else if (command instanceof MetaCommand.GroupRecovered c) {
            return RecoveryChanges.end(state, image.get(), c);
        } else if (command instanceof MetaCommand.DiscardReplaced c) {
            return RecoveryChanges.discard(state, image.get(), c);
        } else if (command instanceof MetaCommand.OrderScrub c) {
            return ScrubChanges.order(state, image.get(), c);
        } else if (command instanceof MetaCommand.Scrubbed c) {
            return ScrubChanges.scrubbed(state, image.get(), c);
        } else if (command instanceof MetaCommand.ActivateGroup c) {
            return MembershipChanges.activate(state, image.get(), c.placementGroup());
        } else if (command instanceof MetaCommand.AddGateway c) {
            return MembershipChanges.add(state, image.get(), c.gateway());
        } else if (command instanceof MetaCommand.CreateVolume c) {
            return VolumeChanges.create(state, image.get(), c);
        } else if (command instanceof MetaCommand.SetStrictReads c) {
            return VolumeChanges.setStrictReads(state, image.get(), c);
        } else if (command instanceof MetaCommand.SetIoLimits c) {
            return VolumeChanges.setIoLimits(state, image.get(), c);
        } else if (command instanceof MetaCommand.VolumeOpened c) {
            return VolumeChanges.opened(state, image.get(), c.volume());
        } else if (command instanceof MetaCommand.DeleteVolume c) {
            return VolumeChanges.delete(state, image.get(), c.volume(), false);
        } else if (command instanceof MetaCommand.DeleteVolumeAndSnapshots c) {
            return VolumeChanges.delete(state, image.get(), c.volume(), true);
        } else if (command instanceof MetaCommand.CreateSnapshot c) {
            return SnapshotChanges.create(state, image.get(), c);
        } else if (command instanceof MetaCommand.LayerSealed c) {
            return SnapshotChanges.layerSealed(state, image.get(), c);
        } else if (command instanceof MetaCommand.AbortSnapshot c) {
            return SnapshotChanges.abort(state, image.get(), c);
        } else if (command instanceof MetaCommand.VolumeDropped c) {
            return VolumeChanges.dropped(state, image.get(), c.volume());
        } else if (command instanceof MetaCommand.SetExport c) {
            return ExportChanges.set(state, image.get(), c);
        } else if (command instanceof MetaCommand.RemoveExport c) {
            return ExportChanges.remove(state, image.get(), c);
        } else if (command instanceof MetaCommand.Attach c) {
            return AttachmentChanges.attach(state, image.get(), c);
        } else if (command instanceof MetaCommand.AdmissionInstalled c) {
            return AttachmentChanges.admitted(state, image.get(), c);
        } else if (command instanceof MetaCommand.Release c) {
            return AttachmentChanges.release(state, image.get(), c);
        } else if (command instanceof MetaCommand.Revoke c) {
            return AttachmentChanges.revoke(state, image.get(), c);
        } else if (command instanceof MetaCommand.EndMigration c) {
            return AttachmentChanges.endMigration(state, image.get(), c);
        }
        throw new IllegalStateException("unknown command " + command);
    }

    static MetaTransition to(ClusterImage image, MetaState.Counters counters, long id) {
        return new MetaTransition(
                new MetaState(Optional.of(image), counters), MetaReply.ok(image.version(), id));
    }

    static MetaTransition to(MetaState before, ClusterImage image) {
        return to(image, before.counters(), 0);
    }

    /** Nothing to do: it is so already. */
    static MetaTransition unchanged(MetaState state) {
        return new MetaTransition(state, MetaReply.ok(state.version(), 0));
    }

    static MetaTransition refuse(MetaState state, ErrorCode code, String detail) {
        return new MetaTransition(state, MetaReply.refused(code, detail, state.version()));
    }

    static MetaTransition refuse(MetaState state, ErrorCode code, String detail, String remedy) {
        return new MetaTransition(
                state, MetaReply.refused(code, detail, state.version()).withRemedy(remedy));
    }
}
