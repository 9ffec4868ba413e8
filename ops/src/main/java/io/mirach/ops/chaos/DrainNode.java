package io.mirach.ops.chaos;

import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.model.NodeDuty;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A node's replicas all move to the others, and another node is killed in the middle of it; then it
 * may have replicas again, so that some move back.
 */
final class DrainNode implements Fault {
    private static final int NODES_NEEDED = 4;

    @Override
    public String name() {
        return "drain";
    }

    @Override
    public String description() {
        return "all replicas move off a node, while another one is killed; needs 4 nodes";
    }

    @Override
    public Optional<String> unavailable(Cluster cluster) {
        return cluster.nodes().size() < NODES_NEEDED
                ? Optional.of("three replicas and a node to spare need --nodes 4")
                : Optional.empty();
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode drained = scene.someNode();
        List<ClusterNode> others =
                scene.cluster().nodes().stream().filter(node -> node != drained).toList();
        ClusterNode killed = others.get(scene.random().nextInt(others.size()));
        order(scene.cluster(), drained, NodeDuty.State.DRAINING);
        try {
            scene.pause(0, 3_000);
            killed.kill();
            try {
                scene.pause(0, 2_000);
            } finally {
                killed.start();
            }
            scene.cluster().awaitAnswer(killed);
            scene.cluster()
                    .await(
                            drained.name() + " to be empty",
                            () -> replicas(scene.cluster(), drained) == 0);
        } finally {
            order(scene.cluster(), drained, NodeDuty.State.IN_SERVICE);
        }
        return "drained " + drained.name() + ", and killed " + killed.name() + " meanwhile";
    }

    private static void order(Cluster cluster, ClusterNode node, NodeDuty.State state)
            throws InterruptedException {
        cluster.order(node, new NodeDutyRequest(Optional.of(state), OptionalLong.empty()));
    }

    private static int replicas(Cluster cluster, ClusterNode node) {
        return cluster.admin().nodes().stream()
                .filter(each -> each.name().equals(node.name()))
                .mapToInt(NodeSummary::replicas)
                .findFirst()
                .orElseThrow();
    }
}
