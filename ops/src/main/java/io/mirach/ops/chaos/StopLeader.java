package io.mirach.ops.chaos;

/**
 * A leader stands still for longer than its read lease and an election take, and then goes on where
 * it was, with all that was sent to it meanwhile in its sockets.
 */
final class StopLeader implements Fault {
    @Override
    public String name() {
        return "stop-leader";
    }

    @Override
    public String description() {
        return "SIGSTOP of a leader, past its lease and an election; then SIGCONT";
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        leader.pause();
        try {
            scene.pause(3_000, 5_000);
        } finally {
            leader.resume();
        }
        return "stopped and continued " + leader.name();
    }
}
