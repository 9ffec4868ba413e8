package io.mirach.server.admin;

import io.mirach.admin.DfView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.admin.StatusView.Health;
import io.mirach.admin.StatusView.Reason;
import io.mirach.model.ClusterImage;
import io.mirach.model.NodeDuty;
import io.mirach.model.Volume;
import io.mirach.protocol.cluster.EndedExport;
import io.mirach.raft.ReplicaStatus;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Judges the cluster's health: what is wrong, how bad it is, and the next command to run. */
final class HealthReport {
    /** A replica that something is wrong with. */
    private record Troubled(PgView pg, PgView.Member member) {
        private static String progress(PgView.Backfill backfill) {
            return backfill.round() == 0
                    ? "waits for its turn"
                    : "round "
                            + backfill.round()
                            + ", "
                            + (backfill.doneBytes() >> 20)
                            + " of "
                            + (backfill.totalBytes() >> 20)
                            + " MiB";
        }

        private Optional<String> damage() {
            PgView.Damage damage = member.damage();
            return damage.beyondRepair()
                    .or(() -> Optional.of(damage.blocks() + " blocks are damaged"))
                    .filter(what -> !damage.intact());
        }

        @Override
        public String toString() {
            return name(pg)
                    + " on "
                    + member.node()
                    + ", data dir "
                    + member.dataDir()
                    + member.lostBecause()
                            .or(this::damage)
                            .or(() -> member.backfill().map(Troubled::progress))
                            .map(because -> ": " + because)
                            .orElse(
                                    member.lagEntries() < 0
                                            ? ""
                                            : ": " + member.lagEntries() + " entries behind");
        }
    }

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
        judgeGroups(all, nodes);
        reports.df().rows().forEach(this::judgeRoom);
        reports.slowDisks().forEach(this::judgeSpeed);
        gateways.forEach(this::judgeGateway);
        gateways.forEach(this::judgeEnded);
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
                                + count(groups, PgView.Condition.CREATING)
                                + count(groups, PgView.Condition.RECOVERING)),
                new StatusView.VolumeCounts(
                        (int)
                                image.volumes().values().stream()
                                        .filter(v -> v.state() != Volume.State.DELETING)
                                        .count(),
                        (int)
                                image.access().values().stream()
                                        .filter(access -> access.held().findAny().isPresent())
                                        .count(),
                        reports.provisionedBytes()),
                gateways,
                reports.attachments());
    }

    private static int count(List<PgView> groups, PgView.Condition condition) {
        return (int) groups.stream().filter(pg -> pg.state() == condition).count();
    }

    private void judgeNodes(List<NodeSummary> nodes) {
        for (NodeSummary node : nodes) {
            boolean down = node.state() == NodeSummary.State.DOWN;
            if (node.duty() == NodeDuty.State.JOINING) {
                add(
                        Health.WARN,
                        "NODE_JOINING",
                        "node " + node.name() + " is to join, and has not been heard yet",
                        "mirach node add " + node.httpAddress());
            } else if (node.maintenanceLeftMs() > 0) {
                add(
                        Health.WARN,
                        "NODE_IN_MAINTENANCE",
                        "node "
                                + node.name()
                                + (down
                                        ? " is down, in a maintenance of "
                                        : " is in maintenance for ")
                                + (node.maintenanceLeftMs() / 60_000 + 1)
                                + " min more",
                        down ? "" : "mirach node maintain " + node.name() + " --end");
            } else if (down) {
                add(
                        Health.WARN,
                        "NODE_DOWN",
                        "node " + node.name() + " " + since(node),
                        startCommand(node));
            }
            if (node.duty() == NodeDuty.State.DRAINING) {
                judgeDraining(node);
            }
        }
    }

    private void judgeDraining(NodeSummary node) {
        if (node.replicas() == 0) {
            add(
                    Health.WARN,
                    "NODE_DRAINED",
                    "node " + node.name() + " is empty, as ordered",
                    "mirach node remove " + node.name());
        } else {
            add(
                    Health.WARN,
                    "NODE_DRAINING",
                    "node "
                            + node.name()
                            + " is being emptied: "
                            + node.replicas()
                            + " replicas are left",
                    "mirach node drain " + node.name());
        }
    }

    static String since(NodeSummary node) {
        return node.lastSeenMs() < 0
                ? "has not been heard since the meta leader changed"
                : "was last heard " + node.lastSeenMs() / 1000 + " s ago";
    }

    static String startCommand(NodeSummary node) {
        return node.labels()
                .getOrDefault(
                        NodeSummary.START_COMMAND_LABEL,
                        "on that machine: mirach node start --config FILE");
    }

    private void judgeGroups(List<PgView> all, List<NodeSummary> nodes) {
        judgeServing(all, PgView.Condition.UNSERVED);
        judgeServing(all, PgView.Condition.CREATING);
        all.forEach(this::judgeRecovery);
        all.forEach(this::judgeScrub);
        for (NodeSummary node : nodes) {
            Map<String, List<Troubled>> troubles = new TreeMap<>();
            for (PgView pg : all) {
                for (PgView.Member member : pg.members()) {
                    if (member.node().equals(node.name())) {
                        trouble(pg, member)
                                .ifPresent(
                                        code ->
                                                troubles.computeIfAbsent(
                                                                code, c -> new ArrayList<>())
                                                        .add(new Troubled(pg, member)));
                    }
                }
            }
            troubles.forEach((code, replicas) -> judgeReplicas(code, replicas, node));
        }
    }

    /** It is told until somebody says that what is left of before may go. */
    private void judgeRecovery(PgView pg) {
        if (pg.recovery().filter(recovery -> !recovery.discards()).isEmpty()) {
            return;
        }
        PgView.Recovery recovery = pg.recovery().get();
        Instant at = Instant.ofEpochMilli(recovery.orderedAtMs()).truncatedTo(ChronoUnit.SECONDS);
        if (pg.state() == PgView.Condition.RECOVERING) {
            add(
                    Health.ERROR,
                    "PG_RECOVERING",
                    name(pg)
                            + " is to go on from the replica on "
                            + recovery.survivor()
                            + ", as ordered at "
                            + at
                            + "; until it has taken over nothing is served",
                    "mirach pg ls --watch; the log of node " + recovery.survivor());
            return;
        }
        add(
                Health.WARN,
                "PG_RECOVERED",
                name(pg)
                        + " had lost its majority and was recovered at "
                        + at
                        + " from the replica on "
                        + recovery.survivor()
                        + ", with possible loss: check what is on the volumes that use it"
                        + (recovery.leftOn().isEmpty()
                                ? ""
                                : "; what it was before is kept on "
                                        + String.join(", ", recovery.leftOn())),
                "when all is checked: mirach pg recover " + name(pg) + " --discard-old");
    }

    private void judgeScrub(PgView pg) {
        pg.scrub()
                .finding()
                .ifPresent(
                        finding ->
                                add(
                                        Health.ERROR,
                                        "PG_DIFFERENT",
                                        name(pg) + ": " + finding,
                                        "mirach pg verify " + name(pg)));
    }

    private void judgeServing(List<PgView> all, PgView.Condition condition) {
        List<PgView> groups = all.stream().filter(pg -> pg.state() == condition).toList();
        if (groups.isEmpty()) {
            return;
        }
        boolean one = groups.size() == 1;
        List<String> items = one ? List.of() : groups.stream().map(HealthReport::name).toList();
        if (condition == PgView.Condition.UNSERVED) {
            add(
                    Health.ERROR,
                    "PG_NO_LEADER",
                    names(groups)
                            + (one
                                    ? " has no leader: nothing in it is served"
                                    : " have no leader: nothing in them is served"),
                    "mirach node ls",
                    items);
        } else {
            add(
                    Health.WARN,
                    "PG_CREATING",
                    names(groups) + (one ? " is" : " are") + " being created",
                    "mirach pg ls --watch",
                    items);
        }
    }

    /** What is wrong with a replica of a group that is served, or lost whether served or not. */
    private static Optional<String> trouble(PgView pg, PgView.Member member) {
        if (member.incoming()) {
            // Its state says nothing of those that count.
            return Optional.empty();
        }
        if (member.lostBecause().isPresent()) {
            return Optional.of("REPLICA_LOST");
        }
        if (pg.state() != PgView.Condition.DEGRADED && pg.state() != PgView.Condition.HEALTHY) {
            return Optional.empty();
        }
        if (!member.damage().intact()) {
            return Optional.of("REPLICA_DAMAGED");
        }
        if (member.needsBackfill()) {
            return Optional.of("REPLICA_NEEDS_BACKFILL");
        }
        if (member.role().equals("UNREACHABLE")) {
            return Optional.of("REPLICA_MISSING");
        }
        if (member.role().equals(ReplicaStatus.Role.LISTENER.name())) {
            return Optional.of("REPLICA_WITHOUT_VOTE");
        }
        return member.lagEntries() > ClusterReports.LAGGING_ENTRIES
                ? Optional.of("REPLICA_LAGS")
                : Optional.empty();
    }

    private void judgeReplicas(String code, List<Troubled> replicas, NodeSummary node) {
        String have =
                names(replicas.stream().map(Troubled::pg).toList())
                        + (replicas.size() == 1 ? " has" : " have")
                        + " a replica on "
                        + node.name();
        boolean down = node.state() == NodeSummary.State.DOWN;
        List<String> items = replicas.stream().map(Troubled::toString).toList();
        switch (code) {
            case "REPLICA_LOST" ->
                    add(
                            Health.ERROR,
                            code,
                            have
                                    + " that is lost: its log is not as the node left it, so it is"
                                    + " set aside and takes no part",
                            "mirach pg ls",
                            items);
            case "REPLICA_DAMAGED" ->
                    add(
                            Health.WARN,
                            code,
                            have
                                    + (replicas.stream()
                                                    .anyMatch(
                                                            r ->
                                                                    r.member()
                                                                            .damage()
                                                                            .beyondRepair()
                                                                            .isPresent())
                                            ? " that is to be made anew"
                                            : " with damaged blocks: they are not served from"
                                                    + " there, and repaired from another one")
                                    + "; the disk may be failing",
                            "mirach pg ls --watch",
                            items);
            case "REPLICA_MISSING" ->
                    add(
                            Health.WARN,
                            code,
                            have + (down ? ", which is down" : ", which does not report it"),
                            "mirach node ls",
                            items);
            case "REPLICA_WITHOUT_VOTE" ->
                    add(
                            Health.WARN,
                            code,
                            have
                                    + " that is being made anew: it has no vote until it is proven"
                                    + " to hold what the others hold",
                            "mirach pg ls --watch",
                            items);
            case "REPLICA_NEEDS_BACKFILL" ->
                    add(
                            Health.WARN,
                            code,
                            have
                                    + (down ? ", which is down and" : " that")
                                    + " has fallen behind the log that is kept"
                                    + (replicas.stream()
                                                    .anyMatch(
                                                            r -> r.member().backfill().isPresent())
                                            ? ", and is being brought up"
                                            : ""),
                            "mirach pg ls --watch",
                            items);
            default ->
                    add(
                            Health.WARN,
                            code,
                            have
                                    + " that is up to "
                                    + replicas.stream()
                                            .mapToLong(r -> r.member().lagEntries())
                                            .max()
                                            .orElse(0)
                                    + " entries behind",
                            "mirach pg ls --watch",
                            items);
        }
    }

    private static String name(PgView pg) {
        return pg.id() == 0 ? "the meta group" : "pg" + pg.id();
    }

    /** Names one or two of them, counts more. */
    private static String names(List<PgView> groups) {
        List<PgView> placement = groups.stream().filter(pg -> pg.id() != 0).toList();
        String counted =
                placement.size() > 1
                        ? placement.size() + " placement groups"
                        : placement.stream().map(HealthReport::name).findFirst().orElse("");
        if (placement.size() == groups.size()) {
            return counted;
        }
        return placement.isEmpty() ? "the meta group" : "the meta group and " + counted;
    }

    private void judgeRoom(DfView.Row row) {
        String where = row.path() + " on node " + row.node();
        switch (row.fill()) {
            case FULL -> add(Health.ERROR, "FULL", where + " is full", "mirach df");
            case NEAR_FULL -> add(Health.WARN, "NEAR_FULL", where + " is nearly full", "mirach df");
            case OK -> {}
        }
    }

    private void judgeSpeed(ClusterReports.SlowDisk slow) {
        add(
                Health.WARN,
                "DISK_SLOW",
                slow.dir().path()
                        + " on node "
                        + slow.node()
                        + " is much slower than the others, or was a minute ago (an fsync of its"
                        + " logs: "
                        + slow.dir().syncMs()
                        + " ms): it leads no group that another data dir can lead",
                "look at that disk; if it stays so: mirach node drain " + slow.node());
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
                    "start it again, or mirach detach "
                            + gateway.volumes().get(0)
                            + " --gateway "
                            + gateway.name()
                            + " --force");
        }
    }

    /** What was taken from a gateway matters as long as it has the order to offer it. */
    private void judgeEnded(GatewayView gateway) {
        for (EndedExport ended : gateway.ended()) {
            boolean ordered =
                    image.volumeNamed(ended.volume())
                            .flatMap(v -> image.accessTo(v.id()).exportAt(gateway.name()))
                            .isPresent();
            if (ordered && !gateway.volumes().contains(ended.volume())) {
                add(
                        Health.WARN,
                        "EXPORT_ENDED",
                        "gateway "
                                + gateway.name()
                                + " has the order to offer "
                                + ended.volume()
                                + " and does not any more: "
                                + ended.reason(),
                        "mirach attach " + ended.volume() + " --gateway " + gateway.name());
            }
        }
    }

    private void add(Health severity, String code, String detail, String remedy) {
        add(severity, code, detail, remedy, List.of());
    }

    private void add(
            Health severity, String code, String detail, String remedy, List<String> items) {
        reasons.add(new Reason(severity, code, detail, remedy, items));
    }
}
