package io.mirach.bench.command;

import io.mirach.bench.command.BareDisk.FsyncRate;
import io.mirach.bench.command.BareDisk.SequentialRate;
import io.mirach.bench.command.ClusterProcesses.Seen;
import io.mirach.bench.command.NodePings.Ping;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * All that {@code mirach bench} measured.
 *
 * @param disk empty if it was not measured
 * @param processes of the cluster, whose CPU time is counted
 * @param notes what one must know to read the figures
 */
record BenchReport(
        Target target,
        Optional<Disk> disk,
        Optional<Network> network,
        WarmUp warmUp,
        List<Seen> processes,
        List<JobResult> jobs,
        List<String> notes) {

    /**
     * @param path {@code nbd} or {@code native}
     * @param address its URI, or the volume's name
     * @param regionBytes from its start, where the load is
     * @param temporary made for this, and removed
     */
    record Target(
            String path, String address, long sizeBytes, long regionBytes, boolean temporary) {}

    /** Of this machine. */
    record Disk(String folder, List<FsyncRate> fsync, SequentialRate sequentialWrite) {}

    /**
     * @param socket {@code unix} or {@code tcp}: what the loopback rates went over
     */
    record Network(String socket, List<SocketEcho.Rate> loopback, List<Ping> nodes) {}

    /**
     * How warm the cluster is. JVMs that are started anew compile for about two minutes.
     *
     * @param fillSeconds it took to write the region once; 0 if it was not written
     * @param seconds of load after that and before the first job
     * @param processAgeSeconds of the cluster's youngest process, at the first job; empty if none
     *     is seen
     */
    record WarmUp(
            double fillSeconds,
            double fillMebibytesPerSecond,
            double seconds,
            OptionalLong processAgeSeconds) {}
}
