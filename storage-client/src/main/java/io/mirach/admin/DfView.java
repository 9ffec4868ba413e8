package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * Room, by data dir.
 *
 * @param rows by node name
 * @param provisionedBytes the sum of the volumes' sizes, before replication
 */
public record DfView(StatusView.Capacity totals, long provisionedBytes, List<Row> rows) {
    /** How near a data dir is to the limit where writes stop. */
    public enum Fill {
        OK,
        NEAR_FULL,
        /** Writes are refused with NO_SPACE. */
        FULL
    }

    public DfView {
        Objects.requireNonNull(totals, "totals");
        rows = List.copyOf(rows);
    }

    /**
     * A data dir.
     *
     * @param capacityBytes of its file system
     * @param usedBytes taken by Mirach's own files
     * @param availableBytes free on its file system
     */
    public record Row(
            String node,
            UUID dataDir,
            String path,
            long capacityBytes,
            long usedBytes,
            long availableBytes,
            Fill fill) {
        public Row {
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(path, "path");
            Objects.requireNonNull(fill, "fill");
        }
    }
}
