package io.mirach.ops.chaos;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A storage node as a process of its own. Confined to one thread, except {@link #destroy}. */
final class ClusterNode {
    static final int MAX_HEAP_MIB = 192;
    private static final int END_LIMIT_SECONDS = 30;
    // Nodes are young when they are killed, and several share a core: the quick compiler is enough.
    private static final String JAVA_OPTIONS =
            "-XX:TieredStopAtLevel=1 -Xms" + MAX_HEAP_MIB + "m -Xmx" + MAX_HEAP_MIB + "m";

    private final int number;
    private final Path log;
    private final Path folder;
    private final List<String> command;
    private final Equipment equipment;
    private final Optional<SmallDisk> smallDisk;
    private final Optional<PowerLossDisk> powerLossDisk;
    private volatile Optional<Process> process = Optional.empty();
    // Until it is killed on purpose.
    private boolean shouldRun;
    // Guarded by this.
    private boolean destroyed;

    /**
     * @param number from 1
     * @param equipment has the folder for its data, configuration and log
     */
    ClusterNode(int number, Network network, Equipment equipment) {
        this.number = number;
        this.folder = equipment.folder();
        this.equipment = equipment;
        this.smallDisk = equipment.smallDisk("disk-" + number);
        this.powerLossDisk = equipment.powerLossDisk(dataDir());
        this.log = folder.resolve(name() + ".log");
        Path config = folder.resolve(name() + ".yaml");
        this.command = new ArrayList<>(network.commandPrefix(number));
        this.command.addAll(
                List.of(
                        equipment.launcher().toString(),
                        "node",
                        "start",
                        "--config",
                        config.toString()));
        try {
            Files.writeString(
                    config,
                    """
                    name: %s
                    data-dirs: [%s]
                    native-address: %s
                    http-address: %s
                    raft-address: %s
                    zone: chaos
                    rack: rack-%d
                    # So that blocks come to files within a run, and a node can fall behind.
                    limits: {write-buffers: 2MiB, raft-log: 16MiB}
                    """
                            .formatted(
                                    name(),
                                    dataDir(),
                                    network.nativeAddress(number),
                                    network.httpAddress(number),
                                    network.raftAddress(number),
                                    number));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int number() {
        return number;
    }

    String name() {
        return "node-" + number;
    }

    Path log() {
        return log;
    }

    Path dataDir() {
        return smallDisk.map(SmallDisk::mountPoint).orElse(folder).resolve(name());
    }

    /** On which its data dir lies, if {@link SmallDisk} is possible. */
    SmallDisk smallDisk() {
        return smallDisk.orElseThrow();
    }

    /** A process of Mirach's that writes to a log and does not hear Ctrl-C, which this one does. */
    static ProcessBuilder inBackground(List<String> command, Path log) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MIRACH_JAVA_OPTS", JAVA_OPTIONS);
        builder.environment().put("MIRACH_BACKGROUND", "1");
        builder.redirectInput(new File("/dev/null"));
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        return builder;
    }

    void start() {
        smallDisk.filter(disk -> !disk.isMounted()).ifPresent(d -> d.mount(FullDisk.DISK_MIB));
        powerLossDisk.filter(disk -> !disk.isMounted()).ifPresent(PowerLossDisk::mount);
        ProcessBuilder builder = inBackground(command, log);
        builder.environment().putAll(equipment.environment(diskOrder(), clockFile()));
        try {
            synchronized (this) {
                if (destroyed) {
                    throw new ChaosException("the run was ended");
                }
                process = Optional.of(builder.start());
            }
            shouldRun = true;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + name(), e);
        }
    }

    /** Whether it was started and not killed since. */
    boolean shouldRun() {
        return shouldRun;
    }

    boolean isAlive() {
        return process.filter(Process::isAlive).isPresent();
    }

    /** Why it is not alive, for people. */
    String end() {
        return process.filter(p -> !p.isAlive())
                .map(p -> name() + " ended with exit code " + p.exitValue() + "; see " + log)
                .orElse(name() + " runs");
    }

    /** What it ended with; empty while it runs. */
    OptionalInt exitCode() {
        return isAlive() || process.isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of(process.get().exitValue());
    }

    /** kill -9; returns before it is gone. */
    void beginKill() {
        shouldRun = false;
        process.orElseThrow().destroyForcibly();
    }

    /** kill -9; returns when it is gone. */
    void kill() throws InterruptedException {
        beginKill();
        Process victim = process.orElseThrow();
        if (!victim.waitFor(END_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException(name() + " does not die");
        }
    }

    /** SIGTERM: what it holds is in its files when this returns, and nothing reads them. */
    void stop() throws InterruptedException {
        shouldRun = false;
        Process ending = process.orElseThrow();
        ending.destroy();
        if (!ending.waitFor(END_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new ChaosException(name() + " does not stop; see " + log);
        }
    }

    /** It may end by itself from now on, or not. */
    void allowEnd() {
        shouldRun = false;
    }

    /** It is to run, again. */
    void forbidEnd() {
        shouldRun = true;
    }

    /** Deletes all that it has, while it does not run. The data dir stays, which may be a mount. */
    void emptyDataDir() {
        try (Stream<Path> tree = Files.walk(dataDir())) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                if (!path.equals(dataDir())) {
                    Files.delete(path);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot empty " + dataDir(), e);
        }
    }

    /**
     * Has its disk fail from now on, if {@link DiskErrors} are possible.
     *
     * @param operations see {@link DiskErrors#order}
     * @param part of its data dir: {@code raft} or {@code store}
     */
    void breakDisk(String operations, String part) {
        equipment.diskErrors().order(diskOrder(), operations, dataDir().resolve(part));
    }

    void healDisk() {
        equipment.diskErrors().heal(diskOrder());
    }

    /**
     * The power of its disk fails, if {@link PowerLossDisk} is possible; returns before it has. The
     * process still runs, as one does for the last moment in which it hears and says something.
     */
    void beginPowerCut(long seed) {
        powerLossDisk.orElseThrow().cut(seed);
    }

    /** Ends the process too; returns what was lost, for people. */
    String endPowerCut() throws InterruptedException {
        kill();
        return powerLossDisk.orElseThrow().awaitLoss();
    }

    /**
     * Has its wall clock differ by so much from the true one, if {@link WallClocks} are possible.
     */
    void setWallClock(int offsetSeconds) {
        equipment.wallClocks().set(clockFile(), offsetSeconds);
    }

    private Path clockFile() {
        return folder.resolve(name() + ".clock");
    }

    /** What it set aside so far, as {@code GROUP-TIME}, whether it was made anew since or not. */
    Set<String> lostReplicas() {
        Set<String> found = new TreeSet<>();
        Path raft = LogSegment.raftFolder(this);
        if (!Files.isDirectory(raft)) {
            return found;
        }
        try (Stream<Path> files = Files.list(raft)) {
            files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("lost-") || name.startsWith("replaced-"))
                    .forEach(name -> found.add(name.substring(name.indexOf('-') + 1)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    long pid() {
        return process.orElseThrow().pid();
    }

    private Path diskOrder() {
        return folder.resolve(name() + ".disk-error");
    }

    /** Waits until it ends by itself, and returns its exit code; empty if it does not. */
    OptionalInt awaitEnd(Duration limit) throws InterruptedException {
        shouldRun = false;
        Process ending = process.orElseThrow();
        return ending.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)
                ? OptionalInt.of(ending.exitValue())
                : OptionalInt.empty();
    }

    /** SIGSTOP: it stands still, its connections stay. */
    void pause() {
        signal("STOP");
    }

    /** SIGCONT. */
    void resume() {
        signal("CONT");
    }

    /** Has it write a thread dump to its log, if it lives. */
    void dumpThreads() {
        if (isAlive()) {
            signal("QUIT");
        }
    }

    private void signal(String signal) {
        Shell.run("kill", "-" + signal, Long.toString(process.orElseThrow().pid()));
    }

    /** Ends it at once, whatever it does, and for good; any thread. */
    void destroy() {
        synchronized (this) {
            destroyed = true;
        }
        process.ifPresent(Process::destroyForcibly);
        process.ifPresent(victim -> victim.onExit().join());
        powerLossDisk.ifPresent(PowerLossDisk::close);
        smallDisk.ifPresent(SmallDisk::close);
    }
}
