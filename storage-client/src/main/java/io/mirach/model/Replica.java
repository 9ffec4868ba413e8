package io.mirach.model;

import java.util.Objects;
import java.util.UUID;

/** One member's copy of a placement group: a data dir on a node. */
public record Replica(String node, UUID dataDir) {
    public Replica {
        Objects.requireNonNull(node, "node");
        Objects.requireNonNull(dataDir, "dataDir");
    }
}
