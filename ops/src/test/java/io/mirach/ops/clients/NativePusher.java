package io.mirach.ops.clients;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Many connections to the nodes, each with 32 writes of 1 MiB outstanding at all times. A write
 * that is refused for lack of room is sent again at once: worse manners than any client's. All go
 * to one slot, and so to one leader. Thread-safe.
 */
final class NativePusher implements AutoCloseable {
    private static final int WRITES_PER_CONNECTION = 32;
    private static final Duration ATTEMPT = Duration.ofMinutes(2);
    private static final long RESEND_MILLIS = 20;

    private final Volume volume;
    private final AttachedVolume attachment;
    private final MirachClient client;
    private final PlacementGroupId group;
    private final ByteBuf data = Unpooled.directBuffer(WriteRequest.MAX_BYTES);
    private final int[] crcs;
    private final EventLoops loops = EventLoops.start("pusher", 1);
    private final List<NodeConnections> connections = new ArrayList<>();
    private final List<AtomicInteger> acknowledged = new ArrayList<>();
    private final AtomicInteger refused = new AtomicInteger();
    private final Set<ErrorCode> failures = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;

    NativePusher(MirachClient client, AttachedVolume attachment, int connectionCount) {
        this.client = client;
        this.attachment = attachment;
        this.volume = client.image().volumeNamed(attachment.name()).orElseThrow();
        this.group = volume.placementGroupOfExtent(0);
        data.writeZero(WriteRequest.MAX_BYTES);
        for (int at = 0; at < WriteRequest.MAX_BYTES; at += 512) {
            data.setLong(at, at * 0x9E3779B97F4A7C15L);
        }
        crcs = Checksum.perBlock(0, data);
        for (int i = 0; i < connectionCount; i++) {
            connections.add(
                    new NodeConnections(
                            loops, TransportConfig.DEFAULT, "pusher-" + i, Optional::empty));
            acknowledged.add(new AtomicInteger());
        }
    }

    void start() {
        for (int connection = 0; connection < connections.size(); connection++) {
            for (int i = 0; i < WRITES_PER_CONNECTION; i++) {
                send(connection, 1L + connection * WRITES_PER_CONNECTION + i, 0);
            }
        }
    }

    private void send(int connection, long sequence, int member) {
        WriteRequest request =
                new WriteRequest(
                        group,
                        new WriteIdentity(
                                volume.id(),
                                attachment.epoch(),
                                new Slot(0),
                                sequence,
                                1,
                                volume.head()),
                        0,
                        false,
                        crcs,
                        data.retainedDuplicate());
        connections
                .get(connection)
                .request(
                        address(member),
                        Opcode.WRITE,
                        WriteRequestCodec.encode(request, ByteBufAllocator.DEFAULT),
                        ATTEMPT)
                .whenComplete(
                        (reply, failure) -> {
                            if (failure == null) {
                                reply.release();
                                acknowledged.get(connection).incrementAndGet();
                            } else if (!closing) {
                                failed(connection, sequence, member, failure);
                            }
                        });
    }

    private void failed(int connection, long sequence, int member, Throwable failure) {
        ErrorCode code = failure instanceof MirachException e ? e.code() : ErrorCode.INTERNAL;
        int next = member;
        switch (code) {
            case BACK_PRESSURED -> refused.incrementAndGet();
            case NOT_LEADER, NOT_READY, UNREACHABLE, NO_SUCH_PLACEMENT_GROUP -> next = member + 1;
            default -> failures.add(code);
        }
        int to = next;
        loops.next()
                .schedule(
                        () -> send(connection, sequence, to), RESEND_MILLIS, TimeUnit.MILLISECONDS);
    }

    private String address(int member) {
        ClusterImage image = client.image();
        var replicas = image.placementGroups().get(group).replicaSet().replicas();
        var replica = replicas.get(member % replicas.size());
        return image.nodes().get(replica.node()).nativeAddress();
    }

    /** Acknowledged writes of the connection that has fewest. */
    int fewestAcknowledged() {
        return acknowledged.stream().mapToInt(AtomicInteger::get).min().orElseThrow();
    }

    int acknowledged() {
        return acknowledged.stream().mapToInt(AtomicInteger::get).sum();
    }

    int total() {
        return IntStream.range(0, connections.size()).map(i -> WRITES_PER_CONNECTION).sum();
    }

    int refused() {
        return refused.get();
    }

    /** What writes failed with, other than for lack of room or of a leader. */
    Set<ErrorCode> failures() {
        return failures;
    }

    @Override
    public void close() {
        closing = true;
        connections.forEach(NodeConnections::close);
        loops.close();
        data.release();
    }
}
