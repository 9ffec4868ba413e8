package io.mirach.raft;

import java.util.UUID;

/**
 * This data dir's replica of a group is lost: it may have acknowledged what it no longer has, so it
 * is not created again under its old vote. See {@link RaftHost#lostGroups}.
 */
public final class ReplicaLostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ReplicaLostException(UUID groupId, String because) {
        super("the replica of " + groupId + " here is lost: " + because, null, false, false);
    }
}
