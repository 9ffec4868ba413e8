package io.mirach.ops.chaos;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
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

    /** Fails when the attachment is over; then the outcome is unknown. */
    CompletableFuture<Void> write(long block) {
        History.Call call = history.beginWrite(name, volume.epoch().value(), block);
        return volume.write(block * Block.BYTES, RegisterValue.encode(block, call.value()))
                .thenAccept(done -> call.acknowledged());
    }

    /** Random bytes that nobody reads; not recorded. Fails when the attachment is over. */
    CompletableFuture<Void> writeBallast(long block, int bytes) {
        byte[] content = new byte[bytes];
        ThreadLocalRandom.current().nextBytes(content);
        return volume.write(block * Block.BYTES, Unpooled.wrappedBuffer(content));
    }
}
