package io.mirach.server.chunk;

import io.mirach.model.Epoch;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.WriteWindow;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** The windows that apply works on, as of the entry under way. Confined to the apply thread. */
final class WindowCache {
    private record WindowKey(VolumeId volume, Epoch epoch, Slot slot) {
        static WindowKey of(WriteIdentity identity) {
            return new WindowKey(identity.volume(), identity.epoch(), identity.slot());
        }
    }

    private final ChunkStore store;
    private final int capacity;
    private final Map<WindowKey, WriteWindow> windows = new LinkedHashMap<>(16, 0.75f, true);
    private final Set<WindowKey> changed = new LinkedHashSet<>();

    /**
     * @param capacity windows kept between entries; each takes about 650 bytes
     */
    WindowCache(ChunkStore store, int capacity) {
        this.store = store;
        this.capacity = capacity;
    }

    WriteWindow.Seen check(WriteIdentity identity) {
        return get(WindowKey.of(identity)).check(identity.sequence());
    }

    /** Notes that the write took effect. */
    void record(WriteIdentity identity) {
        WindowKey key = WindowKey.of(identity);
        get(key).record(identity);
        changed.add(key);
    }

    /** The volume's windows of other epochs than these are being deleted from the store. */
    void forgetExcept(VolumeId volume, Collection<Epoch> kept) {
        windows.keySet()
                .removeIf(key -> key.volume().equals(volume) && !kept.contains(key.epoch()));
        changed.removeIf(key -> key.volume().equals(volume) && !kept.contains(key.epoch()));
    }

    /** Ends an entry: its changes go into the batch. */
    void flushTo(ChunkBatch batch) {
        for (WindowKey key : changed) {
            batch.putWindow(key.volume(), key.epoch(), key.slot(), windows.get(key));
        }
        changed.clear();
        Iterator<WindowKey> eldest = windows.keySet().iterator();
        while (windows.size() > capacity) {
            eldest.next();
            eldest.remove();
        }
    }

    private WriteWindow get(WindowKey key) {
        WriteWindow window = windows.get(key);
        if (window == null) {
            window =
                    store.window(key.volume(), key.epoch(), key.slot()).orElseGet(WriteWindow::new);
            windows.put(key, window);
        }
        return window;
    }
}
