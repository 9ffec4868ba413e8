package io.mirach.server.cluster;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Migration;
import io.mirach.model.VolumeAccess;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How long each attachment and each migration still runs, by the meta leader's monotonic clock.
 * Soft state that no log holds: a new leader begins by granting everyone a full term, since it
 * cannot know what the one before it has promised, and so does a leader that was stopped for a
 * while, since it may not have heard the renewals of that time. Thread-safe.
 *
 * <p>That an attachment has expired revokes nothing. It only means that the next one that wants the
 * volume may have it.
 */
public final class AttachmentTerms {
    /** How long an attachment runs unless renewed. */
    public static final Duration DEFAULT_TERM = Duration.ofSeconds(30);

    // Ticks come every second: so long without one, and this process did not run.
    private static final long STOPPED_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final long termNanos;
    private final LongSupplier nanoTime;
    // Guarded by this.
    private final Map<Epoch, Long> renewedAtNanos = new HashMap<>();
    private final Map<Long, Long> migratingSinceNanos = new HashMap<>();
    private long grantedAllAtNanos;
    private long tickedAtNanos;

    public AttachmentTerms(Duration term, LongSupplier nanoTime) {
        this.termNanos = term.toNanos();
        this.nanoTime = nanoTime;
        begin();
    }

    public long termMs() {
        return TimeUnit.NANOSECONDS.toMillis(termNanos);
    }

    /** This node has begun to lead the meta group. */
    public final synchronized void begin() {
        long now = nanoTime.getAsLong();
        renewedAtNanos.clear();
        migratingSinceNanos.clear();
        grantedAllAtNanos = now;
        tickedAtNanos = now;
    }

    /**
     * What is new in the map starts to run, what is gone is forgotten. Called at least every second
     * while this node leads.
     */
    public synchronized void observe(ClusterImage image) {
        long now = nanoTime.getAsLong();
        if (now - tickedAtNanos > STOPPED_NANOS) {
            grantedAllAtNanos = now;
        }
        tickedAtNanos = now;
        Set<Epoch> held = new HashSet<>();
        Set<Long> migrations = new HashSet<>();
        for (VolumeAccess access : image.access().values()) {
            access.held().map(Attachment::epoch).forEach(held::add);
            access.migration().map(Migration::id).ifPresent(migrations::add);
        }
        renewedAtNanos.keySet().retainAll(held);
        held.forEach(epoch -> renewedAtNanos.putIfAbsent(epoch, now));
        migratingSinceNanos.keySet().retainAll(migrations);
        migrations.forEach(id -> migratingSinceNanos.putIfAbsent(id, now));
    }

    /** Their holder lives: each gets a full term. */
    public synchronized void renewed(Collection<Epoch> epochs) {
        long now = nanoTime.getAsLong();
        epochs.forEach(epoch -> renewedAtNanos.put(epoch, now));
    }

    /** How long an attachment still runs; 0 if it has expired. */
    public synchronized long leftMs(Epoch epoch) {
        return TimeUnit.NANOSECONDS.toMillis(Math.max(0, leftNanos(epoch)));
    }

    private long leftNanos(Epoch epoch) {
        long now = nanoTime.getAsLong();
        Long renewed = renewedAtNanos.get(epoch);
        // One that was not met yet was granted a moment ago.
        long ageNanos = renewed == null ? 0 : Math.min(now - renewed, now - grantedAllAtNanos);
        return termNanos - ageNanos;
    }

    /** Those of a volume that were not renewed in time. */
    public synchronized List<Epoch> expired(VolumeAccess access) {
        return access.held().map(Attachment::epoch).filter(e -> leftNanos(e) <= 0).toList();
    }

    /** How long the window of a migration is still open. */
    public synchronized long leftMs(Migration migration) {
        Long since = migratingSinceNanos.get(migration.id());
        long openMs =
                since == null ? 0 : TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - since);
        return Math.max(0, migration.windowMs() - openMs);
    }
}
