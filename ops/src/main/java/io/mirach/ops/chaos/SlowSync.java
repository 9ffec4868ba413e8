package io.mirach.ops.chaos;

import java.util.Set;

/** Each fsync of a leader's Raft log takes long. */
final class SlowSync implements Fault {
    @Override
    public String name() {
        return "slow-sync";
    }

    @Override
    public String description() {
        return "each fsync of a leader's Raft log takes 0.1 to 2 s longer, for 4 to 8 s";
    }

    @Override
    public Set<Gear> gear() {
        return Set.of(Gear.DISK_ERRORS);
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        int delayMs = 100 + scene.random().nextInt(1_900);
        leader.breakDisk("d" + delayMs, "raft");
        try {
            scene.pause(4_000, 8_000);
        } finally {
            leader.healDisk();
        }
        return "delayed each fsync of " + leader.name() + " by " + delayMs + " ms";
    }
}
