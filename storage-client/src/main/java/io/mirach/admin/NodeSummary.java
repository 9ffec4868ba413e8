package io.mirach.admin;

import io.mirach.model.NodeDuty;
import java.util.Map;
import java.util.Objects;

/**
 * A node as the cluster sees it.
 *
 * @param lastSeenMs milliseconds since its last heartbeat reached the meta leader; -1 if none did
 * @param maintenanceLeftMs for so long it may be away; 0: no maintenance
 * @param replicas that it has, or is being given
 */
public record NodeSummary(
        String name,
        String nativeAddress,
        String httpAddress,
        String zone,
        String rack,
        Map<String, String> labels,
        State state,
        long lastSeenMs,
        int dataDirs,
        NodeDuty.State duty,
        long maintenanceLeftMs,
        int replicas) {
    /** The label that says how an operator starts the node again, such as a systemd command. */
    public static final String START_COMMAND_LABEL = "start-command";

    /**
     * The label that says how an administrator restarts the node from where the CLI runs; {@code
     * {node}} and {@code {host}} in it are filled in.
     */
    public static final String RESTART_COMMAND_LABEL = "restart-command";

    /** Whether a node answers. */
    public enum State {
        UP,
        DOWN
    }

    public NodeSummary {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(nativeAddress, "nativeAddress");
        Objects.requireNonNull(httpAddress, "httpAddress");
        zone = Objects.requireNonNullElse(zone, "");
        rack = Objects.requireNonNullElse(rack, "");
        labels = labels == null ? Map.of() : Map.copyOf(labels);
        Objects.requireNonNull(state, "state");
        Objects.requireNonNull(duty, "duty");
    }
}
