package io.mirach.ops.chaos;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;

/** A storage node as a process of its own. Confined to one thread, except {@link #destroy}. */
final class ClusterNode {
    private static final int END_LIMIT_SECONDS = 30;

    private final int number;
    private final Path log;
    private final Path folder;
    private final List<String> command;
    private final DiskErrors diskErrors;
    private volatile Optional<Process> process = Optional.empty();

    /**
     * @param number from 1
     * @param launcher {@code bin/mirach}
     * @param folder where its data, configuration and log lie
     */
    ClusterNode(int number, Path launcher, Path folder, Network network, DiskErrors diskErrors) {
        this.number = number;
        this.folder = folder;
        this.diskErrors = diskErrors;
        this.log = folder.resolve(name() + ".log");
        Path config = folder.resolve(name() + ".yaml");
        this.command = new ArrayList<>(network.commandPrefix(number));
        this.command.addAll(
                List.of(launcher.toString(), "node", "start", "--config", config.toString()));
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
                    # So that blocks come to files within a run.
                    limits: {write-buffers: 2MiB}
                    """
                            .formatted(
                                    name(),
                                    folder.resolve(name()),
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

    void start() {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        // What was meant for this process, such as its heap.
        builder.environment().remove("MIRACH_JAVA_OPTS");
        builder.environment().putAll(diskErrors.environment(diskOrder()));
        // Ctrl-C is for this process to handle.
        builder.environment().put("MIRACH_BACKGROUND", "1");
        builder.redirectInput(new File("/dev/null"));
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        try {
            process = Optional.of(builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + name(), e);
        }
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

    /** kill -9; returns when it is gone. */
    void kill() throws InterruptedException {
        Process victim = process.orElseThrow();
        victim.destroyForcibly();
        if (!victim.waitFor(END_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException(name() + " does not die");
        }
    }

    /**
     * Has its disk fail from now on, if {@link DiskErrors} are possible.
     *
     * @param operations see {@link DiskErrors#order}
     * @param part of its data dir: {@code raft} or {@code store}
     */
    void breakDisk(String operations, String part) {
        diskErrors.order(diskOrder(), operations, folder.resolve(name()).resolve(part));
    }

    void healDisk() {
        diskErrors.heal(diskOrder());
    }

    private Path diskOrder() {
        return folder.resolve(name() + ".disk-error");
    }

    /** Waits until it ends by itself, and returns its exit code; empty if it does not. */
    OptionalInt awaitEnd(Duration limit) throws InterruptedException {
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

    /** Ends it at once, whatever it does; any thread. */
    void destroy() {
        process.ifPresent(Process::destroyForcibly);
        process.ifPresent(victim -> victim.onExit().join());
    }
}
