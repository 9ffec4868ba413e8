package io.mirach.ops.chaos;

import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;

/** kill -9 of nodes, all at once, and their start again after a while. */
final class KillNodes implements Fault {
    private final String name;
    private final String whom;
    // How many, of so many nodes.
    private final IntUnaryOperator count;

    private KillNodes(String name, String whom, IntUnaryOperator count) {
        this.name = name;
        this.whom = whom;
        this.count = count;
    }

    static KillNodes leader() {
        return new KillNodes("kill-leader", "a placement group's leader", all -> 1);
    }

    static KillNodes majority() {
        return new KillNodes("kill-majority", "a majority of the nodes", all -> all / 2 + 1);
    }

    static KillNodes all() {
        return new KillNodes("kill-all", "all nodes", all -> all);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return "kill -9 of " + whom + "; started again after up to 3 s";
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        List<ClusterNode> victims = scene.someNodes(count);
        for (ClusterNode victim : victims) {
            victim.beginKill();
        }
        for (ClusterNode victim : victims) {
            victim.kill();
        }
        try {
            scene.pause(0, 3_000);
        } finally {
            victims.forEach(ClusterNode::start);
        }
        for (ClusterNode victim : victims) {
            scene.cluster().awaitAnswer(victim);
        }
        return "killed "
                + victims.stream().map(ClusterNode::name).collect(Collectors.joining(", "));
    }
}
