package io.mirach.transfer;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** A volume that this command has attached, as a gateway of its own. Confined to one thread. */
final class VolumeConnection implements AutoCloseable {
    private final EventLoops loops = EventLoops.start("mirach-transfer", 1);
    private final MirachClient client;
    private final AttachedVolume volume;

    /** Attaches it, so that nobody else writes to it meanwhile; VOLUME_IN_USE says who does. */
    VolumeConnection(List<HttpEndpoint> endpoints, String name, Attachment.Mode mode)
            throws InterruptedException {
        try {
            client =
                    get(
                            MirachClients.connect(
                                    MirachClientConfig.of(
                                            endpoints.stream().map(HttpEndpoint::toString).toList(),
                                            // Its own name: another one beside it must not take
                                            // the attachment over.
                                            "transfer-"
                                                    + UUID.randomUUID().toString().substring(0, 8),
                                            "mirach-transfer",
                                            UUID.randomUUID().toString()),
                                    loops));
        } catch (MirachException e) {
            loops.close();
            throw e;
        }
        try {
            volume = get(client.attach(name, mode));
        } catch (MirachException e) {
            client.close();
            loops.close();
            throw e;
        }
    }

    AttachedVolume volume() {
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
            volume.detach().join();
        } catch (CompletionException e) {
            // Its term ends by itself; what was acknowledged stays.
        } finally {
            client.close();
            loops.close();
        }
    }
}
