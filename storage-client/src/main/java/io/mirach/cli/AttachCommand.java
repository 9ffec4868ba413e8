package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.ExportRequest;
import io.mirach.admin.ExportView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.Routes;
import io.mirach.admin.VolumeView;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach attach}. */
@Command(
        name = "attach",
        description = {
            "Attach a volume at a gateway, wait until it is served, and print its NBD URIs.",
            "A volume has one attachment: VOLUME_IN_USE while another gateway holds it."
        },
        footer = {
            "",
            "Examples:",
            "  mirach attach vm1",
            "  mirach attach vm1 --gateway host7 --read-only",
            "  qemu-system-x86_64 -drive \"file=$(mirach attach vm1 | head -1),format=raw\" ..."
        })
final class AttachCommand extends ChangeCommand {
    @Parameters(paramLabel = "VOLUME", description = "Its name.")
    String name;

    @Option(
            names = {"-g", "--gateway"},
            paramLabel = "NAME",
            description = "The gateway; may be left out if there is only one.")
    Optional<String> gateway = Optional.empty();

    @Option(names = "--read-only", description = "Refuse writes.")
    boolean readOnly;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "How long to wait; default: ${DEFAULT-VALUE}.")
    int timeoutSeconds;

    private ExportRequest body() {
        return new ExportRequest(
                gateway, readOnly ? Attachment.Mode.READ_ONLY : Attachment.Mode.READ_WRITE);
    }

    @Override
    List<AdminCall> requests() {
        return List.of(
                AdminCall.post(
                        Routes.path(Routes.VOLUME_EXPORT, VolumeCommands.checkedName(name)),
                        body()));
    }

    @Override
    String check(AdminClient client) {
        VolumeView volume = client.volume(VolumeCommands.checkedName(name));
        GatewayView chosen = chosenGateway(client.gateways());
        volume.attachment()
                .filter(a -> !a.gateway().equals(chosen.name()))
                .ifPresent(
                        a -> {
                            throw new MirachException(
                                            ErrorCode.VOLUME_IN_USE,
                                            "volume " + name + " is held by gateway " + a.gateway())
                                    .withRemedy("mirach detach " + name);
                        });
        return "attach volume " + name + " at gateway " + chosen.name();
    }

    private GatewayView chosenGateway(List<GatewayView> gateways) {
        List<GatewayView> candidates =
                gateways.stream()
                        .filter(g -> gateway.isEmpty() || g.name().equals(gateway.get()))
                        .toList();
        if (candidates.isEmpty()) {
            throw new MirachException(
                    ErrorCode.NO_SUCH_GATEWAY,
                    gateway.map(g -> "there is no gateway '" + g + "'")
                            .orElse("there is no gateway"));
        }
        if (candidates.size() > 1) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "there are " + candidates.size() + " gateways")
                    .withRemedy("choose one with --gateway NAME; 'mirach gateway ls' has them");
        }
        return candidates.get(0);
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        Duration limit = Duration.ofSeconds(timeoutSeconds);
        ExportView export = client.export(VolumeCommands.checkedName(name), body());
        VolumeView volume =
                progress()
                        .watch(
                                () -> client.volume(name),
                                v -> isServed(v, export),
                                v -> wording(v, export),
                                limit);
        if (!isServed(volume, export)) {
            throw timedOut("gateway " + export.gateway() + " did not attach volume " + name, limit);
        }
        progress().tell("volume " + name + " is attached at gateway " + export.gateway());
        List<String> uris =
                volume.attachment()
                        .map(AttachmentView::nbdUris)
                        .filter(u -> !u.isEmpty())
                        .orElse(export.nbdUris());
        uris.forEach(out::println);
    }

    private static boolean isServed(VolumeView volume, ExportView export) {
        return volume.attachment()
                .filter(a -> a.gateway().equals(export.gateway()))
                .filter(a -> a.state() == Attachment.State.LIVE)
                .isPresent();
    }

    private String wording(VolumeView volume, ExportView export) {
        return volume.attachment()
                .map(
                        a ->
                                a.gateway().equals(export.gateway())
                                        ? "waiting for every placement group to admit epoch "
                                                + a.epoch()
                                        : "waiting for gateway " + a.gateway() + " to give it back")
                .orElse("waiting for gateway " + export.gateway() + " to attach " + name);
    }
}
