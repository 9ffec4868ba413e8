package io.mirach.client;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.IoLimits;
import io.mirach.model.LayerId;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * An attachment from its grant to its end: by detaching, by fencing, or with the client.
 * Thread-safe.
 */
final class AttachmentLife extends VolumeLife {
    private final Attachment attachment;
    private final List<Consumer<IoLimits>> onLimits = new CopyOnWriteArrayList<>();
    private volatile IoLimits limits;
    // Guarded by this.
    private boolean seenInMap;

    AttachmentLife(Attachment attachment, Volume volume, long mapVersion) {
        super(volume, mapVersion);
        this.attachment = attachment;
        this.limits = volume.limits();
    }

    /** Calls {@code listener} with this attachment's part of the volume's limits, now and later. */
    void onLimits(Consumer<IoLimits> listener) {
        onLimits.add(listener);
        listener.accept(limits);
    }

    Attachment attachment() {
        return attachment;
    }

    @Override
    String name() {
        return volume().name();
    }

    @Override
    Optional<Epoch> epoch() {
        return Optional.of(attachment.epoch());
    }

    @Override
    LayerId layer() {
        return volume().head();
    }

    @Override
    long sizeBytes() {
        return volume().sizeBytes();
    }

    @Override
    boolean readOnly() {
        return attachment.mode() == Attachment.Mode.READ_ONLY;
    }

    @Override
    boolean strictReads() {
        return volume().strictReads();
    }

    @Override
    MirachException endedByUser() {
        return new MirachException(
                ErrorCode.NOT_ATTACHED, "volume " + volume().name() + " was detached");
    }

    @Override
    void learn(ClusterImage image) {
        revokedIn(image).ifPresent(this::revoked);
        int users = (int) image.accessTo(attachment.volume()).held().count();
        limits = volume().limits().sharedBy(users);
        onLimits.forEach(listener -> listener.accept(limits));
    }

    /**
     * The cluster says that it is over.
     *
     * @param why empty if that is not known
     */
    void revoked(String why) {
        endExplained(fencedBecause(why.isEmpty() ? "detached by an operator, or expired" : why));
    }

    private synchronized Optional<String> revokedIn(ClusterImage image) {
        VolumeAccess access = image.accessTo(attachment.volume());
        Optional<Attachment> own = access.attachment(attachment.epoch());
        if (own.isPresent()) {
            seenInMap = true;
            return own.filter(a -> !a.held()).map(Attachment::revokedBecause);
        }
        Optional<String> taken = access.takenBecause(attachment.epoch());
        if (taken.isPresent()) {
            return taken;
        }
        // Epochs grow: a map that has a later one is not from before ours was granted.
        Optional<Attachment> later =
                access.attachments().stream()
                        .filter(a -> a.epoch().compareTo(attachment.epoch()) > 0)
                        .reduce((one, other) -> other);
        if (later.isPresent()) {
            return later.map(
                    a ->
                            "attached by gateway "
                                    + a.gateway()
                                    + " on "
                                    + a.host()
                                    + " as "
                                    + a.epoch());
        }
        return seenInMap ? Optional.of("") : Optional.empty();
    }

    private MirachException fencedBecause(String how) {
        return new MirachException(
                ErrorCode.FENCED,
                "the attachment of "
                        + volume().name()
                        + " as "
                        + attachment.epoch()
                        + " is over: "
                        + how);
    }
}
