package io.mirach.server.chunk;

import io.mirach.server.transport.LeaseChannel;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Which voters of the groups led here are short of room on their disks, as they say when they
 * confirm leases. A leader that did not ask would go on writing until a follower's log has no room
 * and its process ends. Thread-safe; never blocks.
 */
public final class PeerRoom implements LeaseChannel.RoomListener {
    // Who is silent for so long is away: it gets what was written meanwhile when it is back. Far
    // above the 100 ms between two answers, so that a lost one does not let writes through.
    private static final long FORGOTTEN_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final LongSupplier nanoTime;

    /** By group, the data dirs that are short of room, and when they last said so. Nearly empty. */
    private final Map<UUID, Map<UUID, Long>> low = new ConcurrentHashMap<>();

    public PeerRoom(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    @Override
    public void heard(UUID dataDir, Set<UUID> groups, boolean roomIsLow) {
        if (!roomIsLow && low.isEmpty()) {
            return;
        }
        long now = nanoTime.getAsLong();
        for (UUID group : groups) {
            low.compute(
                    group,
                    (key, dirs) -> {
                        Map<UUID, Long> after = dirs == null ? new ConcurrentHashMap<>() : dirs;
                        if (roomIsLow) {
                            after.put(dataDir, now);
                        } else {
                            after.remove(dataDir);
                        }
                        return after.isEmpty() ? null : after;
                    });
        }
    }

    /** Whether a voter of the group that was heard lately is short of room. */
    boolean isLow(UUID group) {
        Map<UUID, Long> dirs = low.get(group);
        if (dirs == null) {
            return false;
        }
        long now = nanoTime.getAsLong();
        return dirs.values().stream().anyMatch(heard -> now - heard < FORGOTTEN_NANOS);
    }
}
