package io.mirach.server.cluster;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Which data dirs' disks are slow, by what heartbeats say: an fsync takes long there, and much
 * longer than on the others. One that was slow counts as slow for a while, so that leaders do not
 * come and go with it. Not thread-safe.
 */
final class SlowDisks {
    static final long SLOW_MS = 100;
    private static final long TIMES_THE_OTHERS = 5;
    private static final long BEGIN_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long REST_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final class Disk {
        long syncMs;
        // Both only if there are such times.
        Long aboveSince;
        Long lastSlow;
    }

    private final Map<UUID, Disk> disks = new HashMap<>();

    void clear() {
        disks.clear();
    }

    void heard(List<NodeHeartbeat.DirUsage> dirs, long nowNanos) {
        dirs.forEach(
                dir ->
                        disks.computeIfAbsent(dir.dataDir(), id -> new Disk()).syncMs =
                                dir.syncMs());
        for (NodeHeartbeat.DirUsage dir : dirs) {
            judge(disks.get(dir.dataDir()), othersMs(dir.dataDir()), nowNanos);
        }
    }

    private static void judge(Disk disk, long othersMs, long nowNanos) {
        if (disk.syncMs < Math.max(SLOW_MS, TIMES_THE_OTHERS * othersMs)) {
            disk.aboveSince = null;
            return;
        }
        if (disk.aboveSince == null) {
            disk.aboveSince = nowNanos;
        }
        if (nowNanos - disk.aboveSince >= BEGIN_NANOS) {
            disk.lastSlow = nowNanos;
        }
    }

    /** The lower median of the other disks that were written; 0 if there are none. */
    private long othersMs(UUID dataDir) {
        long[] others =
                disks.entrySet().stream()
                        .filter(disk -> !disk.getKey().equals(dataDir))
                        .mapToLong(disk -> disk.getValue().syncMs)
                        .filter(ms -> ms > 0)
                        .sorted()
                        .toArray();
        return others.length == 0 ? 0 : others[(others.length - 1) / 2];
    }

    Set<UUID> slow(long nowNanos) {
        Set<UUID> slow = new HashSet<>();
        disks.forEach(
                (dir, disk) -> {
                    if (disk.lastSlow != null && nowNanos - disk.lastSlow < REST_NANOS) {
                        slow.add(dir);
                    }
                });
        return slow;
    }
}
