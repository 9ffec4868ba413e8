package io.mirach.ops.chaos;

import java.util.Set;

/** A leader's wall clock is set, and some seconds later set right again. */
final class ClockJump implements Fault {
    private static final int[] OFFSETS_SECONDS = {
        -86_400 * 400, -3_600, -2, 2, 3_600, 86_400 * 400
    };

    @Override
    public String name() {
        return "clock-jump";
    }

    @Override
    public String description() {
        return "a leader's wall clock jumps by 2 s to 400 days, either way, and back";
    }

    @Override
    public Set<Gear> gear() {
        return Set.of(Gear.WALL_CLOCK);
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        int offset = OFFSETS_SECONDS[scene.random().nextInt(OFFSETS_SECONDS.length)];
        leader.setWallClock(offset);
        try {
            scene.pause(3_000, 6_000);
        } finally {
            leader.setWallClock(0);
        }
        return "set the clock of " + leader.name() + " by " + offset + " s";
    }
}
