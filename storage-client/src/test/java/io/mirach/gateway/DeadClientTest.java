package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.client.transport.EventLoops;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.nbd.NbdServer;
import io.mirach.nbd.RawClient;
import io.mirach.nbd.SparseVolume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hypervisor dies with writes on their way, and its guest starts anew at the same gateway. */
class DeadClientTest {
    private static final int MORE_THAN_IN_FLIGHT = 1100;

    @TempDir Path folder;
    private final FakeCluster cluster = new FakeCluster();
    private final EventLoops loops = EventLoops.start("gateway", 2);
    private NbdServer server;

    @BeforeEach
    void start() {
        cluster.addVolume("alpha");
        cluster.addVolume("beta");
        GatewayExports exports = new GatewayExports(cluster, "gw", true);
        cluster.onImage(exports::follow);
        server = new NbdServer(exports, NbdLimits.DEFAULT, loops);
    }

    @AfterEach
    void stop() {
        cluster.content("alpha").releaseAll();
        server.close(Duration.ofSeconds(10)).join();
        loops.close();
    }

    private NbdAddress listen(String kind) {
        return server.listen(
                kind.equals("unix")
                        ? new NbdAddress.Unix(folder.resolve("s"))
                        : new NbdAddress.Tcp("127.0.0.1", 0));
    }

    /** What is attached, which from now on answers only when it is told to. */
    private SparseVolume holding() {
        SparseVolume attached = cluster.content("alpha");
        attached.hold();
        return attached;
    }

    private static CompletableFuture<RawClient> entering(NbdAddress address, String volume) {
        return CompletableFuture.supplyAsync(() -> entered(address, volume));
    }

    private static RawClient entered(NbdAddress address, String volume) {
        try {
            return RawClient.connect(address).enter(volume);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Several rounds over all loops, in which whoever can enter another volume would have. */
    private static void letOthersPass(NbdAddress address) throws IOException {
        for (int i = 0; i < 20; i++) {
            entered(address, "beta").close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix", "tcp"})
    void itsSuccessorWaitsUntilNothingOfItCanLandAnyMore(String kind) throws Exception {
        NbdAddress address = listen(kind);
        SparseVolume alpha;
        try (RawClient dying = entered(address, "alpha")) {
            alpha = holding();
            dying.write(1, 0, (byte) 7);
            await().until(() -> alpha.heldCount() == 1);
        }
        CompletableFuture<RawClient> successor = entering(address, "alpha");
        letOthersPass(address);
        assertThat(successor).isNotDone();
        alpha.releaseAll();
        successor.get(20, TimeUnit.SECONDS).close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix", "tcp"})
    void whatItHadSentAndNobodyHasReadCountsToo(String kind) throws Exception {
        NbdAddress address = listen(kind);
        SparseVolume alpha;
        try (RawClient dying = entered(address, "alpha")) {
            alpha = holding();
            for (int i = 0; i < MORE_THAN_IN_FLIGHT; i++) {
                dying.write(i, i, (byte) 7);
            }
            await().until(() -> alpha.heldCount() == 1024);
        }
        CompletableFuture<RawClient> successor = entering(address, "alpha");
        letOthersPass(address);
        assertThat(successor).isNotDone();
        for (int released = 1; released < 1024; released++) {
            alpha.releaseOldest();
        }
        letOthersPass(address);
        assertThat(successor).isNotDone();
        alpha.releaseAll();
        try (RawClient entered = successor.get(20, TimeUnit.SECONDS)) {
            // What nobody had read by then went with the connection.
            int landed = alpha.calls().size();
            letOthersPass(address);
            assertThat(alpha.calls()).hasSize(landed);
        }
    }

    @Test
    void whoIsAliveKeepsNobodyWaiting() throws Exception {
        NbdAddress address = listen("unix");
        try (RawClient living = entered(address, "alpha")) {
            SparseVolume alpha = holding();
            living.write(1, 0, (byte) 7);
            await().until(() -> alpha.heldCount() == 1);
            entering(address, "alpha").get(20, TimeUnit.SECONDS).close();
            alpha.releaseAll();
            assertThat(living.reply(0)).isEqualTo(1);
        }
    }
}
