package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.AdminClient;
import io.mirach.admin.ClusterView;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.NodeAddress;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.server.chunk.ChunkServiceConfig;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.store.StoreConfig;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** Storage nodes in this JVM, on loopback and free ports. Confined to the test's thread. */
public final class InProcessCluster implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(60);
    private final List<NodeConfig> configs = new ArrayList<>();
    private final StorageServer[] servers;
    private final List<MirachClient> clients = new ArrayList<>();

    /** What nodes said when they could not go on. */
    public final List<String> failures = new CopyOnWriteArrayList<>();

    public InProcessCluster(Path folder, int nodes) throws IOException {
        this(folder, nodes, 1);
    }

    public InProcessCluster(Path folder, int nodes, int dirsPerNode) throws IOException {
        this(folder, nodes, dirsPerNode, AttachmentTerms.DEFAULT_TERM);
    }

    public InProcessCluster(Path folder, int nodes, int dirsPerNode, Duration attachmentTerm)
            throws IOException {
        this(folder, nodes, dirsPerNode, config -> config.withAttachmentTerm(attachmentTerm));
    }

    public InProcessCluster(
            Path folder, int nodes, int dirsPerNode, UnaryOperator<NodeConfig> configure)
            throws IOException {
        servers = new StorageServer[nodes];
        for (int i = 0; i < nodes; i++) {
            configs.add(
                    configure.apply(
                            config(folder, "node-" + (i + 1), "rack-" + (i + 1), dirsPerNode)));
        }
    }

    private static NodeConfig config(Path folder, String name, String rack, int dirs)
            throws IOException {
        List<Path> paths = new ArrayList<>();
        for (int i = 1; i <= dirs; i++) {
            paths.add(folder.resolve(name + "-dir-" + i));
        }
        int[] ports = freePorts(2 + dirs);
        StoreConfig defaults = StoreConfig.defaults();
        // Closing leaves what a killed process leaves.
        StoreConfig store =
                new StoreConfig(
                        16 << 20,
                        32 << 20,
                        defaults.groupWriteBufferBytes(),
                        defaults.blobFileBytes(),
                        1,
                        defaults.maxOpenFiles(),
                        false);
        return new NodeConfig(
                name,
                paths,
                new NodeAddress("127.0.0.1", ports[0]),
                new NodeAddress("127.0.0.1", ports[1]),
                new NodeAddress("127.0.0.1", ports[2]),
                "zone-1",
                rack,
                Map.of(),
                store,
                ChunkServiceConfig.defaults(),
                NodeConfig.Replication.DEFAULT,
                1);
    }

    /** Free ports, of which those from the third on follow each other. */
    private static int[] freePorts(int count) throws IOException {
        while (true) {
            List<ServerSocket> taken = new ArrayList<>();
            try {
                int[] ports = new int[count];
                for (int i = 0; i < count; i++) {
                    int wanted = i < 3 ? 0 : ports[i - 1] + 1;
                    ServerSocket socket =
                            new ServerSocket(wanted, 1, InetAddress.getLoopbackAddress());
                    taken.add(socket);
                    ports[i] = socket.getLocalPort();
                }
                return ports;
            } catch (BindException busy) {
                // The port after a free one is not free: choose others.
                continue;
            } finally {
                for (ServerSocket socket : taken) {
                    socket.close();
                }
            }
        }
    }

    public int size() {
        return servers.length;
    }

    public NodeConfig config(int index) {
        return configs.get(index);
    }

    public String name(int index) {
        return configs.get(index).name();
    }

    public int indexOf(String name) {
        for (int i = 0; i < configs.size(); i++) {
            if (configs.get(i).name().equals(name)) {
                return i;
            }
        }
        throw new IllegalArgumentException(name);
    }

    public void start(int index) throws IOException {
        servers[index] =
                StorageServer.start(
                        configs.get(index),
                        (what, cause) -> failures.add(configs.get(index).name() + ": " + what));
    }

    public void startAll() throws IOException {
        for (int i = 0; i < servers.length; i++) {
            start(i);
        }
    }

    public void stop(int index) {
        servers[index].close();
        servers[index] = null;
    }

    public List<String> httpAddresses() {
        return configs.stream().map(c -> c.httpAddress().toString()).toList();
    }

    public ClusterView init() {
        return admin().initCluster(new InitRequest(httpAddresses(), 0));
    }

    /** An admin client that asks the nodes in order. */
    public AdminClient admin() {
        return new AdminClient(
                httpAddresses().stream().map(HttpEndpoint::parse).toList(),
                Duration.ofSeconds(15),
                Duration.ofSeconds(90));
    }

    public AdminClient admin(int index) {
        return new AdminClient(
                List.of(HttpEndpoint.parse(httpAddresses().get(index))),
                Duration.ofSeconds(15),
                Duration.ofSeconds(90));
    }

    public MirachClient client(String gateway) throws Exception {
        MirachClient client =
                MirachClients.connect(
                                MirachClientConfig.of(
                                        httpAddresses(), gateway, "test-host", "secret-" + gateway))
                        .get(30, TimeUnit.SECONDS);
        clients.add(client);
        return client;
    }

    /** Waits until all nodes are up and all placement groups healthy. */
    public void awaitHealthy() {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(200))
                .ignoreExceptions()
                .untilAsserted(
                        () -> {
                            StatusView status = admin().status();
                            assertThat(status.nodes())
                                    .allMatch(n -> n.state() == NodeSummary.State.UP);
                            assertThat(admin().placementGroups())
                                    .allMatch(pg -> pg.state() == PgView.Condition.HEALTHY)
                                    .hasSizeGreaterThan(3);
                        });
    }

    @Override
    public void close() {
        clients.forEach(MirachClient::close);
        for (StorageServer server : servers) {
            if (server != null) {
                server.close();
            }
        }
    }
}
