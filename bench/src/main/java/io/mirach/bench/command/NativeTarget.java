package io.mirach.bench.command;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** A volume attached by Mirach's own client, without NBD between. */
final class NativeTarget implements LoadTarget {
    private static final long CONNECT_LIMIT_SECONDS = 35;
    private static final long ATTACH_LIMIT_SECONDS = 65;
    private static final long DETACH_LIMIT_SECONDS = 15;
    private static final int ALLOCATION_STEP_BYTES = 1 << 30;

    private final MirachClient client;
    private final AttachedVolume volume;
    private final EventLoop loop;

    /**
     * Connects and attaches.
     *
     * @param endpoints nodes' HTTP addresses
     */
    NativeTarget(List<String> endpoints, String volumeName, boolean readOnly, EventLoops loops) {
        // A name of its own: a second bench beside it must not take this one's attachment over.
        String gateway = "bench-" + UUID.randomUUID().toString().substring(0, 8);
        loop = loops.next();
        client =
                Waiting.get(
                        MirachClients.connect(
                                MirachClientConfig.of(
                                        endpoints,
                                        gateway,
                                        "mirach-bench",
                                        UUID.randomUUID().toString()),
                                loops),
                        CONNECT_LIMIT_SECONDS,
                        String.join(",", endpoints));
        try {
            volume =
                    Waiting.get(
                            client.attach(
                                    volumeName,
                                    readOnly
                                            ? Attachment.Mode.READ_ONLY
                                            : Attachment.Mode.READ_WRITE),
                            ATTACH_LIMIT_SECONDS,
                            "the cluster");
        } catch (MirachException e) {
            client.close();
            throw e;
        }
    }

    @Override
    public long sizeBytes() {
        return volume.sizeBytes();
    }

    @Override
    public boolean readOnly() {
        return volume.readOnly();
    }

    @Override
    public EventLoop loop() {
        return loop;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return volume.read(offsetBytes, lengthBytes);
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        return volume.write(offsetBytes, data);
    }

    @Override
    public Optional<Boolean> holdsData() {
        long offset = 0;
        while (offset < volume.sizeBytes()) {
            long length = Math.min(ALLOCATION_STEP_BYTES, volume.sizeBytes() - offset);
            AttachedVolume.Allocation told =
                    Waiting.get(
                            volume.allocation(offset, length, 1),
                            ATTACH_LIMIT_SECONDS,
                            "the cluster");
            if (!told.allocated().isEmpty()) {
                return Optional.of(true);
            }
            offset = told.coveredEndBlock() * LoadJob.BLOCK_BYTES;
        }
        return Optional.of(false);
    }

    @Override
    public void close() {
        try {
            Waiting.get(volume.detach(), DETACH_LIMIT_SECONDS, "the cluster");
        } finally {
            client.close();
        }
    }
}
