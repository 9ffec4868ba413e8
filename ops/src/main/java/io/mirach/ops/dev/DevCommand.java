package io.mirach.ops.dev;

import io.mirach.admin.NbdUri;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliContext;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCommand;
import io.mirach.cli.Progress;
import io.mirach.model.Volume;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code mirach dev}. */
@Command(
        name = "dev",
        description = {
            "Run a whole cluster on this machine, to try and to develop with.",
            "Starts the storage nodes and a gateway as processes of their own on 127.0.0.1, waits"
                    + " until they serve, creates a volume, and prints its NBD URIs. Ctrl-C stops"
                    + " them; the data is kept. Its gateway serves every volume by name."
        },
        subcommands = {DevNodeCommands.class, DevGatewayCommands.class},
        footer = {
            "",
            "Examples:",
            "  mirach dev                          until Ctrl-C",
            "  mirach dev --detach                 in the background, until 'mirach dev --stop'",
            "  mirach dev --reset                  delete all its data and start anew",
            "  mirach dev --stop --reset           delete all its data, start nothing",
            "  mirach dev node kill 2              what if a node fails?",
            "  mirach dev node start 2",
            "  mirach dev --data /tmp/second --base-port 12000 --nodes 5"
        })
final class DevCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            scope = ScopeType.INHERIT,
            description =
                    "Where all is kept. Default: ~/.local/state/mirach/dev"
                            + " (XDG_STATE_HOME is heeded).")
    Optional<Path> data = Optional.empty();

    @Option(
            names = "--detach",
            description = "Return once the cluster serves; it goes on in the background.")
    boolean detach;

    @Option(names = "--stop", description = "Stop the cluster. The data is kept.")
    boolean stop;

    @Option(
            names = "--reset",
            description = "Stop the cluster and delete all its data; then start anew.")
    boolean reset;

    @Option(
            names = "--nodes",
            paramLabel = "N",
            description = "How many storage nodes, 3 or more; fixed once made. Default: 3.")
    Optional<Integer> nodes = Optional.empty();

    @Option(
            names = "--volume",
            paramLabel = "NAME",
            defaultValue = "demo",
            description = "The volume to create if missing. Default: ${DEFAULT-VALUE}.")
    String volume;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "10GiB",
            description = "The size to create it with. Default: ${DEFAULT-VALUE}.")
    String size;

    @Option(
            names = "--base-port",
            paramLabel = "N",
            description = "The NBD port; all others follow it. Fixed once made. Default: 10809.")
    Optional<Integer> basePort = Optional.empty();

    @Override
    public Integer call() throws Exception {
        long sizeBytes = checkedSize();
        DevFolder folder = folder();
        if (stop) {
            stopAndMaybeClear(folder);
            return ExitCode.OK.number();
        }
        Optional<DevSettings> wanted =
                reset ? Optional.empty() : folder.settings().map(this::unlessOtherwiseAsked);
        DevSettings settings =
                wanted.orElseGet(
                        () ->
                                new DevSettings(
                                        nodes.orElse(DevSettings.DEFAULT_NODES),
                                        basePort.orElse(DevSettings.DEFAULT_BASE_PORT)));
        // Fails before anything is deleted.
        DevCluster cluster = cluster(folder, settings);
        if (reset) {
            stopAndMaybeClear(folder);
        }
        DevForeground foreground = new DevForeground(cluster, out(), progress(), context().clock());
        try (FileChannel lock = folder.lock()) {
            assert lock.isOpen();
            if (cluster.processes().stream().anyMatch(p -> p.running().isPresent())) {
                return reportRunning(cluster, sizeBytes);
            }
            if (folder.settings().isEmpty()) {
                folder.create(settings);
            }
            foreground.stopAtExit();
            foreground.start(volume, sizeBytes);
        }
        printServing(cluster);
        if (detach) {
            foreground.leaveRunning();
            return ExitCode.OK.number();
        }
        out().println("Ctrl-C stops it; the data is kept in " + folder.path());
        out().flush();
        return foreground.watch().number();
    }

    private long checkedSize() {
        if (!VolumeName.isValid(volume)) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "'" + volume + "' is not a volume name")
                    .withRemedy("use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit");
        }
        long sizeBytes = ByteSize.parse(size);
        try {
            Volume.checkSize(sizeBytes);
        } catch (IllegalArgumentException e) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, e.getMessage(), e)
                    .withRemedy("give e.g. --size 10GiB");
        }
        return sizeBytes;
    }

    private DevSettings unlessOtherwiseAsked(DevSettings existing) {
        DevSettings asked =
                new DevSettings(
                        nodes.orElse(existing.nodes()), basePort.orElse(existing.basePort()));
        if (!asked.equals(existing)) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "the dev cluster in "
                                    + folder().path()
                                    + " was made with --nodes "
                                    + existing.nodes()
                                    + " --base-port "
                                    + existing.basePort()
                                    + ", which are fixed")
                    .withRemedy(
                            "leave them out, make it anew with --reset, or make another one with"
                                    + " --data DIR");
        }
        return existing;
    }

    private void stopAndMaybeClear(DevFolder folder) throws IOException, InterruptedException {
        Optional<DevSettings> settings = folder.settings();
        if (settings.isEmpty()) {
            if (stop) {
                out().println("there is no dev cluster in " + folder.path());
            }
            return;
        }
        try (FileChannel lock = folder.lock()) {
            assert lock.isOpen();
            DevCluster cluster = cluster(folder, settings.get());
            boolean ran = cluster.processes().stream().anyMatch(p -> p.running().isPresent());
            cluster.stop();
            if (reset) {
                folder.clear();
                progress().tell("deleted the dev cluster in " + folder.path());
            } else {
                out().println(
                                ran
                                        ? "stopped; the data is kept in " + folder.path()
                                        : "no dev cluster runs in " + folder.path());
            }
        }
    }

    private int reportRunning(DevCluster cluster, long sizeBytes) throws InterruptedException {
        List<DevProcess> down =
                cluster.processes().stream().filter(p -> p.running().isEmpty()).toList();
        out().println("running already, in " + folder().path());
        for (DevProcess process : cluster.processes()) {
            out().println(
                            "  "
                                    + process.name()
                                    + process.running()
                                            .map(p -> "  pid " + p.pid())
                                            .orElse("  DOWN"));
        }
        if (down.isEmpty()) {
            cluster.ensureVolume(volume, sizeBytes);
            printServing(cluster);
            return ExitCode.OK.number();
        }
        String name = down.get(0).name();
        out().println();
        out().println(
                        "next: "
                                + devCommand()
                                + (name.equals("gateway")
                                        ? " gateway start"
                                        : " node start " + name.substring("node-".length())));
        return ExitCode.REFUSED.number();
    }

    private void printServing(DevCluster cluster) {
        String tcp = NbdUri.ofExport("nbd://" + cluster.settings().nbdAddress(), volume);
        String unix = NbdUri.ofUnixSocket(folder().socket(), volume);
        String endpoint =
                folder().path().equals(context().devFolder().toAbsolutePath().normalize())
                        ? ""
                        : " --endpoint " + cluster.settings().endpoints();
        PrintWriter out = out();
        out.println();
        out.println("Mirach serves volume " + volume + " at");
        out.println("  " + tcp);
        out.println("  " + unix);
        out.println();
        out.println("try");
        out.println("  mirach status" + endpoint);
        out.println("  nbdinfo " + tcp);
        out.println("  qemu-img convert -n -f raw -O raw disk.img " + tcp);
        out.println("  mirach volume create vm1 --size 20GiB" + endpoint);
        out.println("  " + devCommand() + " node kill 2     # and 'node start 2'");
        out.println("  " + devCommand() + " --stop");
        out.println();
        out.flush();
    }

    /** This command with the folder, when it is not the default one. */
    private String devCommand() {
        return "mirach dev" + data.map(d -> " --data " + folder().path()).orElse("");
    }

    DevFolder folder() {
        return new DevFolder(data.orElseGet(() -> context().devFolder()));
    }

    /** The cluster that lies in the folder; NOT_INITIALISED if none does. */
    DevCluster existing() {
        DevFolder folder = folder();
        DevSettings settings =
                folder.settings()
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                        ErrorCode.NOT_INITIALISED,
                                                        "there is no dev cluster in "
                                                                + folder.path())
                                                .withRemedy(devCommand() + " --detach"));
        return cluster(folder, settings);
    }

    private DevCluster cluster(DevFolder folder, DevSettings settings) {
        return new DevCluster(
                folder, settings, launcher(), progress(), context().clock(), devCommand());
    }

    /** The script that starts Mirach's processes, with the flags that suit each. */
    private static Path launcher() {
        Path launcher = Path.of(System.getProperty("mirach.home", ""), "bin", "mirach");
        if (System.getProperty("mirach.home") == null || !Files.isExecutable(launcher)) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "'mirach dev' starts its processes by bin/mirach, and there is none at "
                                    + launcher)
                    .withRemedy("run 'ops/bin/mirach dev' of a checkout, or a distribution's");
        }
        return launcher;
    }

    private CliContext context() {
        return MirachCommand.contextOf(spec);
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    Progress progress() {
        return new Progress(spec.commandLine().getErr(), context().clock());
    }
}
