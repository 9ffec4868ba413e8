package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The cluster's health in one screen.
 *
 * @param reasons why the health is not OK, the worst first; empty if it is
 */
public record StatusView(
        Health health,
        List<Reason> reasons,
        Optional<UUID> clusterId,
        Optional<String> metaLeader,
        long mapVersion,
        Capacity capacity,
        List<NodeSummary> nodes,
        PgCounts pgs,
        VolumeCounts volumes,
        List<GatewayView> gateways,
        List<AttachmentView> attachments) {
    /** Worst of all reasons. */
    public enum Health {
        OK,
        /** Served, but with less redundancy or room than it should have. */
        WARN,
        /** Something is not served. */
        ERROR
    }

    public StatusView {
        Objects.requireNonNull(health, "health");
        reasons = List.copyOf(reasons);
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(metaLeader, "metaLeader");
        Objects.requireNonNull(capacity, "capacity");
        nodes = List.copyOf(nodes);
        Objects.requireNonNull(pgs, "pgs");
        Objects.requireNonNull(volumes, "volumes");
        gateways = List.copyOf(gateways);
        attachments = List.copyOf(attachments);
    }

    /**
     * One thing that is wrong.
     *
     * @param code a stable name such as NODE_DOWN, PG_NO_LEADER, NEAR_FULL
     * @param detail what is wrong, in one line, over all that it is wrong with
     * @param remedy the command to run next; empty if there is none
     * @param items what it is wrong with, one by one, if it is more than the detail says
     */
    public record Reason(
            Health severity, String code, String detail, String remedy, List<String> items) {
        public Reason {
            Objects.requireNonNull(severity, "severity");
            Objects.requireNonNull(code, "code");
            Objects.requireNonNull(detail, "detail");
            remedy = Objects.requireNonNullElse(remedy, "");
            items = items == null ? List.of() : List.copyOf(items);
        }
    }

    /**
     * Raw bytes over all data dirs.
     *
     * @param usedBytes taken by Mirach's own files
     * @param availableBytes free on the file systems
     */
    public record Capacity(long totalBytes, long usedBytes, long availableBytes) {}

    /**
     * Placement groups by condition.
     *
     * @param healthy a leader, and every member in reach of its log
     * @param degraded a leader, and a member missing or behind
     * @param unserved no leader
     */
    public record PgCounts(int total, int healthy, int degraded, int unserved) {}

    /**
     * @param provisionedBytes the sum of the volumes' sizes
     */
    public record VolumeCounts(int total, int attached, long provisionedBytes) {}
}
