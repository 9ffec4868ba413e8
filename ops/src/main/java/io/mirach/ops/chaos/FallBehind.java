package io.mirach.ops.chaos;

import io.mirach.admin.PgView;
import io.mirach.model.PlacementGroupId;
import java.util.Optional;

/**
 * A node stays away until a leader's log no longer has what it lacks: then it must be brought up by
 * copying the group's state.
 */
final class FallBehind implements Fault {
    private static final long STEP_BYTES = 8L << 20;

    @Override
    public String name() {
        return "fall-behind";
    }

    @Override
    public String description() {
        return "a node is down until a leader's log has left it behind; it is to be backfilled";
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public Class<? extends Workload> needs() {
        return RegistersWorkload.class;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        long bytes = 0;
        StoppedNode victim = StoppedNode.some(scene);
        try (victim) {
            scene.cluster().awaitLeader(victim.groupNumber());
            while (!isBehind(scene.cluster(), victim)) {
                scene.needed(RegistersWorkload.class)
                        .fill(new PlacementGroupId(victim.groupNumber()), STEP_BYTES);
                bytes += STEP_BYTES;
            }
        }
        return "left %s behind by %d MiB".formatted(victim, bytes >> 20);
    }

    private static boolean isBehind(Cluster cluster, StoppedNode victim)
            throws InterruptedException {
        Optional<PgView.Member> member =
                cluster.group(victim.groupNumber()).members().stream()
                        .filter(each -> each.node().equals(victim.node().name()))
                        .findFirst();
        return member.filter(PgView.Member::needsBackfill).isPresent();
    }
}
