package io.mirach.raft.ratis;

import java.util.UUID;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.LeaderElectionManagementRequest;
import org.apache.ratis.server.RaftServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether one replica may vote, and stand for election.
 *
 * <p>A replica that was made anew reads its group's log from the beginning, and there it finds
 * configurations in which its data dir was a voter once. Ratis would vote by them. But what was
 * acknowledged then is gone, so only a configuration behind the one without it counts. As in Raft
 * it counts from when it is in the log: the leader that wrote it had all that is committed, and
 * this replica's log agrees with the leader's up to there.
 *
 * <p>One that is no voter in the newest configuration does not stand either: Ratis would find out
 * in the election, and close it for good.
 *
 * <p>Thread-safe.
 */
final class VotingRight {
    private static final Logger LOG = LoggerFactory.getLogger(VotingRight.class);

    private final UUID self;
    private final ReplicaView view;
    // Configurations up to this index are of a former life; -1 if there was none.
    private volatile long bornAt = -1;
    private volatile boolean excluded;
    // What Ratis was told last. Written by the propose thread.
    private volatile boolean paused;

    VotingRight(UUID self, ReplicaView view) {
        this.self = self;
        this.view = view;
    }

    /** This replica was made anew behind the configuration at {@code index}. */
    void bornAt(long index) {
        bornAt = index;
    }

    boolean isLearning() {
        return bornAt >= 0 && !mayVote();
    }

    /**
     * Whether a configuration without this replica is of the past for it: it was made anew later,
     * or knows that it is a member again.
     */
    boolean isBeyond(long configuration) {
        return bornAt > configuration || view.isMemberBeyond(configuration, self);
    }

    /** Whether a configuration behind that one gives it a vote. */
    boolean isVoterSince(long configuration) {
        return view.votesBeyond(configuration, self);
    }

    boolean mayVote() {
        return bornAt < 0 || view.votesBeyond(bornAt, self);
    }

    /** A leader says that it goes on without this replica; false: it is heard of again. */
    void excluded(boolean nowExcluded) {
        if (excluded != nowExcluded) {
            excluded = nowExcluded;
        }
    }

    private boolean stands() {
        return !excluded && mayVote() && view.votesBeyond(Long.MIN_VALUE, self);
    }

    /** Whether {@link #tend} has anything to tell Ratis. */
    boolean isDue() {
        return stands() == paused && view.alive();
    }

    /** Has Ratis hold, or begin, elections of this replica as it should. */
    void tend(RaftServer server, ClientId clientId, long callId, RaftServer.Division division) {
        if (!isDue()) {
            return;
        }
        boolean pause = !paused;
        LeaderElectionManagementRequest request =
                pause
                        ? LeaderElectionManagementRequest.newPause(
                                clientId,
                                server.getId(),
                                division.getMemberId().getGroupId(),
                                callId)
                        : LeaderElectionManagementRequest.newResume(
                                clientId,
                                server.getId(),
                                division.getMemberId().getGroupId(),
                                callId);
        paused = pause;
        server.leaderElectionManagementAsync(request)
                .whenComplete(
                        (reply, thrown) -> {
                            Throwable failure = RatisGroup.failure(reply, thrown);
                            if (failure != null) {
                                LOG.warn(
                                        "Elections of {} could not be {}: {}",
                                        division.getMemberId(),
                                        pause ? "held" : "resumed",
                                        failure.toString());
                            }
                        });
    }
}
