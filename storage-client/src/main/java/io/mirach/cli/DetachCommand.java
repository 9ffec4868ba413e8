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
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach detach}. */
@Command(
        name = "detach",
        description = {
            "Detach a volume from its gateway, and wait until it is free.",
            "--force takes it from a gateway that does not give it back: that one is fenced, and"
                    + " nothing that it sends afterwards is read or written."
        },
        footer = {"", "Examples:", "  mirach detach vm1", "  mirach detach vm1 --force"})
final class DetachCommand extends ChangeCommand {
    @Parameters(paramLabel = "VOLUME", description = "Its name.")
    String name;

    @Option(
            names = {"-g", "--gateway"},
            paramLabel = "NAME",
            description = "Only if it is this gateway that holds it.")
    Optional<String> gateway = Optional.empty();

    @Option(names = "--force", description = "Do not wait for the gateway's consent.")
    boolean force;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "How long to wait; default: ${DEFAULT-VALUE}.")
    int timeoutSeconds;

    private AdminCall removeExport() {
        return AdminCall.delete(
                Routes.path(Routes.VOLUME_EXPORT, VolumeCommands.checkedName(name)));
    }

    private AdminCall endAttachment() {
        return AdminCall.post(
                Routes.path(Routes.VOLUME_DETACH, VolumeCommands.checkedName(name)),
                new DetachRequest(force));
    }

    @Override
    List<AdminCall> requests() {
        List<AdminCall> calls = new ArrayList<>(List.of(removeExport()));
        if (force) {
            calls.add(endAttachment());
        }
        return calls;
    }

    /** The volume as it is; fails if there is nothing to detach, or not at the gateway named. */
    private VolumeView checked(AdminClient client) {
        VolumeView volume = client.volume(VolumeCommands.checkedName(name));
        String holder =
                volume.attachment()
                        .map(AttachmentView::gateway)
                        .or(() -> volume.export().map(ExportView::gateway))
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NOT_ATTACHED,
                                                "volume " + name + " is not attached"));
        if (gateway.isPresent() && !gateway.get().equals(holder)) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "volume "
                                    + name
                                    + " is held by gateway "
                                    + holder
                                    + ", not "
                                    + gateway.get())
                    .withRemedy("mirach detach " + name + " --gateway " + holder);
        }
        return volume;
    }

    @Override
    String check(AdminClient client) {
        VolumeView volume = checked(client);
        return "detach volume "
                + name
                + " from gateway "
                + volume.attachment()
                        .map(AttachmentView::gateway)
                        .or(() -> volume.export().map(ExportView::gateway))
                        .orElseThrow();
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        Duration limit = Duration.ofSeconds(timeoutSeconds);
        VolumeView volume = checked(client);
        if (volume.export().isPresent()) {
            client.removeExport(name);
        }
        if (volume.attachment().isPresent() && (force || volume.export().isEmpty())) {
            client.detach(name, new DetachRequest(force));
        }
        VolumeView seen =
                progress()
                        .watch(
                                () -> client.volume(name),
                                v -> v.attachment().isEmpty(),
                                DetachCommand::wording,
                                limit);
        if (seen.attachment().isPresent()) {
            throw new MirachException(
                            ErrorCode.TIMEOUT,
                            "gateway "
                                    + seen.attachment().get().gateway()
                                    + " did not give volume "
                                    + name
                                    + " back within "
                                    + timeoutSeconds
                                    + " s")
                    .withRemedy(
                            "disconnect its NBD clients, or take it with 'mirach detach "
                                    + name
                                    + " --force'");
        }
        out.println("volume " + name + " is detached");
    }

    private static String wording(VolumeView volume) {
        AttachmentView attachment = volume.attachment().orElseThrow();
        return "waiting for gateway "
                + attachment.gateway()
                + " to give it back ("
                + attachment.state()
                + ")";
    }
}
