package io.mirach.bench.command;

import io.mirach.bench.command.BareDisk.FsyncRate;
import io.mirach.bench.command.BenchReport.Disk;
import io.mirach.bench.command.BenchReport.Network;
import io.mirach.bench.command.JobResult.Limit;
import java.util.Optional;

/** What the machine does without Mirach, as the bound of each job. Immutable. */
final class Limits {
    /**
     * Requests from this size on are bound by the disk's throughput, smaller ones by its fsyncs.
     */
    static final int SEQUENTIAL_FROM_BYTES = 64 << 10;

    /** More threads than this say nothing more about a disk. */
    static final int MAX_WRITERS = 64;

    private final Optional<Disk> disk;
    private final Optional<Network> network;

    Limits(Optional<Disk> disk, Optional<Network> network) {
        this.disk = disk;
        this.network = network;
    }

    /** How many writers sync at the same time in the bound of that job. */
    static int writers(LoadJob job) {
        return Math.min(job.depth(), MAX_WRITERS);
    }

    /** The bound, and the share of it that {@code iops} is; empty if it was not measured. */
    Optional<Limit> of(LoadJob job, double iops) {
        return job.write() ? ofWrite(job, iops) : ofRead(job, iops);
    }

    private Optional<Limit> ofWrite(LoadJob job, double iops) {
        if (disk.isEmpty()) {
            return Optional.empty();
        }
        Disk measured = disk.get();
        if (job.requestBytes() >= SEQUENTIAL_FROM_BYTES) {
            double rate =
                    measured.sequentialWrite().mebibytesPerSecond()
                            * (1 << 20)
                            / job.requestBytes();
            String how = measured.sequentialWrite().directIo() ? ", O_DIRECT" : "";
            return Optional.of(
                    limit(
                            rate,
                            iops,
                            "one copy, sequential 128 KiB writes to "
                                    + measured.folder()
                                    + how
                                    + ", one fsync at the end"));
        }
        return measured.fsync().stream()
                .filter(rate -> rate.writers() == writers(job))
                .findFirst()
                .map(
                        (FsyncRate rate) ->
                                limit(
                                        rate.iops(),
                                        iops,
                                        "one copy, "
                                                + rate.writers()
                                                + (rate.writers() == 1 ? " writer" : " writers")
                                                + " of 4 KiB to "
                                                + measured.folder()
                                                + ", fdatasync after each"));
    }

    private Optional<Limit> ofRead(LoadJob job, double iops) {
        return network.flatMap(
                measured ->
                        measured.loopback().stream()
                                .filter(
                                        rate ->
                                                rate.requestBytes() == job.requestBytes()
                                                        && rate.depth() == job.depth())
                                .findFirst()
                                .map(
                                        rate ->
                                                limit(
                                                        rate.iops(),
                                                        iops,
                                                        "replies of this size over a "
                                                                + measured.socket()
                                                                + " socket of this machine at"
                                                                + " this depth, nothing behind"
                                                                + " it")));
    }

    private static Limit limit(double rate, double iops, String meaning) {
        return new Limit(rate, iops / rate, meaning);
    }
}
