package io.mirach.client;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.cluster.EndedExport;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * A consuming host's way into one cluster: follows the cluster map, attaches volumes. Thread-safe;
 * never blocks.
 */
public interface MirachClient extends AutoCloseable {
    /** The newest cluster map known here. */
    ClusterImage image();

    /**
     * The cluster map as the meta leader has it: with everything that was acknowledged to anyone
     * before the call, so that a name that is missing there does not exist. {@link #image} is as
     * new afterwards. Fails with a {@link io.mirach.protocol.MirachException} if no meta leader
     * answers in time.
     */
    CompletableFuture<ClusterImage> newestImage();

    /**
     * Calls {@code listener} with the current map and with each newer one, on one thread; close to
     * stop.
     */
    AutoCloseable onImage(Consumer<ClusterImage> listener);

    /**
     * Attaches a volume as this client's owner, and renews it as long as this client lives; see
     * {@link io.mirach.protocol.cluster.AttachRequest}.
     */
    default CompletableFuture<AttachedVolume> attach(String volume, Attachment.Mode mode) {
        return attach(volume, AttachOptions.of(mode));
    }

    /** As {@link #attach(String, Attachment.Mode)}, also by force or for a live migration. */
    CompletableFuture<AttachedVolume> attach(String volume, AttachOptions options);

    /**
     * Opens a snapshot for reading, which takes no attachment and needs none: it never changes.
     * Fails with NO_SUCH_VOLUME, NO_SUCH_SNAPSHOT or SNAPSHOT_NOT_READY.
     */
    CompletableFuture<OpenSnapshot> openSnapshot(SnapshotName name);

    /** Announces a gateway; repeat every few seconds while it lives. */
    default CompletableFuture<Void> registerGateway(Gateway gateway) {
        return registerGateway(gateway, List.of());
    }

    /**
     * As {@link #registerGateway(Gateway)}.
     *
     * @param ended the exports that were taken from the gateway, and why; for people
     */
    CompletableFuture<Void> registerGateway(Gateway gateway, List<EndedExport> ended);

    /**
     * Ends without detaching: attachments stay live in the cluster until detached, resumed or
     * expired.
     */
    @Override
    void close();
}
