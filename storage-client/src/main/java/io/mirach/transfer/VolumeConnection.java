package io.mirach.transfer;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.VolumeIo;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A volume that this command has attached, as a gateway of its own, or a snapshot that it reads.
 * Confined to one thread.
 */
final class VolumeConnection implements AutoCloseable {
    private final EventLoops loops = EventLoops.start("mirach-transfer", 1);
    private final MirachClient client;
    private final VolumeIo volume;
    private final Supplier<CompletableFuture<Void>> giveBack;

    private interface Opening<V extends VolumeIo> {
        CompletableFuture<V> by(MirachClient client);
    }

    private <V extends VolumeIo> VolumeConnection(
            List<HttpEndpoint> endpoints,
            Opening<V> opening,
            Function<V, CompletableFuture<Void>> closing)
            throws InterruptedException {
        MirachClient connected = null;
        try {
            connected = get(MirachClients.connect(config(endpoints), loops));
            V opened = get(opening.by(connected));
            client = connected;
            volume = opened;
            giveBack = () -> closing.apply(opened);
        } catch (MirachException e) {
            if (connected != null) {
                connected.close();
            }
            loops.close();
            throw e;
        }
    }

    /** Attaches it, so that nobody else writes to it meanwhile; VOLUME_IN_USE says who does. */
    static VolumeConnection attached(
            List<HttpEndpoint> endpoints, String name, Attachment.Mode mode)
            throws InterruptedException {
        return new VolumeConnection(
                endpoints, client -> client.attach(name, mode), AttachedVolume::detach);
    }

    /** Opens a snapshot, which nobody needs to be kept from. */
    static VolumeConnection ofSnapshot(List<HttpEndpoint> endpoints, SnapshotName name)
            throws InterruptedException {
        return new VolumeConnection(
                endpoints,
                client -> client.openSnapshot(name),
                snapshot -> {
                    snapshot.close();
                    return CompletableFuture.completedFuture(null);
                });
    }

    private static MirachClientConfig config(List<HttpEndpoint> endpoints) {
        return MirachClientConfig.of(
                endpoints.stream().map(HttpEndpoint::toString).toList(),
                // Its own name: another one beside it must not take the attachment over.
                "transfer-" + UUID.randomUUID().toString().substring(0, 8),
                "mirach-transfer",
                UUID.randomUUID().toString());
    }

    VolumeIo volume() {
        return volume;
    }

    EventLoops loops() {
        return loops;
    }

    /** The value, or what it failed with as a MirachException. Blocks. */
    static <T> T get(CompletableFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw failure(e);
        }
    }

    private static MirachException failure(Throwable failed) {
        Throwable cause = failed;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof MirachException known
                ? known
                : new MirachException(ErrorCode.INTERNAL, "a request failed: " + cause, cause);
    }

    /** Gives the volume back. */
    @Override
    public void close() {
        try {
            giveBack.get().join();
        } catch (CompletionException e) {
            // Its term ends by itself; what was acknowledged stays.
        } finally {
            client.close();
            loops.close();
        }
    }
}
