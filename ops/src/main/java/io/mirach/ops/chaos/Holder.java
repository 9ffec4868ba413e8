package io.mirach.ops.chaos;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.model.Volume;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;

/**
 * One attachment, with the ordinary client and a direct one at work under it. They write different
 * slots, since each counts its own sequence numbers.
 */
final class Holder implements AutoCloseable {
    // Longer than any stop of a node: what was sent to it waits in its socket and is delivered.
    private static final TransportConfig PATIENT =
            new TransportConfig(
                    Duration.ofSeconds(3),
                    Duration.ofSeconds(10),
                    Duration.ofSeconds(20),
                    16_384,
                    64L << 20);

    private final MirachClient client;
    private final AttachedVolume volume;
    private final NodeConnections connections;
    private final SessionClient session;
    private final DirectClient direct;
    private volatile boolean closed;

    Holder(
            String name,
            MirachClient client,
            AttachedVolume attached,
            EventLoops loops,
            History history,
            Pace pace,
            Random random) {
        this.client = client;
        this.volume = attached;
        this.session = new SessionClient(name + "-session", attached, history);
        this.connections =
                new NodeConnections(
                        loops, PATIENT, name, () -> Optional.of(client.image().clusterId()));
        Volume known = client.image().volumeNamed(attached.name()).orElseThrow();
        this.direct =
                new DirectClient(
                        name + "-direct",
                        attached.epoch(),
                        known,
                        client::image,
                        connections,
                        history,
                        pace,
                        random);
    }

    long epoch() {
        return volume.epoch().value();
    }

    SessionClient session() {
        return session;
    }

    DirectClient direct() {
        return direct;
    }

    boolean isClosed() {
        return closed;
    }

    /** Ends without detaching, as a client that is killed. */
    @Override
    public void close() {
        closed = true;
        connections.close();
        client.close();
    }
}
