package io.mirach.bench.command;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.ExportRequest;
import io.mirach.admin.ExportView;
import io.mirach.admin.VolumeView;
import io.mirach.cli.Progress;
import io.mirach.model.Attachment;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A volume for the time of the benchmark. Confined to one thread at a time: {@link #remove} may be
 * called by the hook that ends the JVM.
 */
final class TemporaryVolume {
    private static final Duration CREATE_LIMIT = Duration.ofSeconds(60);
    private static final Duration EXPORT_LIMIT = Duration.ofSeconds(60);
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(20);

    private final AdminClient admin;
    private final Progress progress;
    private final String name = "bench-" + UUID.randomUUID().toString().substring(0, 8);
    private boolean created;
    private boolean ordered;

    TemporaryVolume(AdminClient admin, Progress progress) {
        this.admin = admin;
        this.progress = progress;
    }

    String name() {
        return name;
    }

    /** Returns once every placement group knows it. */
    void create(long sizeBytes) throws InterruptedException {
        // Before the answer: an unknown outcome must be cleaned up too.
        created = true;
        admin.createVolume(new CreateVolumeRequest(name, sizeBytes, 0));
        VolumeView volume =
                progress.watch(
                        () -> admin.volume(name),
                        v -> v.state() == Volume.State.AVAILABLE,
                        v -> "creating the temporary volume " + name,
                        CREATE_LIMIT);
        if (volume.state() != Volume.State.AVAILABLE) {
            throw new MirachException(
                    ErrorCode.TIMEOUT,
                    "volume " + name + " was not ready in " + CREATE_LIMIT.toSeconds() + " s");
        }
    }

    /** Has a gateway serve it; its NBD URIs. */
    List<String> export(Optional<String> gateway) throws InterruptedException {
        ordered = true;
        ExportView order =
                admin.export(name, new ExportRequest(gateway, Attachment.Mode.READ_WRITE));
        VolumeView volume =
                progress.watch(
                        () -> admin.volume(name),
                        TemporaryVolume::isServed,
                        v -> "waiting for gateway " + order.gateway() + " to attach " + name,
                        EXPORT_LIMIT);
        if (!isServed(volume)) {
            throw new MirachException(
                    ErrorCode.TIMEOUT,
                    "gateway "
                            + order.gateway()
                            + " did not serve "
                            + name
                            + " in "
                            + EXPORT_LIMIT.toSeconds()
                            + " s");
        }
        return order.nbdUris();
    }

    private static boolean isServed(VolumeView volume) {
        return volume.attachments().stream().anyMatch(a -> a.state() == Attachment.State.LIVE);
    }

    /**
     * Takes it from the gateway and deletes it. Idempotent. Fails, saying how to remove it by hand,
     * when the cluster does not let it go.
     */
    synchronized void remove() {
        if (!created) {
            return;
        }
        try {
            if (ordered) {
                admin.removeExport(name);
                ordered = false;
            }
            progress.watch(
                    () -> admin.volume(name),
                    v -> v.attachments().isEmpty(),
                    v -> "detaching the temporary volume " + name,
                    DETACH_LIMIT);
            admin.deleteVolume(name);
            created = false;
        } catch (MirachException e) {
            if (e.code() == ErrorCode.NO_SUCH_VOLUME) {
                created = false;
                return;
            }
            throw new MirachException(
                            e.code(),
                            "the temporary volume " + name + " is still there: " + e.getMessage(),
                            e)
                    .withRemedy("mirach detach " + name + "; mirach volume rm " + name);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MirachException(
                            ErrorCode.UNKNOWN_OUTCOME,
                            "interrupted while removing the temporary volume " + name,
                            e)
                    .withRemedy("mirach detach " + name + "; mirach volume rm " + name);
        }
    }
}
