package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.PresentCount;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Counts what each volume stores in one replica, by the extent records alone: they are a few
 * hundred bytes per 4 MiB. Exact for what does not change meanwhile. A running count in the write
 * path would be exact always, but costs each write and a scan at each start; this costs only those
 * who ask. Confined to one thread at a time; blocks on the disk.
 */
public final class StoredCount {
    private record Part(VolumeId volume, int blocksPerExtent, LayerId layer) {}

    private final ChunkStore store;
    private final Deque<Part> parts = new ArrayDeque<>();
    private final Map<VolumeId, Long> bytes = new HashMap<>();
    private long nextExtent;

    StoredCount(ChunkStore store, GroupTables tables) {
        this.store = store;
        for (VolumeState state : tables.volumes()) {
            VolumeId volume = state.volume().volume();
            bytes.put(volume, 0L);
            for (LayerId layer : tables.layersOf(volume)) {
                parts.add(new Part(volume, state.volume().blocksPerExtent(), layer));
            }
        }
    }

    /** Counts on; returns whether all is counted. */
    public boolean step(int maxExtents) {
        Part part = parts.peek();
        if (part == null) {
            return true;
        }
        PresentCount count =
                store.countPresent(part.layer(), part.blocksPerExtent(), nextExtent, maxExtents);
        bytes.merge(part.volume(), count.blocks() * Block.BYTES, Long::sum);
        nextExtent = count.nextExtent().orElse(0);
        if (count.nextExtent().isEmpty()) {
            parts.remove();
        }
        return parts.isEmpty();
    }

    /** Bytes by volume, with all layers of its own; of every volume that the group knows. */
    public Map<VolumeId, Long> bytes() {
        return Map.copyOf(bytes);
    }
}
