package io.mirach.bench.command;

import io.mirach.bench.command.BenchReport.Disk;
import io.mirach.bench.command.BenchReport.Network;
import io.mirach.bench.command.BenchReport.WarmUp;
import io.mirach.cli.ByteSize;
import io.mirach.cli.Table;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The report for people. */
final class ReportTable {
    private static final double MICROS_PER_MILLI = 1000;

    private ReportTable() {}

    static void print(BenchReport report, PrintWriter out) {
        BenchReport.Target target = report.target();
        out.println(
                "target   "
                        + target.address()
                        + " ("
                        + target.path()
                        + "), "
                        + ByteSize.format(target.sizeBytes())
                        + ", load on its first "
                        + ByteSize.format(target.regionBytes())
                        + (target.temporary() ? "; made for this, removed again" : ""));
        report.disk().ifPresent(disk -> printDisk(disk, out));
        report.network().ifPresent(network -> printNetwork(network, out));
        printWarmUp(report.warmUp(), out);
        out.println(
                "CPU of   "
                        + (report.processes().isEmpty()
                                ? "nothing: no process of the cluster is seen here; give --pids"
                                : report.processes().stream()
                                        .map(p -> (p.name() + " (pid " + p.pid() + ")").strip())
                                        .collect(Collectors.joining(", "))));
        out.println();
        printJobs(report, out);
        for (String note : report.notes()) {
            out.println("note: " + note);
        }
        out.flush();
    }

    private static void printDisk(Disk disk, PrintWriter out) {
        out.println("disk     " + disk.folder() + " of this machine, without Mirach:");
        for (BareDisk.FsyncRate rate : disk.fsync()) {
            out.println(
                    format(
                            "           4 KiB write + fdatasync, %d at a time: %.0f/s, p50 %s ms,"
                                    + " p99 %s ms",
                            rate.writers(),
                            rate.iops(),
                            millis(rate.p50Micros()),
                            millis(rate.p99Micros())));
        }
        out.println(
                format(
                        "           128 KiB sequential write%s, fsync at the end: %.0f MiB/s",
                        disk.sequentialWrite().directIo() ? ", O_DIRECT" : "",
                        disk.sequentialWrite().mebibytesPerSecond()));
    }

    private static void printNetwork(Network network, PrintWriter out) {
        if (!network.loopback().isEmpty()) {
            out.println("loopback a " + network.socket() + " socket, nothing behind it:");
        }
        for (SocketEcho.Rate rate : network.loopback()) {
            out.println(
                    format(
                            "           replies of %s, %d at a time: %.0f/s",
                            ByteSize.format(rate.requestBytes()), rate.depth(), rate.iops()));
        }
        for (NodePings.Ping ping : network.nodes()) {
            out.println(
                    "ping     "
                            + ping.node()
                            + " "
                            + ping.address()
                            + (ping.failure().isEmpty()
                                    ? format(
                                            ": p50 %s ms, p99 %s ms",
                                            millis(ping.p50Micros()), millis(ping.p99Micros()))
                                    : ": " + ping.failure()));
        }
    }

    private static void printWarmUp(WarmUp warmUp, PrintWriter out) {
        out.print("warm-up  ");
        if (warmUp.fillSeconds() > 0) {
            out.print(
                    format(
                            "filled in %.1f s (%.0f MiB/s), then ",
                            warmUp.fillSeconds(), warmUp.fillMebibytesPerSecond()));
        }
        out.print(format("%.0f s of load", warmUp.seconds()));
        out.println(
                warmUp.processAgeSeconds().isPresent()
                        ? "; the cluster's youngest process had run for "
                                + warmUp.processAgeSeconds().getAsLong()
                                + " s"
                        : "");
    }

    private static void printJobs(BenchReport report, PrintWriter out) {
        Table table =
                new Table(
                        "JOB",
                        ">IOPS",
                        ">MIB/S",
                        ">P50 MS",
                        ">P99 MS",
                        ">P99.9 MS",
                        ">MAX MS",
                        ">CPU US/IO",
                        ">BENCH US/IO",
                        ">LIMIT/S",
                        ">REACHED");
        for (JobResult job : report.jobs()) {
            table.row(
                    job.job(),
                    format("%.0f", job.iops()),
                    format("%.1f", job.mebibytesPerSecond()),
                    millis(job.latency().p50()),
                    millis(job.latency().p99()),
                    millis(job.latency().p999()),
                    millis(job.latency().max()),
                    job.clusterCpuMicrosPerRequest().map(us -> format("%.0f", us)).orElse(""),
                    format("%.0f", job.benchCpuMicrosPerRequest()),
                    job.limit().map(limit -> format("%.0f", limit.iops())).orElse(""),
                    job.limit().map(limit -> format("%.1f %%", 100 * limit.share())).orElse(""));
        }
        table.print(out, "");
        out.println();
        for (JobResult job : report.jobs()) {
            Optional<JobResult.Limit> limit = job.limit();
            limit.ifPresent(l -> out.println("limit of " + job.job() + ": " + l.meaning()));
        }
    }

    private static String millis(double micros) {
        return format(micros < 10 * MICROS_PER_MILLI ? "%.2f" : "%.0f", micros / MICROS_PER_MILLI);
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
