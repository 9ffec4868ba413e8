package io.mirach.nbd;

/**
 * The memory that one session holds for payloads: first from its own share, which nobody else can
 * use up, then from the budget of all sessions. At most one request waits.
 */
// Confined to the session's event loop.
final class SessionMemory {
    private final MemoryBudget budget;
    private final Runnable onGranted;
    private final long maxPooledBytes;
    private long shareBytes;
    private long pooledBytes;
    private MemoryBudget.Wish wish;

    /** Set by whoever releases memory; read after the hop that {@code onGranted} makes. */
    private volatile boolean wishGranted;

    /**
     * @param onGranted called on any thread when {@link #takeGrant} may succeed
     */
    SessionMemory(NbdLimits limits, MemoryBudget budget, Runnable onGranted) {
        this.budget = budget;
        this.onGranted = onGranted;
        this.maxPooledBytes = limits.maxPooledBytesPerConnection();
        this.shareBytes = limits.sharePerConnectionBytes();
    }

    /**
     * Holds memory for a request, or returns false: then {@link #takeGrant} is to be tried later.
     */
    boolean reserve(Request request) {
        long bytes = bytesFor(request);
        if (bytes <= shareBytes) {
            shareBytes -= bytes;
            request.reservedBytes = bytes;
            return true;
        }
        if (!fitsPool(bytes)) {
            return false;
        }
        if (!budget.tryReserve(bytes)) {
            wishGranted = false;
            wish =
                    budget.reserve(
                            bytes,
                            () -> {
                                wishGranted = true;
                                onGranted.run();
                            });
            return false;
        }
        hold(request, bytes);
        return true;
    }

    /** Tries again for a request that {@link #reserve} refused, after memory was released. */
    boolean takeGrant(Request request) {
        if (wish == null) {
            return reserve(request);
        }
        if (!wishGranted) {
            return false;
        }
        wish = null;
        hold(request, bytesFor(request));
        return true;
    }

    private void hold(Request request, long bytes) {
        pooledBytes += bytes;
        request.reservedBytes = bytes;
        request.pooled = true;
    }

    private boolean fitsPool(long bytes) {
        return pooledBytes == 0 || pooledBytes + bytes <= maxPooledBytes;
    }

    /** Gives back what a request holds; nothing the second time. */
    void release(Request request) {
        long bytes = request.reservedBytes;
        request.reservedBytes = 0;
        if (bytes == 0) {
            return;
        }
        if (request.pooled) {
            pooledBytes -= bytes;
            budget.release(bytes);
        } else {
            shareBytes += bytes;
        }
    }

    /** Withdraws the wish of the request that waits, if any. */
    void cancel() {
        if (wish != null) {
            budget.cancel(wish);
            wish = null;
        }
    }

    boolean holdsPooled() {
        return pooledBytes > 0;
    }

    private static long bytesFor(Request request) {
        return switch (request.type) {
            case NbdProtocol.CMD_READ, NbdProtocol.CMD_WRITE -> request.lengthBytes;
            case NbdProtocol.CMD_BLOCK_STATUS -> BlockStatus.maxPayloadBytes(request.lengthBytes);
            case NbdProtocol.CMD_CACHE -> Math.min(request.lengthBytes, Prefetch.STEP_BYTES);
            default -> 0;
        };
    }
}
