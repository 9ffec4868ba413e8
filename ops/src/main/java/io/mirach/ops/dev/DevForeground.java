package io.mirach.ops.dev;

import io.mirach.cli.CliClock;
import io.mirach.cli.ExitCode;
import io.mirach.cli.Progress;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

/**
 * The command that started a dev cluster, while it stays: stops the cluster when it is ended
 * itself, and says when a process goes. Confined to the command's thread, but for the hook that
 * runs when the JVM ends.
 */
final class DevForeground {
    private static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

    private final DevCluster cluster;
    private final PrintWriter out;
    private final Progress progress;
    private final CliClock clock;
    private final Thread hook;
    private volatile boolean ending;

    DevForeground(DevCluster cluster, PrintWriter out, Progress progress, CliClock clock) {
        this.cluster = cluster;
        this.out = out;
        this.progress = progress;
        this.clock = clock;
        this.hook = new Thread(this::stopInHook, "stop-dev-cluster");
    }

    /** From now on Ctrl-C, and whatever else ends this JVM, stops the cluster. */
    void stopAtExit() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** The cluster outlives this command. */
    void leaveRunning() {
        Runtime.getRuntime().removeShutdownHook(hook);
    }

    private void stopInHook() {
        ending = true;
        try {
            cluster.stop();
        } catch (InterruptedException | RuntimeException e) {
            progress.tell("cannot stop the cluster: " + e.getMessage());
        }
    }

    /**
     * Starts the cluster; if it does not serve, what was started is stopped and the cause thrown.
     */
    void start(String volume, long sizeBytes) throws InterruptedException {
        try {
            cluster.start(volume, sizeBytes);
        } catch (MirachException e) {
            if (ending) {
                // Ctrl-C: the processes go because the hook stops them, and the JVM after them.
                new CountDownLatch(1).await();
            }
            leaveRunning();
            cluster.stop();
            throw e;
        }
    }

    /** Returns when no process of the cluster is left. */
    ExitCode watch() throws InterruptedException {
        Set<String> down = new HashSet<>();
        while (true) {
            List<DevProcess> alive =
                    cluster.processes().stream().filter(p -> p.running().isPresent()).toList();
            if (alive.isEmpty() && !ending) {
                return allEnded();
            }
            for (DevProcess process : cluster.processes()) {
                boolean runs = alive.contains(process);
                if (!runs && process.hasPidFile() && !ending && down.add(process.name())) {
                    progress.tell(process.name() + " has ended; see " + process.log());
                } else if (runs && down.remove(process.name())) {
                    progress.tell(process.name() + " runs again");
                }
            }
            clock.pause(LOOK_INTERVAL);
        }
    }

    private ExitCode allEnded() {
        leaveRunning();
        boolean stopped = cluster.processes().stream().noneMatch(DevProcess::hasPidFile);
        out.println(
                stopped
                        ? "the cluster was stopped by another command"
                        : "all processes have ended; their logs say why");
        return stopped ? ExitCode.OK : ExitCode.FAILED;
    }
}
