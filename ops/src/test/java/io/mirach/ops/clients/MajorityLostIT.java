package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two of three nodes are gone: one gateway waits, as it does by default, and another one was told
 * to give requests up. Real processes, and QEMU's own NBD client.
 */
class MajorityLostIT {
    private static final Duration SOON = Duration.ofMinutes(2);

    @TempDir Path work;

    @Test
    void requestsWaitForTheMajorityOrFailWithEioAfterTheirTime() throws Exception {
        RealClient.require("qemu-io");
        try (DevCluster cluster = DevCluster.start();
                Command.Running impatient =
                        cluster.startGateway("impatient-gateway", work, "io-timeout: 4s")) {
            cluster.mirach("volume", "create", "impatient", "--size", "16MiB");
            await().atMost(SOON)
                    .until(() -> cluster.mirach("gateway", "ls").contains("impatient-gateway"));
            // Ordered ones stay attached: without a majority nothing can be attached anew.
            cluster.mirach("attach", "demo", "--gateway", "dev-gateway");
            cluster.mirach("attach", "impatient", "--gateway", "impatient-gateway");
            String waiting = cluster.uri("demo");
            String limited = "nbd+unix:///impatient?socket=" + work.resolve("nbd.sock");
            qemuIo(limited, "write -P 1 0 64k").run(SOON);

            cluster.killNode(2);
            cluster.killNode(3);
            try (Command.Running patient = qemuIo(waiting, "write -P 2 0 64k").start()) {
                for (String request : List.of("write -P 3 0 64k", "read 0 4k")) {
                    Command.Result failed = qemuIo(limited, request).start().end(SOON);
                    assertThat(failed.output()).contains("Input/output error");
                    assertThat(failed.exitCode()).isNotZero();
                }
                assertThat(patient.process().isAlive()).as("it still waits").isTrue();

                cluster.startNode(2);
                assertThat(patient.end(SOON).exitCode()).isZero();
            }
            qemuIo(waiting, "read -P 2 0 64k").run(SOON);
            // What was given up may have taken effect meanwhile; never after this one.
            qemuIo(limited, "write -P 4 0 64k").run(SOON);
            qemuIo(limited, "read -P 4 0 64k").run(SOON);
            assertThat(impatient.process().isAlive()).isTrue();
        }
    }

    private static Command qemuIo(String uri, String request) {
        return Command.of("qemu-io", "-f", "raw", "-c", request, uri);
    }
}
