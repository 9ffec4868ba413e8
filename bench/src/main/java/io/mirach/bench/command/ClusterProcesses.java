package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The processes of the cluster that run on this machine, as Linux's {@code /proc} tells of them.
 * Immutable; each look reads anew.
 */
final class ClusterProcesses {
    /** Linux's USER_HZ, which every architecture that Java runs on has at 100. */
    private static final long TICK_MICROS = 10_000;

    private static final int STATE_FIELD = 3;
    private static final int USER_TICKS_FIELD = 14;
    private static final int SYSTEM_TICKS_FIELD = 15;
    private static final int START_TICKS_FIELD = 22;

    private final Path proc;
    private final List<Seen> processes;

    /**
     * @param name of a dev cluster's process, else empty
     */
    record Seen(String name, long pid) {}

    private ClusterProcesses(Path proc, List<Seen> processes) {
        this.proc = proc;
        this.processes = List.copyOf(processes);
    }

    /** Those of a dev cluster, by their pid files, as far as they live. */
    static ClusterProcesses ofDevFolder(Path folder, Path proc) {
        if (!Files.isDirectory(folder)) {
            return none(proc);
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Seen> found = new ArrayList<>();
            for (Path file : files.filter(f -> f.toString().endsWith(".pid")).sorted().toList()) {
                String name = file.getFileName().toString().replaceFirst("\\.pid$", "");
                pid(file)
                        .filter(pid -> runs(proc, pid, folder.resolve(name + ".yaml")))
                        .ifPresent(pid -> found.add(new Seen(name, pid)));
            }
            return new ClusterProcesses(proc, found);
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "cannot read " + folder + ": " + e.getMessage(), e);
        }
    }

    /** Given by the user: INVALID_ARGUMENT names one that does not run. */
    static ClusterProcesses ofPids(List<Long> pids, Path proc) {
        ClusterProcesses given =
                new ClusterProcesses(proc, pids.stream().map(pid -> new Seen("", pid)).toList());
        for (long pid : pids) {
            if (given.stat(pid).isEmpty()) {
                throw new MirachException(ErrorCode.INVALID_ARGUMENT, "there is no process " + pid)
                        .withRemedy("give the pids of the nodes and the gateway: --pids 12,34");
            }
        }
        return given;
    }

    static ClusterProcesses none(Path proc) {
        return new ClusterProcesses(proc, List.of());
    }

    private static Optional<Long> pid(Path file) {
        try {
            return Optional.of(Long.parseLong(Files.readString(file).strip()));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Tells it from a later process that got the same pid. */
    private static boolean runs(Path proc, long pid, Path config) {
        try {
            byte[] words = Files.readAllBytes(proc.resolve(pid + "/cmdline"));
            return Arrays.asList(new String(words, StandardCharsets.UTF_8).split("\0"))
                    .contains(config.toString());
        } catch (IOException gone) {
            return false;
        }
    }

    List<Seen> seen() {
        return processes;
    }

    /** CPU time that all have used so far; empty if none is seen or one has ended. */
    OptionalLong cpuMicros() {
        long ticks = 0;
        for (Seen process : processes) {
            Optional<String[]> stat = stat(process.pid());
            if (stat.isEmpty()) {
                return OptionalLong.empty();
            }
            ticks += field(stat.get(), USER_TICKS_FIELD) + field(stat.get(), SYSTEM_TICKS_FIELD);
        }
        return processes.isEmpty() ? OptionalLong.empty() : OptionalLong.of(ticks * TICK_MICROS);
    }

    /** CPU time of this process. */
    OptionalLong ownCpuMicros() {
        ClusterProcesses self =
                new ClusterProcesses(proc, List.of(new Seen("", ProcessHandle.current().pid())));
        return self.cpuMicros();
    }

    /** For how long the youngest has run; empty as for {@link #cpuMicros}. */
    OptionalLong youngestAgeSeconds() {
        try {
            String uptime = Files.readString(proc.resolve("uptime")).split(" ", 2)[0];
            double now = Double.parseDouble(uptime);
            double youngest = Double.MAX_VALUE;
            for (Seen process : processes) {
                Optional<String[]> stat = stat(process.pid());
                if (stat.isEmpty()) {
                    return OptionalLong.empty();
                }
                double started = field(stat.get(), START_TICKS_FIELD) * TICK_MICROS / 1e6;
                youngest = Math.min(youngest, now - started);
            }
            return processes.isEmpty()
                    ? OptionalLong.empty()
                    : OptionalLong.of((long) Math.max(0, youngest));
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** The fields from the third on: the second, the command's name, may hold anything. */
    private Optional<String[]> stat(long pid) {
        try {
            String line = Files.readString(proc.resolve(pid + "/stat"));
            String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ");
            return fields[0].equals("Z") ? Optional.empty() : Optional.of(fields);
        } catch (IOException gone) {
            return Optional.empty();
        }
    }

    /**
     * @param number as in proc(5), counted from 1
     */
    private static long field(String[] stat, int number) {
        return Long.parseLong(stat[number - STATE_FIELD]);
    }
}
