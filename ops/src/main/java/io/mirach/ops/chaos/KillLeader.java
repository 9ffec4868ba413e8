package io.mirach.ops.chaos;

/** kill -9 of a leader, and its start again after a while. */
final class KillLeader implements Fault {
    @Override
    public String name() {
        return "kill-leader";
    }

    @Override
    public String description() {
        return "kill -9 of a placement group's leader; started again after up to 3 s";
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        leader.kill();
        try {
            scene.pause(0, 3_000);
        } finally {
            leader.start();
        }
        scene.cluster().awaitAnswer(leader);
        return "killed " + leader.name();
    }
}
