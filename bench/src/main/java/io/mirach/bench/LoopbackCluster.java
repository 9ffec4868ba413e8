package io.mirach.bench;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.InitRequest;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.NodeAddress;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.server.StorageServer;
import io.mirach.server.chunk.ChunkServiceConfig;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.store.StoreConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A cluster of storage nodes in this JVM, with a node's default settings and three placement
 * groups, and one client of it: Ratis and the native protocol over loopback, RocksDB on disk.
 * Confined to one thread.
 */
final class LoopbackCluster implements AutoCloseable {
    private static final int NODES = 3;
    private static final int PLACEMENT_GROUPS = 3;
    private static final int PORTS_PER_NODE = 3;
    private static final long STEP_LIMIT_SECONDS = 60;

    private final AtomicReference<String> failure = new AtomicReference<>();
    private final List<StorageServer> servers = new ArrayList<>();
    private final AdminClient admin;
    private Optional<MirachClient> client = Optional.empty();

    /** Starts and forms the cluster; returns once every placement group is there. */
    static LoopbackCluster start(Path folder) throws Exception {
        List<NodeConfig> configs = configs(folder);
        LoopbackCluster cluster = new LoopbackCluster(configs);
        try {
            cluster.open(configs);
            return cluster;
        } catch (Exception e) {
            cluster.close();
            throw e;
        }
    }

    private LoopbackCluster(List<NodeConfig> configs) {
        admin = new AdminClient(httpAddresses(configs).stream().map(HttpEndpoint::parse).toList());
    }

    private void open(List<NodeConfig> configs) throws Exception {
        for (NodeConfig config : configs) {
            servers.add(
                    StorageServer.start(
                            config,
                            (what, cause) ->
                                    failure.compareAndSet(null, config.name() + ": " + what)));
        }
        admin.initCluster(new InitRequest(httpAddresses(configs), PLACEMENT_GROUPS));
        MirachClient connected =
                MirachClients.connect(
                                MirachClientConfig.of(
                                        httpAddresses(configs), "bench", "localhost", "bench"))
                        .get(STEP_LIMIT_SECONDS, TimeUnit.SECONDS);
        client = Optional.of(connected);
        CountDownLatch formed = new CountDownLatch(1);
        AutoCloseable following =
                connected.onImage(
                        image -> {
                            if (isFormed(image)) {
                                formed.countDown();
                            }
                        });
        try (following) {
            if (!formed.await(STEP_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                throw new TimeoutException("the placement groups are not there in time");
            }
        }
    }

    private static boolean isFormed(ClusterImage image) {
        Collection<PlacementGroup> groups = image.placementGroups().values();
        return groups.size() == PLACEMENT_GROUPS
                && groups.stream().allMatch(g -> g.state() == PlacementGroup.State.ACTIVE);
    }

    /** Creates a volume and attaches it. */
    AttachedVolume attachNew(String name, long sizeBytes) throws Exception {
        admin.createVolume(new CreateVolumeRequest(name, sizeBytes, 0));
        return client.orElseThrow()
                .attach(name, Attachment.Mode.READ_WRITE)
                .get(STEP_LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    /** Fails if a node said that it cannot go on. */
    void requireHealthy() {
        if (failure.get() != null) {
            throw new IllegalStateException("a node failed: " + failure.get());
        }
    }

    private static List<NodeConfig> configs(Path folder) throws IOException {
        int[] ports = freePorts(NODES * PORTS_PER_NODE);
        List<NodeConfig> configs = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            String name = "node-" + (i + 1);
            configs.add(
                    new NodeConfig(
                            name,
                            List.of(folder.resolve(name)),
                            new NodeAddress("127.0.0.1", ports[i * PORTS_PER_NODE]),
                            new NodeAddress("127.0.0.1", ports[i * PORTS_PER_NODE + 1]),
                            new NodeAddress("127.0.0.1", ports[i * PORTS_PER_NODE + 2]),
                            "zone-1",
                            "rack-" + (i + 1),
                            Map.of(),
                            StoreConfig.defaults(),
                            ChunkServiceConfig.defaults(),
                            NodeConfig.Replication.DEFAULT,
                            NodeConfig.DEFAULT_EVENT_LOOPS));
        }
        return configs;
    }

    /** Different ones: each is held until all are found. */
    private static int[] freePorts(int count) throws IOException {
        List<ServerSocket> held = new ArrayList<>();
        try {
            int[] ports = new int[count];
            for (int i = 0; i < count; i++) {
                held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
                ports[i] = held.get(i).getLocalPort();
            }
            return ports;
        } finally {
            for (ServerSocket socket : held) {
                socket.close();
            }
        }
    }

    private static List<String> httpAddresses(List<NodeConfig> configs) {
        return configs.stream().map(config -> config.httpAddress().toString()).toList();
    }

    /** Ends the client, then the nodes; their data stays. */
    @Override
    public void close() {
        client.ifPresent(MirachClient::close);
        servers.forEach(StorageServer::close);
    }
}
