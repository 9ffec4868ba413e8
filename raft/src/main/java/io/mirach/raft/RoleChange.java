package io.mirach.raft;

import java.util.Optional;
import java.util.UUID;

/**
 * A replica's view of who leads its group.
 *
 * @param term the term in which this holds
 * @param leads whether this replica leads
 * @param leader the leader, if known
 */
public record RoleChange(long term, boolean leads, Optional<UUID> leader) {}
