package org.apache.ratis.server.impl;

import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;

/**
 * Marks a follower as one that has caught up, once it is a member. Ratis 3.3.0 does so for voters
 * that come in as such, but never for one that comes in as a listener, not even when it gets its
 * vote later: to its leader it stays one that is still being brought up. Then, when it is away, no
 * change of members comes to pass any more, not even the one that would replace it (no progress),
 * and its newer term is not heeded. In this package because the mark is open to nobody else.
 */
public final class CaughtUpMembers {
    private CaughtUpMembers() {}

    /** Any thread; cheap, and does nothing most of the time. */
    public static void mark(
            LeaderState leader, FollowerInfo follower, RaftConfiguration configuration) {
        if (leader.isFollowerBootstrapping(follower)
                && configuration.getPeer(
                                follower.getId(), RaftPeerRole.FOLLOWER, RaftPeerRole.LISTENER)
                        != null) {
            ((FollowerInfoImpl) follower).catchUp();
        }
    }
}
