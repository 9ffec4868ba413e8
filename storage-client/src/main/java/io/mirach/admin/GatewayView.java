package io.mirach.admin;

import io.mirach.protocol.cluster.EndedExport;
import java.util.List;
import java.util.Objects;

/**
 * A gateway process.
 *
 * @param nbdUris where it listens, without an export name
 * @param lastSeenMs milliseconds since it last announced itself; -1 if unknown
 * @param ended the exports that were taken from it, until it offers them again
 * @param volumes the volumes that it holds attached, by name
 */
public record GatewayView(
        String name,
        String host,
        List<String> nbdUris,
        State state,
        long lastSeenMs,
        List<String> volumes,
        List<EndedExport> ended) {
    /** Whether a gateway still announces itself. */
    public enum State {
        UP,
        DOWN
    }

    public GatewayView {
        Objects.requireNonNull(name, "name");
        host = Objects.requireNonNullElse(host, "");
        nbdUris = List.copyOf(nbdUris);
        Objects.requireNonNull(state, "state");
        volumes = List.copyOf(volumes);
        ended = List.copyOf(ended);
    }
}
