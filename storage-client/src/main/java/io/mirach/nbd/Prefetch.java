package io.mirach.nbd;

import io.mirach.client.VolumeIo;
import java.util.concurrent.CompletableFuture;

/**
 * CACHE: reads a range and drops it, which leaves it in the caches of the nodes that serve it. The
 * protocol leaves the extent to the server; beyond 32 MiB the nodes would likely drop the beginning
 * again.
 */
final class Prefetch {
    static final int STEP_BYTES = 1 << 20;
    private static final int MAX_BYTES = 32 << 20;

    private Prefetch() {}

    static CompletableFuture<Void> run(VolumeIo volume, long offsetBytes, long lengthBytes) {
        return step(volume, offsetBytes, offsetBytes + Math.min(lengthBytes, MAX_BYTES));
    }

    /** One step at a time, so that it holds no more memory than was reserved for it. */
    private static CompletableFuture<Void> step(
            VolumeIo volume, long positionBytes, long endBytes) {
        int stepBytes = (int) Math.min(STEP_BYTES, endBytes - positionBytes);
        return volume.read(positionBytes, stepBytes)
                .thenCompose(
                        data -> {
                            data.release();
                            long next = positionBytes + stepBytes;
                            return next < endBytes
                                    ? step(volume, next, endBytes)
                                    : CompletableFuture.completedFuture(null);
                        });
    }
}
