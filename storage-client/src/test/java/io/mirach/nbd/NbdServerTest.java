package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.client.transport.EventLoops;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NbdServerTest {
    private static final NbdAddress ANY_PORT = new NbdAddress.Tcp("127.0.0.1", 0);
    private static final int MIB = 1 << 20;

    @TempDir Path folder;
    private final SparseVolume volume = new SparseVolume("disk", 256L * MIB);
    private final FixedCatalog catalog = new FixedCatalog(volume);
    private final EventLoops loops = EventLoops.start("nbd", 2);
    private NbdServer server;

    private NbdAddress start(NbdLimits limits, NbdAddress address) {
        server = new NbdServer(catalog, limits, loops);
        return server.listen(address);
    }

    private NbdAddress start() {
        return start(NbdLimits.DEFAULT, ANY_PORT);
    }

    @AfterEach
    void stop() {
        volume.releaseAll();
        if (server != null) {
            server.close(Duration.ofSeconds(10)).join();
            assertThat(server.connectionCount()).isZero();
            assertThat(catalog.holds()).isEmpty();
        }
        loops.close();
    }

    private NbdAddress address(boolean unix) {
        return unix ? new NbdAddress.Unix(folder.resolve("s")) : ANY_PORT;
    }

    /**
     * With or without DISC before it, the end of what the client sends is not the end of replies.
     */
    @ParameterizedTest
    @ValueSource(strings = {"tcp disc", "tcp", "unix disc", "unix"})
    void repliesReachAClientThatHasEndedItsSide(String how) throws IOException {
        try (RawClient client =
                RawClient.connect(start(NbdLimits.DEFAULT, address(how.startsWith("unix"))))) {
            client.enter("disk");
            volume.hold();
            client.request(NbdProtocol.CMD_WRITE, 1, 0, 3, (byte) 1, (byte) 2, (byte) 3);
            client.request(NbdProtocol.CMD_READ, 2, 0, MIB);
            if (how.endsWith("disc")) {
                client.request(NbdProtocol.CMD_DISC, 0, 0, 0);
            }
            client.shutdownOutput();
            await().until(() -> volume.heldCount() == 2);
            volume.releaseAll();
            assertThat(client.reply(0)).isEqualTo(1);
            assertThat(client.reply(MIB)).isEqualTo(2);
            assertThat(client.isEnded()).isTrue();
        }
        await().until(() -> server.connectionCount() == 0);
    }

    @Test
    void oneConnectionMoreThanAllowedIsClosed() throws IOException {
        NbdAddress address = start();
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            clients.add(RawClient.connect(address).enter("disk"));
        }
        try (RawClient tooMany = RawClient.connect(address)) {
            assertThat(tooMany.isEnded()).isTrue();
        }
        for (RawClient client : clients) {
            client.request(NbdProtocol.CMD_READ, 1, 0, 4096);
        }
        for (RawClient client : clients) {
            assertThat(client.reply(4096)).isEqualTo(1);
        }
        clients.get(0).close();
        await().until(() -> server.connectionCount() == 63);
        try (RawClient again = RawClient.connect(address).enter("disk")) {
            again.request(NbdProtocol.CMD_FLUSH, 9, 0, 0);
            assertThat(again.reply(0)).isEqualTo(9);
        }
        for (RawClient client : clients) {
            client.close();
        }
    }

    @Test
    void garbageEndsItsConnectionAndNothingElse() throws IOException {
        NbdAddress address = start();
        try (RawClient good = RawClient.connect(address).enter("disk")) {
            for (int seed = 0; seed < 50; seed++) {
                byte[] garbage = new byte[4096];
                new java.util.Random(seed).nextBytes(garbage);
                try (RawClient bad = RawClient.connect(address)) {
                    if (seed % 2 == 0) {
                        bad.enter("disk");
                    }
                    bad.out.write(garbage);
                    bad.out.flush();
                    while (!bad.isEnded()) {
                        // What it says before it ends does not matter.
                    }
                } catch (IOException reset) {
                    continue;
                }
            }
            good.request(NbdProtocol.CMD_READ, 1, 0, 4096);
            assertThat(good.reply(4096)).isEqualTo(1);
        }
    }

    @Test
    void closingAnswersWhatIsInFlightAndRefusesNewConnections() throws IOException {
        NbdAddress address = start();
        try (RawClient client = RawClient.connect(address).enter("disk");
                RawClient idle = RawClient.connect(address).enter("disk");
                RawClient greeted = RawClient.connect(address)) {
            assertThat(greeted.in.readLong()).isEqualTo(NbdProtocol.NBDMAGIC);
            volume.hold();
            client.request(NbdProtocol.CMD_READ, 7, 0, MIB);
            await().until(() -> volume.heldCount() == 1);
            CompletableFuture<Void> closed = server.close(Duration.ofSeconds(10));
            assertThat(idle.isEnded()).isTrue();
            assertThatThrownBy(() -> RawClient.connect(address)).isInstanceOf(IOException.class);
            assertThat(closed).isNotDone();
            volume.releaseAll();
            assertThat(client.reply(MIB)).isEqualTo(7);
            assertThat(client.isEnded()).isTrue();
            client.close();
            idle.close();
            closed.join();
            assertThat(server.closedCleanly()).isTrue();
        }
    }

    @Test
    void closingDoesNotWaitLongerThanItsGrace() throws IOException {
        NbdAddress address = start();
        try (RawClient client = RawClient.connect(address).enter("disk")) {
            volume.hold();
            client.request(NbdProtocol.CMD_READ, 7, 0, 4096);
            await().until(() -> volume.heldCount() == 1);
            server.close(Duration.ofMillis(100)).join();
            assertThat(server.closedCleanly()).isFalse();
            assertThat(client.isEnded()).isTrue();
        }
        server = null;
    }

    @Test
    void aClientThatStallsWithMemoryThatOthersNeedIsClosed() throws IOException {
        NbdLimits tight =
                new NbdLimits(
                        4,
                        64,
                        64 << 10,
                        Duration.ofSeconds(30),
                        1024,
                        32L * MIB,
                        128L * MIB,
                        Duration.ofMillis(400));
        NbdAddress address = start(tight, ANY_PORT);
        byte[] half = new byte[16 * MIB];
        List<RawClient> stalled = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            RawClient client = RawClient.connect(address).enter("disk");
            client.request(NbdProtocol.CMD_WRITE, 1, 0, 32 * MIB, half);
            stalled.add(client);
        }
        try (RawClient small = RawClient.connect(address).enter("disk");
                RawClient large = RawClient.connect(address).enter("disk")) {
            small.request(NbdProtocol.CMD_READ, 1, 0, MIB);
            assertThat(small.reply(MIB)).isEqualTo(1);
            assertThat(server.connectionCount()).isEqualTo(4);
            large.request(NbdProtocol.CMD_READ, 2, 0, 32 * MIB);
            assertThat(large.reply(32 * MIB)).isEqualTo(2);
        }
        for (RawClient client : stalled) {
            client.close();
        }
        assertThat(volume.calls()).doesNotContain("write 0 33554432");
    }

    @Test
    void aSocketFileThatNobodyServesIsReplaced() throws IOException {
        Path path = folder.resolve("s");
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path));
        }
        assertThat(path).exists();
        try (RawClient client = RawClient.connect(start(NbdLimits.DEFAULT, address(true)))) {
            client.enter("disk");
        }
        server.close(Duration.ofSeconds(10)).join();
        assertThat(path).doesNotExist();
    }

    /** A connection is accepted while the server closes: its session is not at work yet. */
    @Test
    void sessionThatIsNotInItsPipelineYetCanBeToldToEnd() {
        NbdSession session =
                new NbdSession(catalog, NbdLimits.DEFAULT, NbdSession.newBudget(NbdLimits.DEFAULT));
        session.shutDown();
        session.closeIfStalled();
        assertThat(session.gone()).isNotDone();
    }

    @Test
    void aSocketInUseAndOtherFilesAreLeftAlone() throws IOException {
        start(NbdLimits.DEFAULT, address(true));
        assertThatThrownBy(() -> server.listen(address(true)))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("another process serves");
        Path file = Files.writeString(folder.resolve("f"), "precious");
        assertThatThrownBy(() -> server.listen(new NbdAddress.Unix(file)))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("is not a socket");
        assertThat(file).hasContent("precious");
        assertThatThrownBy(() -> server.listen(new NbdAddress.Unix(folder.resolve("none/socket"))))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("cannot listen on unix://");
    }

    @Test
    void addressesAreReadAndWrittenAsUris() {
        assertThat(NbdAddress.parse("tcp://127.0.0.1:10809").uri())
                .isEqualTo("nbd://127.0.0.1:10809");
        assertThat(NbdAddress.parse("tcp://[::1]:7")).isEqualTo(new NbdAddress.Tcp("::1", 7));
        assertThat(NbdAddress.parse("tcp://[::1]:7").uri()).isEqualTo("nbd://[::1]:7");
        assertThat(NbdAddress.parse("tcp://host")).isEqualTo(new NbdAddress.Tcp("host", 10809));
        assertThat(NbdAddress.parse("unix:///a/b").uri()).isEqualTo("nbd+unix:///?socket=/a/b");
        for (String wrong :
                List.of(
                        "tcp://::1:7",
                        "tcp://h:99999",
                        "tcp://h:x",
                        "tcp://:1",
                        "unix://rel",
                        "unix:///" + "x".repeat(107),
                        "127.0.0.1:1",
                        "")) {
            assertThatThrownBy(() -> NbdAddress.parse(wrong))
                    .as(wrong)
                    .isInstanceOf(MirachException.class)
                    .hasMessageContaining("cannot listen on");
        }
    }
}
