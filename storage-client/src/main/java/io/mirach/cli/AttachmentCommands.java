package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.Routes;
import io.mirach.model.Attachment;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code mirach attachment}. */
@Command(
        name = "attachment",
        description = "Who holds which volume.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {AttachmentCommands.Ls.class, AttachmentCommands.Evict.class})
final class AttachmentCommands {
    @Command(
            name = "ls",
            description = {
                "List the attachments.",
                "EXPIRES: how long until another gateway may have the volume without --force, unless"
                        + " the holder renews, which a gateway does while it lives and reaches the"
                        + " cluster."
            },
            footer = {"", "Examples:", "  mirach attachment ls", "  mirach attachment ls -o yaml"})
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
                            "VOLUME",
                            "MODE",
                            "STATE",
                            "GATEWAY",
                            "HOST",
                            ">EPOCH",
                            ">AGE",
                            ">EXPIRES",
                            "NBD URI");
            for (AttachmentView a : attachments) {
                table.row(
                        a.volume(),
                        Wording.of(a.mode()),
                        a.state(),
                        a.gateway(),
                        a.host(),
                        a.epoch(),
                        Wording.age(a.ageMs()),
                        expiry(a),
                        String.join(" ", a.nbdUris()));
            }
            table.print(out, "");
            attachments.stream()
                    .filter(a -> !a.revokedBecause().isEmpty())
                    .forEach(
                            a ->
                                    out.println(
                                            a.volume()
                                                    + " is taken from gateway "
                                                    + a.gateway()
                                                    + ": "
                                                    + a.revokedBecause()));
            attachments.stream()
                    .flatMap(a -> a.migration().map(m -> wording(a, m)).stream())
                    .distinct()
                    .forEach(out::println);
        }

        private static String wording(AttachmentView a, AttachmentView.MigrationView migration) {
            return a.volume()
                    + " is migrating from gateway "
                    + migration.from()
                    + " to "
                    + migration.to()
                    + ": "
                    + Wording.age(migration.leftMs())
                    + " left";
        }

        private static String expiry(AttachmentView a) {
            if (a.state() == Attachment.State.RELEASING) {
                return "-";
            }
            return a.expiresInMs() <= 0 ? "expired" : "in " + Wording.age(a.expiresInMs());
        }
    }

    /** {@code mirach attachment evict}. */
    @Command(
            name = "evict",
            description = {
                "Take a volume from one gateway, alive or not; others keep it.",
                "That gateway is fenced, and nothing that it sends afterwards is read or written. The"
                        + " same as 'mirach detach VOLUME --gateway NAME --force'."
            },
            footer = {"", "Example:", "  mirach attachment evict cluster-disk --gateway host7"})
    static final class Evict extends EndAttachmentCommand {
        @Override
        boolean forced() {
            return true;
        }
    }
}
