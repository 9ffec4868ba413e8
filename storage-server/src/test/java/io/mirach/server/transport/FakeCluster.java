package io.mirach.server.transport;

import com.sun.net.httpserver.HttpServer;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeAddress;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.AttachReply;
import io.mirach.protocol.cluster.AttachRequest;
import io.mirach.protocol.cluster.ClusterDelta;
import io.mirach.protocol.cluster.DetachRequest;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import io.mirach.protocol.cluster.RegisterGateway;
import io.mirach.protocol.cluster.RenewAttachments;
import io.mirach.protocol.cluster.Renewal;
import io.mirach.protocol.data.BlockStatusReplyCodec;
import io.mirach.protocol.data.BlockStatusRequestCodec;
import io.mirach.protocol.data.ReadReplyCodec;
import io.mirach.protocol.data.ReadRequestCodec;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.mirach.protocol.data.ZeroRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * Three nodes in this process with real connections and no Raft: they share their blocks and the
 * map, and the test says who leads and what goes wrong.
 */
final class FakeCluster implements AutoCloseable {
    static final int NODES = 3;
    static final String VOLUME = "demo";
    static final VolumeId VOLUME_ID = new VolumeId(1);
    static final int EXTENT_BYTES = 4 << 20;

    /** Stands before a node's answer. Owns {@code body}. */
    interface Fault {
        CompletableFuture<ByteBuf> handle(
                int node, Opcode opcode, ByteBuf body, RequestHandler real);
    }

    static final Fault NONE = (node, opcode, body, real) -> real.handle(body);

    final EventLoops loops = EventLoops.start("fake-node", 2);
    final FakeBlocks blocks = new FakeBlocks();
    final UUID clusterId = UUID.randomUUID();
    volatile Fault fault = NONE;
    volatile boolean hints = true;
    volatile int metaLeader = 1;
    final Map<PlacementGroupId, Integer> leaders = new ConcurrentHashMap<>();

    private final NativeServer[] servers = new NativeServer[NODES];
    private final NodeAddress[] addresses = new NodeAddress[NODES];
    private final HttpServer http;
    private final Map<Long, ClusterImage> history = new HashMap<>();
    private ClusterImage image;
    private final List<Runnable> polls = new ArrayList<>();
    private long lastEpoch;

    /** What clients renewed, in order. */
    final List<RenewAttachments> renewals = new CopyOnWriteArrayList<>();

    /** What a renewal is answered with. */
    volatile Renewal renewalAnswer = Renewal.of(30_000);

    FakeCluster(long volumeBytes) throws IOException {
        for (int i = 0; i < NODES; i++) {
            addresses[i] = NodeAddress.parse("127.0.0.1:0");
            start(i);
            addresses[i] = servers[i].address();
        }
        change(ignored -> firstImage(volumeBytes));
        http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        http.createContext(
                "/v1/cluster",
                exchange -> {
                    byte[] answer = clusterView().getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(200, answer.length);
                    exchange.getResponseBody().write(answer);
                    exchange.close();
                });
        http.start();
    }

    String endpoint() {
        return "127.0.0.1:" + http.getAddress().getPort();
    }

    private String clusterView() {
        StringBuilder nodes = new StringBuilder();
        for (int i = 0; i < NODES; i++) {
            nodes.append(i == 0 ? "" : ",")
                    .append("{\"name\":\"node-")
                    .append(i)
                    .append("\",\"nativeAddress\":\"")
                    .append(addresses[i])
                    .append("\",\"more\":{}}");
        }
        return "{\"clusterId\":\""
                + clusterId
                + "\",\"initialised\":true,\"nodes\":["
                + nodes
                + "]}";
    }

    static UUID dataDir(int node) {
        return new UUID(0xd, node);
    }

    void start(int node) throws IOException {
        Map<Opcode, RequestHandler> handlers = new HashMap<>();
        BiConsumer<Opcode, RequestHandler> serve =
                (opcode, real) ->
                        handlers.put(opcode, body -> fault.handle(node, opcode, body, real));
        serve.accept(Opcode.GET_MAP, this::getMap);
        serve.accept(Opcode.ATTACH, body -> onMeta(node, body, this::attach));
        serve.accept(Opcode.DETACH, body -> onMeta(node, body, this::detach));
        serve.accept(Opcode.RENEW_ATTACHMENTS, body -> onMeta(node, body, this::renew));
        serve.accept(Opcode.REGISTER_GATEWAY, body -> onMeta(node, body, this::register));
        serve.accept(
                Opcode.WRITE,
                body -> {
                    WriteRequest request = WriteRequestCodec.decode(body);
                    try {
                        return answer(
                                node,
                                request.placementGroup(),
                                () -> {
                                    blocks.write(request);
                                    return empty();
                                });
                    } finally {
                        request.data().release();
                    }
                });
        serve.accept(
                Opcode.ZERO,
                body -> {
                    var request = ZeroRequestCodec.decode(body);
                    return answer(
                            node,
                            request.placementGroup(),
                            () -> {
                                blocks.zero(request);
                                return empty();
                            });
                });
        serve.accept(
                Opcode.READ,
                body -> {
                    var request = ReadRequestCodec.decode(body);
                    return answer(
                            node,
                            request.placementGroup(),
                            () ->
                                    ReadReplyCodec.encode(
                                            blocks.read(request), ByteBufAllocator.DEFAULT));
                });
        serve.accept(
                Opcode.BLOCK_STATUS,
                body -> {
                    var request = BlockStatusRequestCodec.decode(body);
                    return answer(
                            node,
                            request.placementGroup(),
                            () ->
                                    BlockStatusReplyCodec.encode(
                                            blocks.status(request, volume()),
                                            ByteBufAllocator.DEFAULT));
                });
        servers[node] =
                NativeServer.start(
                        NativeServerConfig.at(addresses[node]),
                        loops,
                        handlers,
                        "node-" + node,
                        () -> Optional.of(clusterId));
    }

    /** Closes its connections and its port, as its death would. */
    void kill(int node) {
        servers[node].close();
    }

    int connectionCount(int node) {
        return servers[node].connectionCount();
    }

    static ByteBuf empty() {
        return Unpooled.EMPTY_BUFFER;
    }

    private CompletableFuture<ByteBuf> answer(
            int node, PlacementGroupId group, Supplier<ByteBuf> leader) {
        if (leaders.get(group) != node) {
            return CompletableFuture.failedFuture(notLeader(leaders.get(group)));
        }
        return CompletableFuture.completedFuture(leader.get());
    }

    private MirachException notLeader(int leader) {
        return MirachException.notLeader(hints ? Optional.of(dataDir(leader)) : Optional.empty());
    }

    private CompletableFuture<ByteBuf> onMeta(
            int node, ByteBuf body, java.util.function.Function<ByteBuf, ByteBuf> leader) {
        if (node != metaLeader) {
            body.release();
            return CompletableFuture.failedFuture(notLeader(metaLeader));
        }
        return CompletableFuture.completedFuture(leader.apply(body));
    }

    private ByteBuf attach(ByteBuf body) {
        AttachRequest request = JsonBody.decode(body, AttachRequest.class);
        if (!request.volume().equals(VOLUME)) {
            throw new MirachException(ErrorCode.NO_SUCH_VOLUME, "no volume " + request.volume());
        }
        Attachment granted = grant(request.mode(), request.gateway());
        return JsonBody.encode(
                new AttachReply(granted, image().version()), ByteBufAllocator.DEFAULT);
    }

    /** Grants the volume to someone; whoever had it is fenced. */
    synchronized Attachment grant(Attachment.Mode mode, String gateway) {
        Attachment granted = admit(mode, gateway);
        change(
                before ->
                        with(
                                before,
                                before.volumes(),
                                Map.of(VOLUME_ID, accessOf(List.of(granted))),
                                before.placementGroups()));
        return granted;
    }

    /** The same, without the map telling of it. */
    synchronized Attachment admit(Attachment.Mode mode, String gateway) {
        Attachment granted =
                new Attachment(
                        VOLUME_ID,
                        new Epoch(++lastEpoch),
                        mode,
                        gateway,
                        "host",
                        "00",
                        Attachment.State.LIVE,
                        1,
                        "");
        blocks.admitOnly(granted.epoch());
        return granted;
    }

    private VolumeAccess accessOf(List<Attachment> attachments) {
        return new VolumeAccess(
                VOLUME_ID, lastEpoch, true, attachments, List.of(), Optional.empty(), List.of());
    }

    private synchronized ByteBuf renew(ByteBuf body) {
        RenewAttachments request = JsonBody.decode(body, RenewAttachments.class);
        renewals.add(request);
        return JsonBody.encode(renewalAnswer, ByteBufAllocator.DEFAULT);
    }

    private ByteBuf register(ByteBuf body) {
        JsonBody.decode(body, RegisterGateway.class);
        return empty();
    }

    private ByteBuf detach(ByteBuf body) {
        JsonBody.decode(body, DetachRequest.class);
        revoke();
        return empty();
    }

    void revoke() {
        change(before -> with(before, before.volumes(), Map.of(), before.placementGroups()));
    }

    /** Seals the head in the placement groups; the map learns of the new one only if told. */
    void newHead(LayerId head, boolean tell) {
        if (tell) {
            Volume old = volume();
            Volume volume =
                    new Volume(
                            old.id(),
                            old.name(),
                            old.sizeBytes(),
                            old.extentBytes(),
                            old.slots(),
                            head,
                            old.state(),
                            old.createdAtMs());
            change(
                    before ->
                            with(
                                    before,
                                    Map.of(VOLUME_ID, volume),
                                    before.access(),
                                    before.placementGroups()));
        } else {
            blocks.seal(head);
        }
    }

    void strictReads(boolean strict) {
        Volume volume = volume().withStrictReads(strict);
        change(
                before ->
                        with(
                                before,
                                Map.of(VOLUME_ID, volume),
                                before.access(),
                                before.placementGroups()));
    }

    synchronized Volume volume() {
        return image.volumes().get(VOLUME_ID);
    }

    synchronized ClusterImage image() {
        return image;
    }

    void change(UnaryOperator<ClusterImage> change) {
        List<Runnable> due;
        synchronized (this) {
            image = change.apply(image);
            history.put(image.version(), image);
            due = List.copyOf(polls);
            polls.clear();
        }
        due.forEach(Runnable::run);
    }

    private CompletableFuture<ByteBuf> getMap(ByteBuf body) {
        GetMap request = JsonBody.decode(body, GetMap.class);
        CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        Runnable answer =
                () -> {
                    ByteBuf update =
                            JsonBody.encode(
                                    updateFrom(request.knownVersion()), ByteBufAllocator.DEFAULT);
                    if (!reply.complete(update)) {
                        update.release();
                    }
                };
        synchronized (this) {
            if (image.version() <= request.knownVersion() && request.waitMs() > 0) {
                polls.add(answer);
                loops.next().schedule(answer, request.waitMs(), TimeUnit.MILLISECONDS);
                return reply;
            }
        }
        answer.run();
        return reply;
    }

    private synchronized MapUpdate updateFrom(long known) {
        if (image.version() <= known) {
            return new MapUpdate(image.version(), Optional.empty(), Optional.empty());
        }
        ClusterImage from = history.get(known);
        return from == null
                ? new MapUpdate(image.version(), Optional.of(image), Optional.empty())
                : new MapUpdate(
                        image.version(),
                        Optional.empty(),
                        Optional.of(ClusterDelta.between(from, image)));
    }

    private ClusterImage firstImage(long volumeBytes) {
        List<Replica> members = new ArrayList<>();
        Map<String, StorageNode> nodes = new HashMap<>();
        for (int i = 0; i < NODES; i++) {
            members.add(new Replica("node-" + i, dataDir(i)));
            nodes.put(
                    "node-" + i,
                    new StorageNode(
                            "node-" + i,
                            List.of(new DataDir(dataDir(i), "127.0.0.1:1")),
                            addresses[i].toString(),
                            "127.0.0.1:2",
                            "",
                            "",
                            Map.of()));
        }
        ReplicaSet replicas = new ReplicaSet(1, members);
        Map<PlacementGroupId, PlacementGroup> groups = new HashMap<>();
        List<PlacementGroupId> slots = new ArrayList<>(Collections.nCopies(64, null));
        for (int i = 0; i < 3; i++) {
            PlacementGroupId id = new PlacementGroupId(i + 1);
            leaders.put(id, i);
            groups.put(
                    id,
                    new PlacementGroup(
                            id,
                            new UUID(0xa, i),
                            replicas,
                            dataDir(i),
                            PlacementGroup.State.ACTIVE));
        }
        for (int slot = 0; slot < 64; slot++) {
            slots.set(slot, new PlacementGroupId(slot % 3 + 1));
        }
        Volume volume =
                new Volume(
                        VOLUME_ID,
                        VOLUME,
                        volumeBytes,
                        EXTENT_BYTES,
                        slots,
                        new LayerId(1),
                        Volume.State.AVAILABLE,
                        1);
        return new ClusterImage(
                1,
                clusterId,
                new UUID(0xb, 0),
                replicas,
                nodes,
                groups,
                Map.of(VOLUME_ID, volume),
                Map.of(),
                Map.of());
    }

    static ClusterImage with(
            ClusterImage before,
            Map<VolumeId, Volume> volumes,
            Map<VolumeId, VolumeAccess> access,
            Map<PlacementGroupId, PlacementGroup> groups) {
        return new ClusterImage(
                before.version() + 1,
                before.clusterId(),
                before.metaGroupId(),
                before.metaReplicas(),
                before.nodes(),
                groups,
                volumes,
                access,
                before.gateways());
    }

    @Override
    public void close() {
        http.stop(0);
        for (NativeServer server : servers) {
            server.close();
        }
        loops.close();
    }
}
