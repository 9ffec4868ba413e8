package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.regex.MatchResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that writes and checks all the time moves from one QEMU to another, whose disks are the
 * same volume behind two gateways.
 */
class LiveMigrationIT {
    private static final Duration SOON = Duration.ofMinutes(1);

    @TempDir Path work;

    @Test
    void aGuestMovesWithItsDiskAndItsFormerSelfIsFenced() throws Exception {
        GuestImage image = GuestImage.pack(work);
        try (DevCluster cluster = DevCluster.start();
                Command.Running first = cluster.startGateway("host7", work.resolve("host7"));
                Command.Running second = cluster.startGateway("host8", work.resolve("host8"))) {
            cluster.mirach("volume", "create", "guest", "--size", "64MiB");
            await().atMost(SOON)
                    .until(() -> cluster.mirach("gateway", "ls").matches("(?s).*host7.*host8.*"));
            cluster.mirach("attach", "guest", "--gateway", "host7");
            try (QemuGuest source = new QemuGuest(work, "source", image, "churn", disk("host7"))) {
                source.awaitRoundAfter(20);
                cluster.mirach(
                        "attach", "guest", "--gateway", "host8", "--migrate", "--window", "5m");
                String way = "unix:" + work.resolve("migration");
                try (QemuGuest target =
                        new QemuGuest(
                                work, "target", image, "churn", disk("host8"), "-incoming", way)) {
                    long before = source.lastRound();
                    source.control("migrate", Map.of("uri", way));
                    source.awaitStatus("postmigrate");
                    target.awaitStatus("running");
                    target.awaitRoundAfter(before);
                    cluster.mirach("detach", "guest", "--gateway", "host7");

                    assertThatTheFormerSelfCannotWrite(source);
                    target.awaitRoundAfter(target.lastRound() + 5);
                    target.say("stop");
                    MatchResult end = target.awaitEnd(QemuGuest.ALL_HOLDS);
                    assertThat(Long.parseLong(end.group(1))).isGreaterThan(before + 5);
                    assertThat(Integer.parseInt(end.group(2))).isGreaterThan(20);
                }
            }
            assertThat(first.process().isAlive()).isTrue();
            assertThat(second.process().isAlive()).isTrue();
        }
    }

    /** As a migration tool that got it wrong would: the guest runs twice. */
    private static void assertThatTheFormerSelfCannotWrite(QemuGuest source) throws IOException {
        source.control("cont", Map.of());
        source.awaitStatus("io-error");
        assertThat(source.events("BLOCK_IO_ERROR"))
                .isNotEmpty()
                .allSatisfy(e -> assertThat(e.at("/data/action").asText()).isEqualTo("stop"));
    }

    private String disk(String gateway) {
        return "server.type=unix,server.path="
                + work.resolve(gateway).resolve("nbd.sock")
                + ",export=guest";
    }
}
