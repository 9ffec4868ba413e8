package io.mirach.raft.ratis;

import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.apache.ratis.metrics.Timekeeper;

/** How long the fsyncs of one server's Raft logs took of late. Thread-safe. */
final class SyncTimes {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final int SECONDS = 3;
    private static final Map<String, SyncTimes> BY_SERVER = new ConcurrentHashMap<>();

    private final LongSupplier nanoTime;
    // One bucket per second, this one and those before it. Guarded by this.
    private final long[] sumNanos = new long[SECONDS];
    private final long[] counts = new long[SECONDS];
    private final Set<Sync> underWay = new HashSet<>();
    private long second;

    SyncTimes(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.second = now() / SECOND_NANOS;
    }

    /** Those of a server, which Ratis and its host find by its id. */
    static SyncTimes of(String serverId) {
        return BY_SERVER.computeIfAbsent(serverId, id -> new SyncTimes(System::nanoTime));
    }

    /** The server is gone. */
    static void forget(String serverId) {
        BY_SERVER.remove(serverId);
    }

    private long now() {
        return nanoTime.getAsLong();
    }

    private final class Sync implements Timekeeper.Context {
        private final long beganNanos = now();

        @Override
        public long stop() {
            return ended(this);
        }
    }

    /** An fsync begins; it ends when what is returned is stopped. */
    Timekeeper.Context begin() {
        Sync sync = new Sync();
        synchronized (this) {
            underWay.add(sync);
        }
        return sync;
    }

    private synchronized long ended(Sync sync) {
        long now = now();
        long took = now - sync.beganNanos;
        if (underWay.remove(sync)) {
            advance(now);
            sumNanos[bucket(second)] += took;
            counts[bucket(second)]++;
        }
        return took;
    }

    private static int bucket(long second) {
        return (int) Math.floorMod(second, SECONDS);
    }

    private void advance(long now) {
        long current = now / SECOND_NANOS;
        for (long next = Math.max(second + 1, current - SECONDS + 1); next <= current; next++) {
            sumNanos[bucket(next)] = 0;
            counts[bucket(next)] = 0;
        }
        second = Math.max(second, current);
    }

    /**
     * The mean of those that ended in this second or the two before, or how long the longest of
     * those under way has taken, if that is longer; zero if there is none.
     */
    synchronized Duration recent() {
        long now = now();
        advance(now);
        long sum = 0;
        long count = 0;
        for (int i = 0; i < SECONDS; i++) {
            sum += sumNanos[i];
            count += counts[i];
        }
        long longest = count == 0 ? 0 : sum / count;
        for (Sync sync : underWay) {
            longest = Math.max(longest, now - sync.beganNanos);
        }
        return Duration.ofNanos(longest);
    }
}
