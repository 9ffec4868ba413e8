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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code mirach attach}. */
@Command(
        name = "attach",
        description = {
            "Attach a volume at a gateway, wait until it is served, and print its NBD URIs.",
            "It is for this gateway alone unless told otherwise: VOLUME_IN_USE while another one holds"
                    + " it. Readers go beside readers, sharers beside sharers and readers. One that was"
                    + " not heard for the attachments' term (see 'mirach attachment ls') is not in the"
                    + " way."
        },
        footer = {
            "",
            "Examples:",
            "  mirach attach vm1",
            "  mirach attach vm1 --gateway host7 --read-only",
            "  mirach attach cluster-disk --gateway host7 --shared",
            "  mirach attach vm1 --gateway host8 --migrate --window 90s",
            "  mirach attach vm1 --gateway host8 --force",
            "  qemu-system-x86_64 -drive \"file=$(mirach attach vm1 | head -1),format=raw\" ..."
        })
final class AttachCommand extends ChangeCommand {
    private static final int MAX_WINDOW_SECONDS = 3600;
    private static final Pattern WINDOW = Pattern.compile("([0-9]{1,6})(s|m)?");

    @Parameters(paramLabel = "VOLUME", description = "Its name.")
    String name;

    @Option(
            names = {"-g", "--gateway"},
            paramLabel = "NAME",
            description = "The gateway; may be left out if there is only one.")
    Optional<String> gateway = Optional.empty();

    @Option(names = "--read-only", description = "Refuse writes; beside other readers.")
    boolean readOnly;

    @Option(
            names = "--shared",
            description = "Write beside other sharers, for cluster file systems.")
    boolean shared;

    @Option(
            names = "--force",
            description =
                    "Take it from whoever is in the way, at once: they are fenced, and nothing that"
                            + " they send afterwards is read or written.")
    boolean force;

    @Option(
            names = "--migrate",
            description =
                    "For a live migration: the gateway that holds it goes on beside this one until it"
                            + " detaches, at most for the window; then it is fenced. Detaching this"
                            + " one calls the migration off.")
    boolean migrate;

    @Option(
            names = "--window",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "How long both may use it, such as 90s or 2m; default: ${DEFAULT-VALUE}.")
    String window;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "How long to wait; default: ${DEFAULT-VALUE}.")
    int timeoutSeconds;

    private ExportRequest body() {
        if (readOnly && shared || migrate && (readOnly || shared || force)) {
            throw new ParameterException(
                    spec.commandLine(),
                    migrate
                            ? "--migrate goes with none of --read-only, --shared and --force"
                            : "--read-only and --shared exclude each other");
        }
        long windowMs = windowMs();
        return new ExportRequest(
                gateway, mode(), force, migrate ? Optional.of(windowMs) : Optional.empty());
    }

    private long windowMs() {
        Matcher parts = WINDOW.matcher(window);
        long seconds = 0;
        if (parts.matches()) {
            seconds = Long.parseLong(parts.group(1)) * ("m".equals(parts.group(2)) ? 60 : 1);
        }
        if (seconds < 1 || seconds > MAX_WINDOW_SECONDS) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--window: a time such as 90s or 2m, from 1s to 60m: '" + window + "'");
        }
        return seconds * 1000;
    }

    private Attachment.Mode mode() {
        return readOnly
                ? Attachment.Mode.READ_ONLY
                : shared ? Attachment.Mode.SHARED : Attachment.Mode.READ_WRITE;
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
        List<String> inTheWay =
                volume.attachments().stream()
                        .filter(a -> a.state() != Attachment.State.RELEASING)
                        .filter(a -> !a.gateway().equals(chosen.name()))
                        .filter(a -> !a.mode().goesWith(mode()) && a.expiresInMs() > 0)
                        .map(AttachmentView::gateway)
                        .toList();
        if (!inTheWay.isEmpty() && !force && !migrate) {
            throw new MirachException(
                            ErrorCode.VOLUME_IN_USE,
                            "volume " + name + " is held by gateway " + String.join(", ", inTheWay))
                    .withRemedy("mirach detach " + name + ", or add --force");
        }
        String also =
                inTheWay.isEmpty()
                        ? ""
                        : (migrate ? ", beside gateway " : ", taking it from gateway ")
                                + String.join(", ", inTheWay);
        return "attach volume " + name + " at gateway " + chosen.name() + also;
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
                volume.attachmentAt(export.gateway())
                        .map(AttachmentView::nbdUris)
                        .filter(u -> !u.isEmpty())
                        .orElse(export.nbdUris());
        uris.forEach(out::println);
    }

    private static boolean isServed(VolumeView volume, ExportView export) {
        return volume.attachmentAt(export.gateway())
                .filter(a -> a.state() == Attachment.State.LIVE)
                .filter(a -> a.mode() == export.mode())
                .isPresent();
    }

    private String wording(VolumeView volume, ExportView export) {
        Optional<AttachmentView> own = volume.attachmentAt(export.gateway());
        if (own.isPresent()) {
            return "waiting for every placement group to admit epoch " + own.get().epoch();
        }
        return volume.attachments().stream()
                .filter(a -> !a.mode().goesWith(export.mode()) && a.migration().isEmpty())
                .findFirst()
                .map(a -> "waiting for gateway " + a.gateway() + " to give it back")
                .orElse("waiting for gateway " + export.gateway() + " to attach " + name);
    }
}
