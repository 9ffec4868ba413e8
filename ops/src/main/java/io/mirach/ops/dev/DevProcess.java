package io.mirach.ops.dev;

import io.mirach.cli.CliClock;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A node or the gateway of a dev cluster, known by the pid file {@code NAME.pid}. The file may be
 * stale: its process counts only if its command line names this cluster's configuration file.
 * Confined to one thread.
 */
final class DevProcess {
    private static final int SHOWN_LOG_LINES = 15;
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(50);

    private final String name;
    private final List<String> command;
    private final Path folder;
    private final Path config;
    private final Path pidFile;
    private final Path log;
    private final CliClock clock;
    private long logStartBytes;
    private Optional<Process> child = Optional.empty();

    /**
     * @param role the words of the command that runs it, e.g. {@code node start}
     */
    DevProcess(Path launcher, Path folder, String name, List<String> role, CliClock clock) {
        this.clock = clock;
        this.name = name;
        this.folder = folder;
        this.config = folder.resolve(name + ".yaml");
        this.pidFile = folder.resolve(name + ".pid");
        this.log = folder.resolve(name + ".log");
        this.command = new ArrayList<>();
        if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
            // A session of its own: the terminal's signals pass it by.
            command.add("/usr/bin/setsid");
        }
        command.add(launcher.toString());
        command.addAll(role);
        command.addAll(List.of("--config", config.toString()));
    }

    String name() {
        return name;
    }

    Path log() {
        return log;
    }

    /** The process, if it lives. */
    Optional<ProcessHandle> running() {
        // A child of this JVM is known without its command line, which it gets only after a moment.
        return child.filter(Process::isAlive)
                .map(Process::toHandle)
                .or(
                        () ->
                                pid().flatMap(ProcessHandle::of)
                                        .filter(ProcessHandle::isAlive)
                                        .filter(this::isOurs));
    }

    /** Whether it was started and not stopped since; it may have ended all the same. */
    boolean hasPidFile() {
        return Files.exists(pidFile);
    }

    private Optional<Long> pid() {
        try {
            return Optional.of(Long.parseLong(Files.readString(pidFile).strip()));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Tells it from a later process that got the same pid. */
    private boolean isOurs(ProcessHandle process) {
        return arguments(process).contains(config.toString());
    }

    private static List<String> arguments(ProcessHandle process) {
        Path commandLine = Path.of("/proc/" + process.pid() + "/cmdline");
        try {
            // Empty for a zombie: a process that has ended and whose parent has not looked yet.
            String words = new String(Files.readAllBytes(commandLine), StandardCharsets.UTF_8);
            return Arrays.asList(words.split("\0"));
        } catch (IOException e) {
            return process.info().arguments().map(Arrays::asList).orElse(List.of());
        }
    }

    /** Starts it in the background, its output appended to its log. */
    Process start() {
        try {
            logStartBytes = Files.exists(log) ? Files.size(log) : 0;
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.directory(folder.toFile());
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().put("MIRACH_BACKGROUND", "1");
            builder.redirectInput(new File("/dev/null"));
            builder.redirectErrorStream(true);
            builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
            Process process = builder.start();
            child = Optional.of(process);
            Files.writeString(pidFile, process.pid() + "\n");
            return process;
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot start " + name + ": " + e.getMessage(), e);
        }
    }

    /**
     * Ends it at once, as a power cut would (SIGKILL). Returns its pid, or nothing if not running.
     */
    Optional<Long> kill() throws InterruptedException {
        Optional<ProcessHandle> process = running();
        if (process.isPresent()) {
            process.get().destroyForcibly();
            awaitEnd(Duration.ofSeconds(10));
        }
        return process.map(ProcessHandle::pid);
    }

    /**
     * Asks it to end (SIGTERM), and ends it when it does not within the limit.
     *
     * @return whether it ended by itself, or was not running
     */
    boolean stop(Duration limit) throws InterruptedException {
        Optional<ProcessHandle> process = running();
        boolean ended = true;
        if (process.isPresent()) {
            process.get().destroy();
            ended = awaitEnd(limit);
            if (!ended) {
                kill();
            }
        }
        try {
            Files.deleteIfExists(pidFile);
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot delete " + pidFile + ": " + e.getMessage(), e);
        }
        return ended;
    }

    /** Not by ProcessHandle.onExit: that waits for a zombie too, and some containers never reap. */
    private boolean awaitEnd(Duration limit) throws InterruptedException {
        long deadline = clock.nanoTime() + limit.toNanos();
        while (running().isPresent()) {
            if (clock.nanoTime() - deadline >= 0) {
                return false;
            }
            clock.pause(LOOK_INTERVAL);
        }
        return true;
    }

    /** The last lines that it logged since it was started here. */
    List<String> lastLogLines() {
        try {
            byte[] all = Files.readAllBytes(log);
            int from = (int) Math.min(all.length, logStartBytes);
            List<String> lines =
                    new String(all, from, all.length - from, StandardCharsets.UTF_8)
                            .lines()
                            .toList();
            return lines.subList(Math.max(0, lines.size() - SHOWN_LOG_LINES), lines.size());
        } catch (IOException e) {
            return List.of("(cannot read " + log + ": " + e.getMessage() + ")");
        }
    }
}
