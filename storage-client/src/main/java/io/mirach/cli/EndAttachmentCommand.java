package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.DetachRequest;
import io.mirach.admin.ExportView;
import io.mirach.admin.Routes;
import io.mirach.admin.VolumeView;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ends a volume's attachment at one gateway. */
abstract class EndAttachmentCommand extends ChangeCommand {
    @Parameters(paramLabel = "VOLUME", description = "Its name.")
    String name;

    @Option(
            names = {"-g", "--gateway"},
            paramLabel = "NAME",
            description = "At which gateway; may be left out if only one holds it.")
    Optional<String> gateway = Optional.empty();

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "How long to wait; default: ${DEFAULT-VALUE}.")
    int timeoutSeconds;

    /** Whether to do without the gateway's consent. */
    abstract boolean forced();

    @Override
    final List<AdminCall> requests() {
        VolumeCommands.checkedName(name);
        AdminCall endAttachment =
                AdminCall.post(
                        Routes.path(Routes.VOLUME_DETACH, name),
                        new DetachRequest(forced(), gateway));
        List<AdminCall> calls = new ArrayList<>();
        calls.add(AdminCall.delete(Routes.export(name, gateway)));
        if (forced()) {
            calls.add(endAttachment);
        }
        return calls;
    }

    /** Where the volume is to leave; fails if there is nothing to detach, or not there. */
    private String holder(VolumeView volume) {
        List<String> holders = volume.gateways();
        if (holders.isEmpty()) {
            throw new MirachException(
                    ErrorCode.NOT_ATTACHED, "volume " + name + " is not attached");
        }
        String at = String.join(", ", holders);
        if (gateway.isPresent() && !holders.contains(gateway.get())) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "volume "
                                    + name
                                    + " is held by gateway "
                                    + at
                                    + ", not "
                                    + gateway.get())
                    .withRemedy("mirach detach " + name + " --gateway " + holders.get(0));
        }
        if (gateway.isEmpty() && holders.size() > 1) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "volume " + name + " is at " + holders.size() + " gateways: " + at)
                    .withRemedy("choose one with --gateway NAME");
        }
        return gateway.orElse(holders.get(0));
    }

    @Override
    final String check(AdminClient client) {
        VolumeView volume = client.volume(VolumeCommands.checkedName(name));
        return "detach volume "
                + name
                + " from gateway "
                + holder(volume)
                + (forced() ? ", which is fenced if it lives" : "");
    }

    @Override
    final void change(AdminClient client, PrintWriter out) throws InterruptedException {
        Duration limit = Duration.ofSeconds(timeoutSeconds);
        VolumeView volume = client.volume(VolumeCommands.checkedName(name));
        String from = holder(volume);
        boolean ordered = volume.exports().stream().map(ExportView::gateway).anyMatch(from::equals);
        if (ordered) {
            client.removeExport(name, Optional.of(from));
        }
        if (volume.attachmentAt(from).isPresent() && (forced() || !ordered)) {
            endAttachment(client, from);
        }
        Optional<AttachmentView> seen =
                progress()
                        .watch(
                                () -> client.volume(name).attachmentAt(from),
                                Optional::isEmpty,
                                EndAttachmentCommand::wording,
                                limit);
        if (seen.isPresent()) {
            throw new MirachException(
                            ErrorCode.TIMEOUT,
                            "gateway "
                                    + from
                                    + " did not give volume "
                                    + name
                                    + " back within "
                                    + timeoutSeconds
                                    + " s")
                    .withRemedy(
                            "disconnect its NBD clients, or take it with 'mirach detach "
                                    + name
                                    + " --gateway "
                                    + from
                                    + " --force'");
        }
        out.println("volume " + name + " is detached from gateway " + from);
    }

    private void endAttachment(AdminClient client, String from) {
        try {
            client.detach(name, new DetachRequest(forced(), Optional.of(from)));
        } catch (MirachException e) {
            // It gave it back by itself meanwhile: withdrawing the order may end a migration.
            if (e.code() != ErrorCode.NOT_ATTACHED) {
                throw e;
            }
        }
    }

    private static String wording(Optional<AttachmentView> attachment) {
        return "waiting for gateway "
                + attachment.orElseThrow().gateway()
                + " to give it back ("
                + attachment.orElseThrow().state()
                + ")";
    }
}
