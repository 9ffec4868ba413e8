package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.GatewayView;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code mirach gateway}. */
@Command(
        name = "gateway",
        description = "Gateways: the processes that offer volumes over NBD.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = GatewayCommands.Ls.class)
final class GatewayCommands {
    @Command(
            name = "ls",
            description = "List the gateways.",
            footer = {"", "Example:", "  mirach gateway ls"})
    static final class Ls extends ReadCommand<List<GatewayView>> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.GATEWAYS);
        }

        @Override
        List<GatewayView> fetch(AdminClient client) {
            return client.gateways();
        }

        @Override
        void print(List<GatewayView> gateways, PrintWriter out) {
            Table table = new Table("NAME", "STATE", ">SEEN", "HOST", "LISTENS AT", "VOLUMES");
            for (GatewayView g : gateways) {
                table.row(
                        g.name(),
                        g.state(),
                        Wording.age(g.lastSeenMs()),
                        g.host(),
                        String.join(" ", g.nbdUris()),
                        String.join(" ", g.volumes()));
            }
            table.print(out, "");
            for (GatewayView g : gateways) {
                g.ended()
                        .forEach(
                                e ->
                                        out.println(
                                                "gateway "
                                                        + g.name()
                                                        + " no longer offers "
                                                        + e.volume()
                                                        + ": "
                                                        + e.reason()));
            }
        }
    }
}
