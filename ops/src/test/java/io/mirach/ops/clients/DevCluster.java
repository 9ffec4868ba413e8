package io.mirach.ops.clients;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * A cluster of separate processes, as {@code mirach dev} starts it, in a folder and on ports of its
 * own.
 */
final class DevCluster implements AutoCloseable {
    static final Duration START_LIMIT = Duration.ofMinutes(3);
    private static final int PORTS = 40;

    /** Half of the time of a test goes to the compilers otherwise. */
    private static final String QUICK_START = "-XX:TieredStopAtLevel=1";

    private final Path launcher;
    private final Path dir;
    private final int basePort;
    private final String javaOptions;

    private DevCluster(Path dir, int basePort, String javaOptions) {
        this.dir = dir;
        this.basePort = basePort;
        this.javaOptions = javaOptions;
        this.launcher = projectDir().resolve("ops/bin/mirach");
    }

    /** Starts a new cluster of three nodes and waits until it serves the volume {@code demo}. */
    static DevCluster start() {
        return start(QUICK_START);
    }

    /** The same, by processes with all that users give them. */
    static DevCluster startAsUsersDo() {
        return start("");
    }

    private static DevCluster start(String javaOptions) {
        DevCluster cluster = unstarted(javaOptions);
        try {
            cluster.startAll();
        } catch (Throwable e) {
            cluster.close();
            throw e;
        }
        return cluster;
    }

    /** An empty folder, and ports that are free; processes will be as users have them. */
    static DevCluster unstarted() {
        return unstarted("");
    }

    private static DevCluster unstarted(String javaOptions) {
        try {
            // A unix socket's path is limited to about 100 bytes, so the folder's must be short.
            return new DevCluster(
                    Files.createTempDirectory("mirach-dev"), freePorts(), javaOptions);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path projectDir() {
        // Maven runs tests in the module's folder.
        return Path.of("").toAbsolutePath().getParent();
    }

    /** Starts in the background with further options; returns what it printed. */
    String startAll(String... options) {
        List<String> words =
                new ArrayList<>(List.of("--detach", "--base-port", Integer.toString(basePort)));
        words.addAll(List.of(options));
        return dev(words.toArray(String[]::new)).run(START_LIMIT);
    }

    /** An NBD URI on the gateway's unix socket. */
    String uri(String volume) {
        return "nbd+unix:///" + volume + "?socket=" + dir.resolve("nbd.sock");
    }

    String tcpUri(String volume) {
        return "nbd://127.0.0.1:" + basePort + "/" + volume;
    }

    int basePort() {
        return basePort;
    }

    Path dir() {
        return dir;
    }

    /**
     * Starts one more gateway, which serves what it is ordered to at {@code folder/nbd.sock}.
     *
     * @param folder for all its files
     * @param settings further lines of its configuration
     */
    Command.Running startGateway(String name, Path folder, String... settings) {
        Path config = folder.resolve("gateway.yaml");
        List<String> lines =
                new ArrayList<>(
                        List.of(
                                "name: " + name,
                                "endpoints: [" + endpoints().replace(",", ", ") + "]",
                                "listen: ['unix://" + folder.resolve("nbd.sock") + "']",
                                "state-dir: " + folder.resolve("state")));
        lines.addAll(List.of(settings));
        try {
            Files.createDirectories(folder);
            Files.write(config, lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return command("gateway", "start", "--config", config.toString()).start();
    }

    /** HTTP addresses of the nodes, by commas. */
    String endpoints() {
        try {
            return Files.readString(dir.resolve("endpoint")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs an administrator's command, which must succeed. */
    String mirach(String... arguments) {
        return command(arguments).run(Duration.ofMinutes(1));
    }

    /** An administrator's command. */
    Command command(String... arguments) {
        List<String> words = new ArrayList<>(List.of(launcher.toString()));
        words.addAll(Arrays.asList(arguments));
        return Command.of(words)
                .env("MIRACH_ENDPOINT", endpoints())
                .env("MIRACH_JAVA_OPTS", javaOptions);
    }

    void killNode(int number) {
        dev("node", "kill", Integer.toString(number)).run(Duration.ofMinutes(1));
    }

    void startNode(int number) {
        dev("node", "start", Integer.toString(number)).run(Duration.ofMinutes(2));
    }

    /** kill -9 of the gateway and all nodes, as close together as it can be done. */
    void killEverything() {
        List<ProcessHandle> processes = processes();
        processes.forEach(ProcessHandle::destroyForcibly);
        processes.forEach(process -> process.onExit().join());
    }

    /** Those that have a pid file and run. */
    List<ProcessHandle> processes() {
        try (Stream<Path> files = Files.list(dir)) {
            return files.filter(file -> file.toString().endsWith(".pid"))
                    .map(DevCluster::processOf)
                    .flatMap(Optional::stream)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<ProcessHandle> processOf(Path pidFile) {
        try {
            return ProcessHandle.of(Long.parseLong(Files.readString(pidFile).strip()))
                    .filter(process -> process.info().command().orElse("").endsWith("java"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@code mirach dev --data DIR}, for a shell. */
    String devCommand() {
        return launcher + " dev --data " + dir;
    }

    /** {@code mirach dev --data DIR ARGUMENTS}. */
    Command dev(String... arguments) {
        return devIn(dir, arguments);
    }

    /** The same for a cluster in another folder. */
    Command devIn(Path folder, String... arguments) {
        List<String> words =
                new ArrayList<>(List.of(launcher.toString(), "dev", "--data", folder.toString()));
        words.addAll(Arrays.asList(arguments));
        return Command.of(words).env("MIRACH_JAVA_OPTS", javaOptions);
    }

    @Override
    public void close() {
        try {
            dev("--stop").start().end(Duration.ofMinutes(1));
        } finally {
            killEverything();
            deleteRecursively(dir);
        }
    }

    private static void deleteRecursively(Path root) {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int freePorts() {
        for (int attempt = 0; attempt < 100; attempt++) {
            int base = ThreadLocalRandom.current().nextInt(20_000, 30_000);
            if (Stream.iterate(base, port -> port + 1).limit(PORTS).allMatch(DevCluster::isFree)) {
                return base;
            }
        }
        throw new IllegalStateException("no run of " + PORTS + " free ports");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
