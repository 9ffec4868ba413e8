package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code mirach attachment}. */
@Command(
        name = "attachment",
        description = "Who holds which volume.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = AttachmentCommands.Ls.class)
final class AttachmentCommands {
    @Command(
            name = "ls",
            description = "List the attachments.",
            footer = {"", "Example:", "  mirach attachment ls -o yaml"})
    static final class Ls extends ReadCommand<List<AttachmentView>> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.ATTACHMENTS);
        }

        @Override
        List<AttachmentView> fetch(AdminClient client) {
            return client.attachments();
        }

        @Override
        void print(List<AttachmentView> attachments, PrintWriter out) {
            Table table =
                    new Table(
                            "VOLUME", ">EPOCH", "MODE", "STATE", "GATEWAY", "HOST", "SINCE",
                            "NBD URI");
            for (AttachmentView a : attachments) {
                table.row(
                        a.volume(),
                        a.epoch(),
                        Wording.of(a.mode()),
                        a.state(),
                        a.gateway(),
                        a.host(),
                        Wording.moment(a.grantedAtMs()),
                        String.join(" ", a.nbdUris()));
            }
            table.print(out, "");
        }
    }
}
