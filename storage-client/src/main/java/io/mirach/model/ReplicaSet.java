package io.mirach.model;

import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The members of a placement group (or of the meta group) at a version of its membership. */
public record ReplicaSet(long version, List<Replica> replicas) {
    public ReplicaSet {
        replicas = List.copyOf(replicas);
    }

    public Optional<Replica> ofDataDir(UUID dataDir) {
        return replicas.stream().filter(r -> r.dataDir().equals(dataDir)).findFirst();
    }
}
