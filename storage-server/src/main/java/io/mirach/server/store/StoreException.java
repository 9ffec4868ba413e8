package io.mirach.server.store;

import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/**
 * The local store failed: a full or broken disk, damaged files, or use after close. Whoever applies
 * log entries lets it pass, and the process stops: a replica that skipped an entry must not go on.
 */
public final class StoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StoreException(String detail) {
        super(detail);
    }

    StoreException(String detail, Throwable cause) {
        super(detail + ": " + cause.getMessage(), cause);
    }

    /** Whether what is on disk is not what was written there; the disk itself may work. */
    public boolean isCorruption() {
        return getCause() instanceof RocksDBException e && isCorruption(e);
    }

    static boolean isCorruption(RocksDBException e) {
        return e.getStatus() != null && e.getStatus().getCode() == Status.Code.Corruption;
    }
}
