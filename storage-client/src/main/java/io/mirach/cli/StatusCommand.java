package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.Routes;
import io.mirach.admin.StatusView;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mirach status}. */
@Command(
        name = "status",
        description = {
            "Show the cluster's health in one screen; --detail tells each replica apart.",
            "Exits with 6 when the health is ERROR, so that scripts can ask for it."
        },
        footer = {
            "",
            "Examples:",
            "  mirach status",
            "  mirach status --watch",
            "  mirach status --detail",
            "  mirach status -o json | jq -r .health"
        })
final class StatusCommand extends ReadCommand<StatusView> {
    @Option(names = "--detail", description = "Name every replica that something is wrong with.")
    boolean detail;

    @Override
    AdminCall request() {
        return AdminCall.get(Routes.STATUS);
    }

    @Override
    StatusView fetch(AdminClient client) {
        return client.status();
    }

    @Override
    ExitCode exitCode(StatusView status) {
        return status.health() == StatusView.Health.ERROR ? ExitCode.UNHEALTHY : ExitCode.OK;
    }

    @Override
    void print(StatusView status, PrintWriter out) {
        out.println("cluster " + status.clusterId().map(UUID::toString).orElse("(uninitialised)"));
        out.println("  health       " + status.health());
        for (StatusView.Reason reason : status.reasons()) {
            out.println("               " + reason.code() + ": " + reason.detail());
            if (detail) {
                reason.items().forEach(item -> out.println("                 " + item));
            }
        }
        out.println();
        printServices(status, out);
        out.println();
        printStorage(status, out);
        if (!status.attachments().isEmpty()) {
            out.println();
            printAttachments(status.attachments(), out);
        }
        nextCommand(status).ifPresent(command -> out.println("\nnext: " + command));
    }

    private static void printServices(StatusView status, PrintWriter out) {
        String down =
                status.nodes().stream()
                        .filter(n -> n.state() == NodeSummary.State.DOWN)
                        .map(n -> n.name() + " (seen " + seen(n.lastSeenMs()) + ")")
                        .collect(Collectors.joining(", "));
        long up = status.nodes().stream().filter(n -> n.state() == NodeSummary.State.UP).count();
        out.println("services");
        out.println(
                "  nodes        "
                        + up
                        + " of "
                        + status.nodes().size()
                        + " up"
                        + (down.isEmpty() ? "" : "; down: " + down));
        out.println(
                "  meta         "
                        + status.metaLeader().map(l -> "led by " + l).orElse("no leader")
                        + ", map version "
                        + status.mapVersion());
        out.println("  gateways     " + gateways(status.gateways()));
    }

    private static String seen(long lastSeenMs) {
        return lastSeenMs < 0 ? "never" : Wording.age(lastSeenMs) + " ago";
    }

    private static String gateways(List<GatewayView> gateways) {
        if (gateways.isEmpty()) {
            return "none";
        }
        return gateways.stream()
                .map(
                        g ->
                                g.name()
                                        + (g.state() == GatewayView.State.UP ? " up" : " DOWN")
                                        + (g.nbdUris().isEmpty()
                                                ? ""
                                                : " at " + String.join(" ", g.nbdUris())))
                .collect(Collectors.joining("\n               "));
    }

    private static void printStorage(StatusView status, PrintWriter out) {
        StatusView.PgCounts pgs = status.pgs();
        StatusView.VolumeCounts volumes = status.volumes();
        StatusView.Capacity capacity = status.capacity();
        out.println("storage");
        out.println(
                "  pgs          "
                        + pgs.total()
                        + ": "
                        + pgs.healthy()
                        + " healthy"
                        + (pgs.degraded() > 0 ? ", " + pgs.degraded() + " degraded" : "")
                        + (pgs.unserved() > 0 ? ", " + pgs.unserved() + " NOT SERVED" : ""));
        out.println(
                "  volumes      "
                        + volumes.total()
                        + ", "
                        + volumes.attached()
                        + " attached; "
                        + ByteSize.format(volumes.provisionedBytes())
                        + " provisioned");
        out.println(
                "  capacity     "
                        + ByteSize.format(capacity.usedBytes())
                        + " used, "
                        + ByteSize.format(capacity.availableBytes())
                        + " free of "
                        + ByteSize.format(capacity.totalBytes())
                        + " raw");
    }

    private static void printAttachments(List<AttachmentView> attachments, PrintWriter out) {
        out.println("attachments");
        Table table = new Table("VOLUME", "GATEWAY", "MODE", "STATE", "NBD URI");
        for (AttachmentView a : attachments) {
            table.row(
                    a.volume(),
                    a.gateway(),
                    Wording.of(a.mode()),
                    a.state(),
                    a.nbdUris().stream().findFirst().orElse(""));
        }
        table.print(out, "  ");
    }

    /** The remedy of the worst reason that has one. */
    private static Optional<String> nextCommand(StatusView status) {
        return status.reasons().stream()
                .map(StatusView.Reason::remedy)
                .filter(remedy -> !remedy.isEmpty())
                .findFirst();
    }
}
