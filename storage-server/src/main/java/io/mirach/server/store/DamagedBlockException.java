package io.mirach.server.store;

import io.mirach.model.LayerId;

/** This replica's copy of a block fails its checksum, or is marked as damaged, or is lost. */
public final class DamagedBlockException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient LayerId layer;
    private final long block;

    DamagedBlockException(LayerId layer, long block, String how) {
        super("block " + block + " of layer " + layer.value() + " " + how);
        this.layer = layer;
        this.block = block;
    }

    public LayerId layer() {
        return layer;
    }

    public long block() {
        return block;
    }
}
