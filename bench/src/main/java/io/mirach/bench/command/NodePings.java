package io.mirach.bench.command;

import io.mirach.admin.NodeSummary;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/** The round trip of the smallest frame to each node, over the native protocol. Blocks. */
final class NodePings {
    private static final int WARM_UP_PINGS = 200;
    private static final int PINGS = 1000;
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final long MAX_NANOS = 60_000_000_000L;

    private NodePings() {}

    /**
     * @param failure why there is none; empty if there is
     */
    record Ping(String node, String address, double p50Micros, double p99Micros, String failure) {}

    static List<Ping> measure(List<NodeSummary> nodes, EventLoops loops) {
        List<Ping> pings = new ArrayList<>();
        try (NodeConnections connections =
                new NodeConnections(
                        loops, TransportConfig.DEFAULT, "mirach-bench", Optional::empty)) {
            for (NodeSummary node : nodes) {
                pings.add(measure(connections, node));
            }
        }
        return pings;
    }

    private static Ping measure(NodeConnections connections, NodeSummary node) {
        Histogram latencies = new Histogram(MAX_NANOS, 3);
        try {
            for (int i = 0; i < WARM_UP_PINGS + PINGS; i++) {
                long start = System.nanoTime();
                Waiting.get(
                                connections.request(
                                        node.nativeAddress(),
                                        Opcode.PING,
                                        Unpooled.EMPTY_BUFFER,
                                        LIMIT),
                                LIMIT.toSeconds() + 1,
                                node.name())
                        .release();
                if (i >= WARM_UP_PINGS) {
                    latencies.recordValue(Math.min(System.nanoTime() - start, MAX_NANOS));
                }
            }
        } catch (MirachException e) {
            return new Ping(node.name(), node.nativeAddress(), 0, 0, e.toString());
        }
        return new Ping(
                node.name(),
                node.nativeAddress(),
                latencies.getValueAtPercentile(50) / 1e3,
                latencies.getValueAtPercentile(99) / 1e3,
                "");
    }
}
