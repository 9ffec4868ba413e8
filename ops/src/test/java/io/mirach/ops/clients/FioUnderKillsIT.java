package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** fio writes and verifies while each node in turn is killed with -9 and started again. */
class FioUnderKillsIT {
    private static final Duration LIMIT = Duration.ofMinutes(6);

    @Test
    void noErrorReachesFioAndEverythingVerifies() {
        RealClient.require("fio", "nbdinfo");
        try (DevCluster cluster = DevCluster.start()) {
            String uri = cluster.uri("demo");
            try (Command.Running fio = startWriting(uri)) {
                for (int node = 1; node <= 3; node++) {
                    awaitProgress(fio);
                    cluster.killNode(node);
                    awaitProgress(fio);
                    cluster.startNode(node);
                    awaitHealthy(cluster);
                }
                Command.Result result = fio.end(LIMIT);
                assertThat(result.exitCode()).as("%s", result.output()).isZero();
                assertThat(result.output()).doesNotContainIgnoringCase("verify failed");
            }
        }
    }

    /** Writes for as long as the kills take, then reads everything back and compares it. */
    private static Command.Running startWriting(String uri) {
        return Command.of(
                        "fio",
                        "--name=kills",
                        "--ioengine=nbd",
                        "--uri=" + uri,
                        "--rw=randwrite",
                        "--bsrange=4k-512k",
                        "--blockalign=4k",
                        "--iodepth=32",
                        "--size=600m",
                        // Reads, for the comparison at the end, as fast as may be.
                        "--rate=,6m",
                        "--verify=crc32c",
                        "--do_verify=1",
                        "--verify_fatal=1",
                        "--verify_state_save=0",
                        "--serialize_overlap=1",
                        "--randrepeat=0",
                        "--eta=always",
                        "--eta-newline=1s")
                .start();
    }

    /** Waits until fio reports twice more: it is running, whatever the cluster is doing. */
    private static void awaitProgress(Command.Running fio) {
        long reports = reports(fio);
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(500))
                .until(() -> !fio.process().isAlive() || reports(fio) >= reports + 3);
        assertThat(fio.process().isAlive()).as("fio ended: %s", fio.output()).isTrue();
    }

    private static long reports(Command.Running fio) {
        return fio.output().lines().filter(line -> line.contains("Jobs:")).count();
    }

    private static void awaitHealthy(DevCluster cluster) {
        Awaitility.await()
                .atMost(Duration.ofMinutes(2))
                .pollInterval(Duration.ofSeconds(1))
                .until(() -> cluster.mirach("status", "-o", "json").contains("\"OK\""));
    }
}
