package io.mirach.ops.dev;

import io.mirach.admin.AdminClient;
import io.mirach.cli.CliClock;
import io.mirach.cli.CliContext;
import io.mirach.cli.CommandProvider;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCli;
import io.mirach.cli.Progress;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;

/**
 * Does once, in this JVM, what nodes, the gateway and commands do when they start: a dev cluster
 * whose nodes are threads is formed, asked and written to. {@code bin/mirach} runs it to learn
 * which classes to put into the archive from which later starts take them.
 */
public final class StartRehearsal {
    private static final Duration STEP_LIMIT = Duration.ofSeconds(60);
    private static final Duration WHOLE_LIMIT = Duration.ofMinutes(5);
    private static final int LOWEST_PORT = 20_000;
    // What the kernel gives to outgoing connections begins above.
    private static final int PORT_RANGE = 12_000;
    private static final int PORT_ATTEMPTS = 50;

    private final CliClock clock = CliClock.system();
    private final PrintWriter out = new PrintWriter(System.out, true);
    private final Path folder;
    private final DevSettings settings;

    private StartRehearsal(Path folder, DevSettings settings) {
        this.folder = folder;
        this.settings = settings;
    }

    /**
     * @param args a folder that does not exist, which holds the cluster's data afterwards
     */
    public static void main(String[] args) {
        endAfter(WHOLE_LIMIT);
        int exitCode = ExitCode.FAILED.number();
        try {
            new StartRehearsal(Path.of(args[0]), settingsOnFreePorts()).run();
            exitCode = ExitCode.OK.number();
        } catch (IOException | InterruptedException | RuntimeException e) {
            e.printStackTrace();
        }
        System.exit(exitCode);
    }

    /** Nobody waits for it, so nobody would end it if it hung. */
    private static void endAfter(Duration limit) {
        Thread watch =
                new Thread(
                        () -> {
                            try {
                                CliClock.system().pause(limit);
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            Runtime.getRuntime().halt(ExitCode.FAILED.number());
                        },
                        "rehearsal-limit");
        watch.setDaemon(true);
        watch.start();
    }

    private static DevSettings settingsOnFreePorts() {
        SplittableRandom random = new SplittableRandom();
        for (int attempt = 1; ; attempt++) {
            DevSettings settings =
                    new DevSettings(
                            DevSettings.DEFAULT_NODES, LOWEST_PORT + random.nextInt(PORT_RANGE));
            try {
                PortCheck.requireFree(settings.ports());
                return settings;
            } catch (MirachException taken) {
                if (attempt == PORT_ATTEMPTS) {
                    throw taken;
                }
            }
        }
    }

    private void run() throws IOException, InterruptedException {
        Files.createDirectories(folder);
        new DevFolder(folder).writeConfigs(settings, "mirach dev", Path.of("mirach"));
        for (int node = 1; node <= settings.nodes(); node++) {
            inBackground("node", "start", "--config", folder + "/node-" + node + ".yaml");
        }
        for (String address : settings.httpAddresses()) {
            AdminClient node = new AdminClient(List.of(HttpEndpoint.parse(address)));
            await(() -> !node.node().name().isEmpty(), "a node to answer");
        }
        command("cluster", "init");
        inBackground("gateway", "start", "--config", folder + "/gateway.yaml");
        AdminClient admin = new AdminClient(HttpEndpoint.parseList(settings.endpoints()));
        await(() -> !admin.gateways().isEmpty(), "the gateway to be known to the cluster");
        command("volume", "create", "rehearsal", "--size", "1GiB");
        for (String[] question :
                new String[][] {
                    {"--help"},
                    {"status"},
                    {"status", "-o", "json"},
                    {"df"},
                    {"node", "ls"},
                    {"pg", "ls"},
                    {"volume", "ls"},
                    {"volume", "show", "rehearsal"},
                    {"attachment", "ls"},
                    {"gateway", "ls"},
                    {"cluster", "show"}
                }) {
            command(question);
        }
        command(
                "bench",
                "--create",
                "--skip-limits",
                "--size=16MiB",
                "--warmup=0",
                "--runtime=1",
                "--jobs=randwrite-4k-qd32,randread-4k-qd1,seqwrite-128k-qd4");
    }

    private int command(String... words) {
        return commandLine().execute(words);
    }

    private void inBackground(String... words) {
        Thread thread = new Thread(() -> command(words), String.join(" ", words));
        thread.setDaemon(true);
        thread.start();
    }

    private CommandLine commandLine() {
        List<CommandProvider> providers =
                ServiceLoader.load(CommandProvider.class).stream()
                        .map(ServiceLoader.Provider::get)
                        .toList();
        CliContext context =
                new CliContext(
                        Map.of(CliContext.ENDPOINT_VARIABLE, settings.endpoints()),
                        folder,
                        false,
                        clock);
        return MirachCli.commandLine(context, providers).setOut(out).setErr(out);
    }

    private void await(BooleanSupplier condition, String what) throws InterruptedException {
        boolean held =
                new Progress(out, clock)
                        .watch(condition::getAsBoolean, h -> h, h -> "for " + what, STEP_LIMIT);
        if (!held) {
            throw new MirachException(ErrorCode.TIMEOUT, "waited in vain for " + what);
        }
    }
}
