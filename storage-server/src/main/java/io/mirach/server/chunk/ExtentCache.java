package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.ExtentRecord;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The extent records that apply works on, as of the entry under way. A record of an extent that was
 * never written is kept too: that is the common case of a first write. Confined to the apply
 * thread.
 */
final class ExtentCache {
    private record ExtentKey(LayerId layer, long extent) {}

    private final ChunkStore store;
    private final int capacity;
    private final Map<ExtentKey, ExtentRecord> records = new LinkedHashMap<>(16, 0.75f, true);
    private final Set<ExtentKey> changed = new LinkedHashSet<>();

    /**
     * @param capacity records kept between entries; each takes up to 400 bytes with 4 MiB extents
     */
    ExtentCache(ChunkStore store, int capacity) {
        this.store = store;
        this.capacity = capacity;
    }

    /** The record, which the caller may change if it calls {@link #changed} too. */
    ExtentRecord get(LayerId layer, long extent, int blocksPerExtent) {
        ExtentKey key = new ExtentKey(layer, extent);
        ExtentRecord record = records.get(key);
        if (record == null) {
            record =
                    store.extent(layer, extent, blocksPerExtent)
                            .orElseGet(() -> ExtentRecord.empty(blocksPerExtent));
            records.put(key, record);
        }
        return record;
    }

    void changed(LayerId layer, long extent) {
        changed.add(new ExtentKey(layer, extent));
    }

    /** The layer is being deleted, with the extent records that the store has of it. */
    void forget(LayerId layer) {
        records.keySet().removeIf(key -> key.layer().equals(layer));
        changed.removeIf(key -> key.layer().equals(layer));
    }

    /** Ends an entry: its changes go into the batch. */
    void flushTo(ChunkBatch batch) {
        for (ExtentKey key : changed) {
            batch.putExtent(key.layer(), key.extent(), records.get(key));
        }
        changed.clear();
        Iterator<ExtentKey> eldest = records.keySet().iterator();
        while (records.size() > capacity) {
            eldest.next();
            eldest.remove();
        }
    }
}
