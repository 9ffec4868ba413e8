package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.model.Attachment;
import io.mirach.model.Gateway;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GatewayProcessTest {
    @TempDir Path folder;
    private final FakeCluster cluster = new FakeCluster();
    private GatewayProcess gateway;

    @AfterEach
    void stop() {
        if (gateway != null) {
            gateway.close();
            assertThat(cluster.isClosed()).isTrue();
        }
    }

    private GatewayConfig config(String... listen) {
        return new GatewayConfig(
                "gw",
                List.of(new HttpEndpoint("127.0.0.1", 1)),
                List.of(listen).stream().map(NbdAddress::parse).toList(),
                folder.resolve("state"),
                true,
                NbdLimits.DEFAULT,
                GatewayConfig.DEFAULT_IO_TIMEOUT,
                1,
                Duration.ofSeconds(5));
    }

    private void start(String... listen) {
        gateway =
                GatewayProcess.start(
                        config(listen),
                        (config, host, secret, loops) ->
                                CompletableFuture.completedFuture(cluster));
    }

    /** A client that has asked for the export; its answer is not looked at but for its magic. */
    private Socket open(String export) throws IOException {
        NbdAddress.Tcp tcp = (NbdAddress.Tcp) gateway.addresses().get(0);
        Socket socket = new Socket(tcp.host(), tcp.port());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        in.readFully(new byte[18]);
        out.writeInt(3);
        out.writeLong(0x49484156454F5054L);
        out.writeInt(1);
        out.writeInt(export.length());
        out.writeBytes(export);
        out.flush();
        assertThat(in.readLong()).isEqualTo(FakeCluster.SIZE_BYTES);
        in.readShort();
        return socket;
    }

    @Test
    void itAnnouncesWhereItListens() {
        start("tcp://127.0.0.1:0", "unix://" + folder.resolve("nbd.sock"));
        await().until(() -> !cluster.announcements().isEmpty());
        Gateway announced = cluster.announcements().get(0);
        assertThat(announced.name()).isEqualTo("gw");
        assertThat(announced.nbdUris()).isEqualTo(gateway.nbdUris());
        assertThat(announced.nbdUris().get(0)).matches("nbd://127\\.0\\.0\\.1:[1-9][0-9]*");
        assertThat(announced.nbdUris().get(1))
                .isEqualTo("nbd+unix:///?socket=" + folder.resolve("nbd.sock"));
    }

    @Test
    void aClusterThatCannotBeToldDoesNotEndIt() throws IOException {
        cluster.addVolume("alpha");
        cluster.setUnreachable(true);
        start("tcp://127.0.0.1:0");
        try (Socket client = open("alpha")) {
            assertThat(client.isConnected()).isTrue();
        }
        cluster.setUnreachable(false);
        await().until(() -> !cluster.announcements().isEmpty());
    }

    @Test
    void shutdownEndsSessionsAndDetachesWhatTheyUsed() throws IOException {
        cluster.addVolume("alpha");
        cluster.addVolume("beta");
        cluster.order("beta", "gw", Attachment.Mode.READ_WRITE);
        start("tcp://127.0.0.1:0");
        try (Socket client = open("alpha")) {
            gateway.close();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
        assertThat(gateway.closedCleanly()).isTrue();
        assertThat(cluster.events())
                .containsExactlyInAnyOrder(
                        "attach beta READ_WRITE", "attach alpha READ_WRITE", "detach alpha");
    }

    @Test
    void anAddressInUseFailsTheStartAndReleasesEverything() throws IOException {
        try (java.net.ServerSocket taken =
                new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            String address = "tcp://127.0.0.1:" + taken.getLocalPort();
            assertThatThrownBy(() -> start("tcp://127.0.0.1:0", address))
                    .isInstanceOf(MirachException.class)
                    .hasMessageContaining("cannot listen on " + address);
        }
        assertThat(cluster.isClosed()).isTrue();
        try (StateDir free = StateDir.open(folder.resolve("state"))) {
            assertThat(free.ownerSecret()).isNotEmpty();
        }
    }

    @Test
    void aClusterThatDoesNotAnswerFailsTheStart() {
        MirachException unreachable =
                new MirachException(ErrorCode.UNREACHABLE, "no endpoint answers");
        assertThatThrownBy(
                        () ->
                                GatewayProcess.start(
                                        config("tcp://127.0.0.1:0"),
                                        (config, host, secret, loops) ->
                                                CompletableFuture.failedFuture(unreachable)))
                .isSameAs(unreachable);
        try (StateDir free = StateDir.open(folder.resolve("state"))) {
            assertThat(free.ownerSecret()).isNotEmpty();
        }
    }
}
