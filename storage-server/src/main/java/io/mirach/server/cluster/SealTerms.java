package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.Sealing;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.server.placement.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * How long placement groups may take to seal a head, by the meta leader's monotonic clock. Soft
 * state that no log holds: a new leader gives each the whole time anew. Thread-safe.
 */
public final class SealTerms {
    /** While the new head is closed nobody can write: guests must not give up their disks. */
    public static final Duration CLOSED_LIMIT = Duration.ofSeconds(10);

    /** While it is open nobody waits but the one who asked for the snapshot. */
    public static final Duration OPEN_LIMIT = Duration.ofSeconds(30);

    private final LongSupplier nanoTime;
    // By snapshot: ids are unique in the cluster.
    private final Map<Long, Long> sealingSinceNanos = new HashMap<>();

    public SealTerms(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** This node has begun to lead the meta group. */
    public synchronized void begin() {
        sealingSinceNanos.clear();
    }

    /** The snapshots to give up. Called at least every second while this node leads. */
    public synchronized List<Step> overdue(ClusterImage image) {
        long now = nanoTime.getAsLong();
        List<Step> steps = new ArrayList<>();
        Set<Long> current = new HashSet<>();
        image.volumes().values().stream()
                .filter(volume -> volume.sealing().isPresent())
                .sorted(Comparator.comparing(Volume::id))
                .forEach(
                        volume -> {
                            Sealing sealing = volume.sealing().get();
                            current.add(sealing.snapshot());
                            long since =
                                    sealingSinceNanos.computeIfAbsent(
                                            sealing.snapshot(), id -> now);
                            if (isBeingTaken(volume, sealing)
                                    && now - since > limit(volume, sealing).toNanos()) {
                                steps.add(new Step.AbortSnapshot(volume, sealing));
                            }
                        });
        sealingSinceNanos.keySet().retainAll(current);
        return steps;
    }

    private static boolean isBeingTaken(Volume volume, Sealing sealing) {
        return volume.snapshot(sealing.snapshot())
                .filter(snapshot -> snapshot.state() == Snapshot.State.SEALING)
                .isPresent();
    }

    private static Duration limit(Volume volume, Sealing sealing) {
        return volume.head().equals(sealing.newHead()) ? OPEN_LIMIT : CLOSED_LIMIT;
    }
}
