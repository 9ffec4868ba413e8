package io.mirach.ops.chaos;

import io.mirach.cli.CliClock;
import io.mirach.cli.ExitCode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mirach chaos}, which {@code chaos/run} starts with the memory that it needs. */
@Command(
        name = "chaos",
        hidden = true,
        description = {
            "Break a cluster on purpose, and check what its clients saw.",
            "Starts storage nodes as processes of their own, runs a workload while faults strike,"
                    + " records every call, and judges the history. Partitions need root: each"
                    + " node then has a network namespace; without it they are skipped."
        },
        footer = {
            "",
            "Exit code: 0 no violation, 1 a violation or a cluster that did not come back."
        })
final class ChaosCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "What is drawn, is drawn from this. Default: a new one.")
    Optional<Long> seed = Optional.empty();

    @ArgGroup Length length = new Length();

    /** One of the two. */
    static final class Length {
        @Option(
                names = "--seconds",
                paramLabel = "N",
                description = "Run at least so long. Default: 60.")
        int seconds = 60;

        @Option(names = "--minutes", paramLabel = "N", description = "The same, in minutes.")
        int minutes;

        Duration time() {
            return minutes == 0 ? Duration.ofSeconds(seconds) : Duration.ofMinutes(minutes);
        }

        boolean isNegative() {
            return seconds < 0 || minutes < 0;
        }
    }

    @Option(
            names = "--strikes",
            paramLabel = "N",
            defaultValue = "1",
            description = "Run until each fault struck so often. Default: ${DEFAULT-VALUE}.")
    int strikes;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            defaultValue = Workloads.REGISTERS,
            description = "What the clients do. Default: ${DEFAULT-VALUE}.")
    String workload;

    @Option(
            names = "--faults",
            paramLabel = "NAMES",
            defaultValue = "all",
            description = "Which faults strike, by commas; all, or none. Default: all.")
    String faults;

    @Option(
            names = "--nodes",
            paramLabel = "N",
            defaultValue = "3",
            description = "Storage nodes, 3 or more. Default: ${DEFAULT-VALUE}.")
    int nodes;

    @Option(
            names = "--keep",
            paramLabel = "DIR",
            description =
                    "Keep data, logs and history here, in a new or empty folder. Without it they"
                            + " are kept only when the run fails.")
    Optional<Path> keep = Optional.empty();

    @Option(names = "--list", description = "List workloads and faults, and end.")
    boolean list;

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        if (list) {
            Workloads.names().forEach(name -> out.println("workload " + name));
            for (Fault fault : Faults.all()) {
                out.printf("fault    %-15s %s%n", fault.name(), fault.description());
            }
            return ExitCode.OK.number();
        }
        Optional<String> why = Workloads.unavailable(workload);
        if (why.isPresent()) {
            out.println("skipped --workload " + workload + ": " + why.get());
            return ExitCode.OK.number();
        }
        ChaosSettings settings = settings();
        out.println("seed " + settings.seed() + "; again: " + again(settings.seed()));
        out.flush();
        ChaosRun run =
                new ChaosRun(
                        settings,
                        CliClock.system(),
                        line -> {
                            out.println(line);
                            out.flush();
                        });
        Thread end = new Thread(run::abort, "chaos-end");
        Runtime.getRuntime().addShutdownHook(end);
        ChaosReport report = run.run();
        Runtime.getRuntime().removeShutdownHook(end);
        print(report, settings, out);
        return report.passed() ? ExitCode.OK.number() : ExitCode.FAILED.number();
    }

    private ChaosSettings settings() {
        if (length.isNegative() || strikes < 0 || nodes < 3) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "--seconds, --minutes and --strikes must be 0 or more, --nodes 3 or more");
        }
        Workloads.check(workload);
        List<Fault> chosen = Faults.parse(faults);
        return new ChaosSettings(
                seed.orElseGet(() -> ThreadLocalRandom.current().nextLong(Integer.MAX_VALUE)),
                length.time(),
                strikes,
                nodes,
                3,
                workload,
                chosen,
                launcher(),
                folder());
    }

    private static Path launcher() {
        String home = System.getProperty("mirach.home");
        if (home == null) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG, "the system property mirach.home is not set")
                    .withRemedy("start it by chaos/run or bin/mirach");
        }
        return Path.of(home, "bin", "mirach");
    }

    private Path folder() {
        try {
            if (keep.isEmpty()) {
                return Files.createTempDirectory("mirach-chaos");
            }
            Path folder = keep.get().toAbsolutePath();
            Files.createDirectories(folder);
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new MirachException(ErrorCode.CONFLICT, folder + " is not empty")
                            .withRemedy("name a new or empty folder with --keep DIR");
                }
            }
            return folder;
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "cannot use a folder: " + e.getMessage(), e);
        }
    }

    private String again(long itsSeed) {
        return "ops/chaos/run --seed "
                + itsSeed
                + " --seconds "
                + length.time().toSeconds()
                + " --strikes "
                + strikes
                + " --workload "
                + workload
                + " --faults "
                + faults
                + " --nodes "
                + nodes;
    }

    private void print(ChaosReport report, ChaosSettings settings, PrintWriter out) {
        out.println();
        report.strikes()
                .forEach(
                        (name, strikes) ->
                                out.printf(
                                        "%-15s struck %d times, longest write: median %d ms,"
                                                + " worst %d ms%n",
                                        name,
                                        strikes.count(),
                                        strikes.medianPause().toMillis(),
                                        strikes.longestPause().toMillis()));
        report.skipped().forEach((name, why) -> out.printf("%-15s skipped: %s%n", name, why));
        out.printf(
                "%d acknowledged writes, %d reads, %d writes of unknown outcome, in %d s%n",
                report.acknowledgedWrites(),
                report.answeredReads(),
                report.unknownWrites(),
                report.time().toSeconds());
        report.trouble().ifPresent(why -> out.println("TROUBLE: " + why));
        report.violations().forEach(violation -> out.println("VIOLATION: " + violation));
        if (report.passed()) {
            out.println("no violation");
        } else {
            out.println("seed " + settings.seed() + "; again: " + again(settings.seed()));
        }
        if (report.passed() && keep.isEmpty()) {
            delete(settings.folder());
        } else {
            out.println("history, findings, logs and data are in " + settings.folder());
        }
        out.flush();
    }

    private static void delete(Path folder) {
        try (Stream<Path> tree = Files.walk(folder)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete " + folder, e);
        }
    }
}
