package io.mirach.ops.chaos;

import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.AdminClient;
import io.mirach.admin.PgView;
import io.mirach.model.NodeDuty;
import java.util.List;

/**
 * A node that has lost its data dir comes back with an empty one, as an administrator brings it
 * back: {@code mirach node add --replace}. Stateless.
 */
final class Replacement {
    private Replacement() {}

    /**
     * Empties the data dir of a node that does not run, starts it, and has it replace what it was.
     * Returns when every replica that it had is made anew and votes.
     */
    static void of(Cluster cluster, ClusterNode node) throws InterruptedException {
        node.emptyDataDir();
        node.start();
        cluster.awaitAnswer(node);
        String address = cluster.network().httpAddress(node.number());
        AdminClient itself = cluster.adminOf(node);
        // Refused until the cluster has noticed that the node as it was is gone.
        cluster.await(
                node.name() + " to be let in with its empty data dir",
                () -> {
                    boolean isIn = itself.node().initialised();
                    if (!isIn) {
                        cluster.admin().addNode(new AddNodeRequest(address, true));
                    }
                    return isIn;
                });
        cluster.await(
                "the replicas of " + node.name() + " to be made anew",
                () -> isInService(cluster, node) && isWhole(cluster.admin().placementGroups()));
    }

    private static boolean isInService(Cluster cluster, ClusterNode node) {
        return cluster.admin().nodes().stream()
                .filter(each -> each.name().equals(node.name()))
                .anyMatch(each -> each.duty() == NodeDuty.State.IN_SERVICE);
    }

    private static boolean isWhole(List<PgView> groups) {
        return groups.stream()
                .allMatch(
                        group ->
                                group.state() == PgView.Condition.HEALTHY
                                        && group.move().isEmpty()
                                        && group.members().stream()
                                                .noneMatch(PgView.Member::incoming));
    }
}
