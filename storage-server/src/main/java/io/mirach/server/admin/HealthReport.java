package io.mirach.server.admin;

import io.mirach.admin.DfView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.admin.StatusView.Health;
import io.mirach.admin.StatusView.Reason;
import io.mirach.model.ClusterImage;
import io.mirach.model.Volume;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Judges the cluster's health: what is wrong, how bad it is, and the next command to run. */
final class HealthReport {
    private final ClusterImage image;
    private final ClusterReports reports;
    private final List<Reason> reasons = new ArrayList<>();

    private HealthReport(ClusterImage image, ClusterReports reports) {
        this.image = image;
        this.reports = reports;
    }

    static StatusView of(ClusterImage image, ClusterReports reports, Optional<String> metaLeader) {
        return new HealthReport(image, reports).status(metaLeader);
    }

    private StatusView status(Optional<String> metaLeader) {
        List<NodeSummary> nodes = reports.nodes();
        List<PgView> all = reports.placementGroups();
        List<GatewayView> gateways = reports.gateways();
        List<PgView> groups = all.stream().filter(pg -> pg.id() != 0).toList();
        judgeNodes(nodes);
        all.forEach(this::judgeGroup);
        reports.df().rows().forEach(this::judgeRoom);
        gateways.forEach(this::judgeGateway);
        reasons.sort(Comparator.comparing(Reason::severity).reversed());
        return new StatusView(
                reasons.isEmpty() ? Health.OK : reasons.get(0).severity(),
                reasons,
                Optional.of(image.clusterId()),
                metaLeader,
                image.version(),
                reports.capacity(),
                nodes,
                new StatusView.PgCounts(
                        groups.size(),
                        count(groups, PgView.Condition.HEALTHY),
                        count(groups, PgView.Condition.DEGRADED),
                        count(groups, PgView.Condition.UNSERVED)
                                + count(groups, PgView.Condition.CREATING)),
                new StatusView.VolumeCounts(
                        (int)
                                image.volumes().values().stream()
                                        .filter(v -> v.state() != Volume.State.DELETING)
                                        .count(),
                        image.attachments().size(),
                        reports.provisionedBytes()),
                gateways,
                reports.attachments());
    }

    private static int count(List<PgView> groups, PgView.Condition condition) {
        return (int) groups.stream().filter(pg -> pg.state() == condition).count();
    }

    private void judgeNodes(List<NodeSummary> nodes) {
        for (NodeSummary node : nodes) {
            if (node.state() == NodeSummary.State.DOWN) {
                String since =
                        node.lastSeenMs() < 0
                                ? "has not been heard since the meta leader changed"
                                : "was last heard " + node.lastSeenMs() / 1000 + " s ago";
                add(
                        Health.WARN,
                        "NODE_DOWN",
                        "node " + node.name() + " " + since,
                        "on that machine: mirach node start --config FILE");
            }
        }
    }

    private void judgeGroup(PgView pg) {
        String name = pg.id() == 0 ? "the meta group" : "pg" + pg.id();
        switch (pg.state()) {
            case UNSERVED ->
                    add(
                            Health.ERROR,
                            "PG_NO_LEADER",
                            name + " has no leader: nothing in it is served",
                            "mirach node ls");
            case CREATING ->
                    add(
                            Health.WARN,
                            "PG_CREATING",
                            name + " is being created",
                            "mirach pg ls --watch");
            case DEGRADED, HEALTHY -> pg.members().forEach(m -> judgeMember(name, m));
        }
    }

    private void judgeMember(String group, PgView.Member member) {
        String replica = "the replica of " + group + " on node " + member.node();
        if (member.needsBackfill()) {
            add(
                    Health.WARN,
                    "REPLICA_NEEDS_BACKFILL",
                    replica + " has fallen behind the log that is kept",
                    "mirach pg ls");
        } else if (member.role().equals("UNREACHABLE")) {
            add(Health.WARN, "REPLICA_MISSING", replica + " is not reachable", "mirach node ls");
        } else if (member.lagEntries() > ClusterReports.LAGGING_ENTRIES) {
            add(
                    Health.WARN,
                    "REPLICA_LAGS",
                    replica + " is " + member.lagEntries() + " entries behind",
                    "mirach pg ls --watch");
        }
    }

    private void judgeRoom(DfView.Row row) {
        String where = row.path() + " on node " + row.node();
        switch (row.fill()) {
            case FULL -> add(Health.ERROR, "FULL", where + " is full", "mirach df");
            case NEAR_FULL -> add(Health.WARN, "NEAR_FULL", where + " is nearly full", "mirach df");
            case OK -> {}
        }
    }

    private void judgeGateway(GatewayView gateway) {
        if (gateway.state() == GatewayView.State.DOWN && !gateway.volumes().isEmpty()) {
            add(
                    Health.WARN,
                    "GATEWAY_DOWN",
                    "gateway "
                            + gateway.name()
                            + " is not heard and holds "
                            + String.join(", ", gateway.volumes()),
                    "start it again, or mirach detach " + gateway.volumes().get(0) + " --force");
        }
    }

    private void add(Health severity, String code, String detail, String remedy) {
        reasons.add(new Reason(severity, code, detail, remedy));
    }
}
