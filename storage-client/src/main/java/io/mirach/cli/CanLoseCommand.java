package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.LossView;
import io.mirach.admin.Routes;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mirach can-lose}. */
@Command(
        name = "can-lose",
        description = {
            "Say whether a node may be lost or stopped now.",
            "Exits with 0 only if every group would still be served without it, with all that was"
                    + " ever acknowledged."
        },
        footer = {
            "",
            "Example:",
            "  mirach can-lose node-2 && ssh node-2 systemctl restart mirach-node"
        })
final class CanLoseCommand extends ReadCommand<LossView> {
    @Parameters(paramLabel = "NODE")
    String node;

    @Override
    AdminCall request() {
        return AdminCall.get(Routes.ofNode(Routes.NODE_LOSS, node));
    }

    @Override
    LossView fetch(AdminClient client) {
        return client.loss(node);
    }

    @Override
    ExitCode exitCode(LossView loss) {
        return loss.safe() ? ExitCode.OK : ExitCode.REFUSED;
    }

    @Override
    void print(LossView loss, PrintWriter out) {
        out.println((loss.safe() ? "yes: " : "no: ") + verdict(loss));
    }

    static String verdict(LossView loss) {
        if (!loss.safe()) {
            return loss.groups().stream()
                    .filter(group -> !group.survives())
                    .map(
                            group ->
                                    (group.id() == 0 ? "the meta group" : "pg" + group.id())
                                            + " would have "
                                            + group.left()
                                            + " current members up, and needs "
                                            + group.needed())
                    .collect(Collectors.joining("; "));
        }
        String served =
                loss.groups().isEmpty()
                        ? "it holds nothing"
                        : "all of its " + loss.groups().size() + " groups are served without it";
        return loss.leads() == 0
                ? served
                : served + "; the " + loss.leads() + " that it leads pause for an election";
    }

    static MirachException unsafe(LossView loss) {
        return new MirachException(
                        ErrorCode.CONFLICT,
                        "node '" + loss.node() + "' cannot be missed now: " + verdict(loss))
                .withRemedy("mirach advise");
    }
}
