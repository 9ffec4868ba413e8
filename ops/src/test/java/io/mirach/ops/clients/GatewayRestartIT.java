package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * QEMU's block layer, told to reconnect, sees a pause when its gateway is killed and comes back.
 */
class GatewayRestartIT {
    private static final Duration SOON = Duration.ofSeconds(90);

    @TempDir Path folder;

    /** qemu-io, which takes a command only once the one before it is done. */
    private static final class QemuIo implements AutoCloseable {
        private final Path output;
        private final Process process;
        private final Writer commands;

        QemuIo(Path folder, String options) throws IOException {
            output = folder.resolve("qemu-io.out");
            process =
                    new ProcessBuilder(List.of("qemu-io", "-t", "none", "--image-opts", options))
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            commands = process.outputWriter(StandardCharsets.US_ASCII);
        }

        void begin(String command) throws IOException {
            commands.write(command + "\n");
            commands.flush();
        }

        String output() throws IOException {
            return Files.readString(output);
        }

        void awaitDone(int count) {
            Awaitility.await()
                    .atMost(SOON)
                    .until(
                            () ->
                                    !process.isAlive()
                                            || output().split("65536/65536 bytes", -1).length
                                                    > count);
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    @Test
    void requestsWaitForTheGatewayToComeBack() throws Exception {
        RealClient.require("qemu-io");
        try (DevCluster cluster = DevCluster.start()) {
            String image =
                    "driver=nbd,server.type=unix,server.path="
                            + cluster.dir().resolve("nbd.sock")
                            + ",export=demo,reconnect-delay=120";
            try (QemuIo client = new QemuIo(folder, image)) {
                client.begin("write -P 0x11 0 64k");
                client.awaitDone(1);
                cluster.dev("gateway", "kill").run(SOON);
                client.begin("write -P 0x22 64k 64k");
                cluster.dev("gateway", "start").run(SOON);
                client.awaitDone(2);
                client.begin("read -P 0x11 0 64k");
                client.awaitDone(3);
                client.begin("read -P 0x22 64k 64k");
                client.awaitDone(4);
                client.begin("quit");
                assertThat(client.process.waitFor(30, TimeUnit.SECONDS)).isTrue();
                assertThat(client.output())
                        .doesNotContainIgnoringCase("error")
                        .doesNotContain("failed");
                assertThat(client.output().split("65536/65536 bytes", -1)).hasSize(5);
                assertThat(client.process.exitValue()).isZero();
            }
        }
    }
}
