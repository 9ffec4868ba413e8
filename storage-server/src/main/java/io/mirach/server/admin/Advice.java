package io.mirach.server.admin;

import io.mirach.admin.AdviceView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.StatusView;
import io.mirach.admin.StatusView.Health;
import io.mirach.model.ClusterImage;
import io.mirach.model.NodeDuty;
import io.mirach.model.StorageNode;
import io.mirach.server.placement.ClusterSight;
import io.mirach.server.placement.ReplicaPlacement;
import io.mirach.server.placement.Survival;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Says what an administrator should do next, and what happens by itself. */
final class Advice {
    private final StatusView status;
    private final ClusterImage image;
    private final ClusterSight sight;
    private final long replaceAfterMs;
    private final List<AdviceView.Item> items = new ArrayList<>();

    private Advice(StatusView status, ClusterImage image, Outlook outlook) {
        this.status = status;
        this.image = image;
        this.sight = outlook.sight(image);
        this.replaceAfterMs = outlook.replaceAfterMs();
    }

    static AdviceView of(StatusView status, ClusterImage image, Outlook outlook) {
        return new Advice(status, image, outlook).view();
    }

    private AdviceView view() {
        for (StatusView.Reason reason : status.reasons()) {
            if (reason.code().equals("NODE_DOWN")) {
                continue; // Below, with what happens by itself.
            }
            items.add(
                    new AdviceView.Item(
                            reason.severity(),
                            reason.detail(),
                            reason.code().equals("REPLICA_MISSING") ? "" : reason.remedy(),
                            effect(reason)));
        }
        List<String> survivable =
                image.nodes().keySet().stream()
                        .sorted()
                        .filter(
                                node ->
                                        Survival.without(image, sight, node).stream()
                                                .allMatch(Survival.Group::survives))
                        .toList();
        status.nodes().forEach(this::judge);
        judgeSpareNodes();
        items.sort(Comparator.comparing(AdviceView.Item::severity).reversed());
        return new AdviceView(items, survivable);
    }

    private static String effect(StatusView.Reason reason) {
        return switch (reason.code()) {
            case "REPLICA_LOST" -> "it is made anew by itself, from the group's other replicas";
            case "REPLICA_NEEDS_BACKFILL", "REPLICA_LAGS" -> "it catches up by itself";
            case "FULL" ->
                    "writes go on by themselves once there is room: discard, delete volumes, or add"
                            + " a node";
            default -> "";
        };
    }

    private void judge(NodeSummary node) {
        boolean down = node.state() == NodeSummary.State.DOWN;
        boolean expected = node.maintenanceLeftMs() > 0 || node.duty() == NodeDuty.State.JOINING;
        if (down && !expected) {
            items.add(
                    new AdviceView.Item(
                            Health.WARN,
                            "node "
                                    + node.name()
                                    + " "
                                    + HealthReport.since(node)
                                    + ", and holds "
                                    + node.replicas()
                                    + " replicas",
                            HealthReport.startCommand(node),
                            node.replicas() == 0 ? "" : replacement(node)));
        }
    }

    private String replacement(NodeSummary node) {
        boolean haveSpare =
                image.nodes().values().stream()
                                .filter(n -> n.duty().takesReplicas(sight.nowMs()))
                                .filter(n -> sight.up().contains(n.name()))
                                .count()
                        >= ReplicaPlacement.REPLICAS;
        if (!haveSpare) {
            return "if it is gone for good: mirach node add HOST:PORT, for no other node can take"
                    + " its replicas over";
        }
        if (replaceAfterMs == 0) {
            return "if it is gone for good: mirach node drain "
                    + node.name()
                    + ", for replace-after is 0";
        }
        return "else other nodes take its replicas over once it is away for "
                + replaceAfterMs / 1000
                + " s; 'mirach node maintain "
                + node.name()
                + " --for TIME' puts that off";
    }

    /** With as many nodes as replicas nobody can take over from one that is lost. */
    private void judgeSpareNodes() {
        long inService =
                image.nodes().values().stream()
                        .map(StorageNode::duty)
                        .filter(duty -> duty.state() == NodeDuty.State.IN_SERVICE)
                        .count();
        if (inService <= ReplicaPlacement.REPLICAS && status.health() == Health.OK) {
            items.add(
                    new AdviceView.Item(
                            Health.OK,
                            "there are as many nodes as replicas: one that is lost cannot be"
                                    + " replaced by another",
                            "mirach node add HOST:PORT",
                            "replicas of a lost node are made anew by themselves"));
        }
    }
}
