package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.Routes;
import io.mirach.admin.VolumeSettings;
import io.mirach.admin.VolumeView;
import io.mirach.model.IoLimitsChange;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach volume set}. */
@Command(
        name = "set",
        description = {
            "Change settings of a volume, also while it is attached; what is not named stays.",
            "A gateway follows when it hears of it: at once, if it reaches the meta group.",
            "Limits hold for all who have the volume attached together, an even part for each."
                    + " A request is never cut: those behind a large one wait for what it took."
                    + " Zeroing and discarding count as writes that carry no data."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  mirach volume set vm1 --read-iops 2000 --write-iops 1000 --write-rate 100MiB",
            "  mirach volume set vm1 --burst 60s            what is saved up in a minute may go at once",
            "  mirach volume set vm1 --write-iops none",
            "  mirach volume set vm1 --strict-reads=on"
        })
final class VolumeSetCommand extends ChangeCommand {
    private static final String NONE = "none";

    @Parameters(paramLabel = "VOLUME", description = "Its name.")
    String name;

    @Option(names = "--read-iops", paramLabel = "N|none", description = "Reads per second.")
    Optional<String> readIops = Optional.empty();

    @Option(
            names = "--write-iops",
            paramLabel = "N|none",
            description = "Writes per second, of any kind.")
    Optional<String> writeIops = Optional.empty();

    @Option(
            names = "--read-rate",
            paramLabel = "SIZE|none",
            description = "Bytes read per second, at least 64KiB.")
    Optional<String> readRate = Optional.empty();

    @Option(
            names = "--write-rate",
            paramLabel = "SIZE|none",
            description = "Bytes written per second, at least 64KiB.")
    Optional<String> writeRate = Optional.empty();

    @Option(
            names = "--burst",
            paramLabel = "TIME",
            description =
                    "What was not used in so long may be used at once later: 1s to 1h. At first"
                            + " 1s.")
    Optional<String> burst = Optional.empty();

    @Option(
            names = "--strict-reads",
            paramLabel = "on|off",
            description = VolumeCommands.STRICT_READS)
    Optional<String> strictReads = Optional.empty();

    private VolumeSettings body() {
        IoLimitsChange limits;
        try {
            limits =
                    new IoLimitsChange(
                            iops("--read-iops", readIops),
                            iops("--write-iops", writeIops),
                            bytes(readRate),
                            bytes(writeRate),
                            burst.map(
                                    text ->
                                            Math.toIntExact(
                                                    TimeSpan.parse("--burst", text).toMillis())));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, e.getMessage(), e)
                    .withRemedy("see 'mirach volume set --help'");
        }
        if (limits.changesNothing() && strictReads.isEmpty()) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, "no setting is named")
                    .withRemedy(
                            "name one, as in 'mirach volume set "
                                    + VolumeCommands.checkedName(name)
                                    + " --write-iops 1000'");
        }
        return new VolumeSettings(
                strictReads.map(this::onOrOff),
                Optional.of(limits).filter(l -> !l.changesNothing()));
    }

    private boolean onOrOff(String text) {
        if (!text.equals("on") && !text.equals("off")) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "--strict-reads is on or off, not '" + text + "'")
                    .withRemedy(
                            "mirach volume set "
                                    + VolumeCommands.checkedName(name)
                                    + " --strict-reads=on");
        }
        return text.equals("on");
    }

    private static Optional<Long> iops(String option, Optional<String> text) {
        try {
            return text.map(t -> t.equals(NONE) ? 0L : positive(option, Long.parseLong(t)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    option + ": '" + text.get() + "' is neither a number nor 'none'", e);
        }
    }

    private static Optional<Long> bytes(Optional<String> text) {
        return text.map(t -> t.equals(NONE) ? 0L : positive("a rate", ByteSize.parse(t)));
    }

    private static long positive(String what, long value) {
        if (value <= 0) {
            throw new IllegalArgumentException(
                    what + " must be positive: for no limit write 'none'");
        }
        return value;
    }

    @Override
    List<AdminCall> requests() {
        return List.of(
                AdminCall.post(
                        Routes.path(Routes.VOLUME_SETTINGS, VolumeCommands.checkedName(name)),
                        body()));
    }

    @Override
    String check(AdminClient client) {
        VolumeSettings change = body();
        VolumeView now = client.volume(VolumeCommands.checkedName(name));
        return "change the settings of volume "
                + name
                + ": "
                + told(
                        change.strictReads().orElse(now.strictReads()),
                        Wording.of(
                                change.limits()
                                        .map(limits -> limits.applyTo(now.limits()))
                                        .orElse(now.limits())));
    }

    @Override
    void change(AdminClient client, PrintWriter out) {
        VolumeView changed = client.changeVolume(VolumeCommands.checkedName(name), body());
        out.println(
                "settings of volume "
                        + name
                        + ": "
                        + told(changed.strictReads(), Wording.of(changed.limits())));
    }

    private static String told(boolean strict, String limits) {
        return "strict reads " + (strict ? "on" : "off") + ", limits " + limits;
    }
}
