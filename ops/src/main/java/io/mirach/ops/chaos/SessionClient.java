package io.mirach.ops.chaos;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;

/** Calls through the ordinary client. Thread-safe; never blocks. */
final class SessionClient {
    private final String name;
    private final AttachedVolume volume;
    private final History history;

    SessionClient(String name, AttachedVolume volume, History history) {
        this.name = name;
        this.volume = volume;
        this.history = history;
    }

    /** Fails when the attachment is over. */
    CompletableFuture<Void> read(long block) {
        History.Call call = history.beginRead(name, volume.epoch().value(), block);
        return volume.read(block * Block.BYTES, Block.BYTES)
                .whenComplete(
                        (data, failure) -> {
                            if (failure != null) {
                                call.dropped();
                                return;
                            }
                            call.returned(RegisterValue.decode(block, data));
                            data.release();
                        })
                .thenAccept(data -> {});
    }

    /**
     * Fails with NO_SPACE if it was refused for that; else when the attachment is over, and then
     * the outcome is unknown.
     */
    CompletableFuture<Void> write(long block) {
        History.Call call = history.beginWrite(name, volume.epoch().value(), block);
        return volume.write(block * Block.BYTES, RegisterValue.encode(block, call.value()))
                .whenComplete(
                        (done, failure) -> {
                            if (failure == null) {
                                call.acknowledged();
                            } else if (isRefusal(failure)) {
                                call.refused();
                            }
                        });
    }

    /**
     * Whether a write failed because a disk is full: nothing was done, and the next may succeed.
     */
    static boolean isRefusal(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        return cause instanceof MirachException e && e.code() == ErrorCode.NO_SPACE;
    }

    /** Random bytes that nobody reads; not recorded. Fails when the attachment is over. */
    CompletableFuture<Void> writeBallast(long block, int bytes) {
        byte[] content = new byte[bytes];
        ThreadLocalRandom.current().nextBytes(content);
        return volume.write(block * Block.BYTES, Unpooled.wrappedBuffer(content));
    }
}
