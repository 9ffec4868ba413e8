package io.mirach.model;

import java.util.Objects;
import java.util.UUID;

/**
 * A disk's folder on a node.
 *
 * @param id its UUID, also its Raft peer id
 * @param raftAddress where its Raft server listens, {@code host:port}
 */
public record DataDir(UUID id, String raftAddress) {
    public DataDir {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(raftAddress, "raftAddress");
    }
}
