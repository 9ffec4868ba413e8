package io.mirach.bench.command;

import java.util.Optional;

/**
 * What a job reached.
 *
 * @param seconds measured, without the warm-up
 * @param latency of a request, from its submission to its reply
 * @param clusterCpuMicrosPerRequest of all processes of the cluster that could be seen; empty
 *     without any
 * @param benchCpuMicrosPerRequest of this process
 * @param limit what it is compared with; empty if that was not measured
 */
record JobResult(
        String job,
        long requests,
        double seconds,
        double iops,
        double mebibytesPerSecond,
        Latency latency,
        Optional<Double> clusterCpuMicrosPerRequest,
        double benchCpuMicrosPerRequest,
        Optional<Limit> limit) {

    /** In microseconds. */
    record Latency(double mean, double p50, double p99, double p999, double max) {}

    /**
     * A rate that the machine reached without Mirach.
     *
     * @param iops requests of this job's kind per second
     * @param share this job's rate over that one
     * @param meaning what was measured
     */
    record Limit(double iops, double share, String meaning) {}
}
