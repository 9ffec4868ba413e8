package io.mirach.raft;

import java.util.Objects;
import java.util.UUID;

/**
 * One member of a Raft group.
 *
 * @param id the UUID of the member's data dir
 * @param address the Raft address, {@code host:port}
 */
public record Peer(UUID id, String address) {
    public Peer {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(address, "address");
    }
}
