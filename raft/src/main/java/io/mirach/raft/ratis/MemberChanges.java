package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.MembersRefusedException;
import io.mirach.raft.MembersRefusedException.Reason;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.Peer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.protocol.exceptions.ReconfigurationInProgressException;
import org.apache.ratis.protocol.exceptions.ReconfigurationTimeoutException;
import org.apache.ratis.protocol.exceptions.SetConfigurationException;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.JavaUtils;

/**
 * Changes of one group's members, through Ratis, on this leader. Confined to the propose thread.
 */
final class MemberChanges {
    private final UUID self;
    private final RaftServer server;
    private final RaftServer.Division division;
    private final ReplicaView view;

    MemberChanges(UUID self, RaftServer server, RaftServer.Division division, ReplicaView view) {
        this.self = self;
        this.server = server;
        this.division = division;
        this.view = view;
    }

    /** See {@link io.mirach.raft.ReplicatedLog#changeMembers}; this replica leads. */
    CompletableFuture<LogPosition> change(
            ClientId clientId,
            long callId,
            Set<UUID> expectedVoters,
            List<Peer> voters,
            List<Peer> learners) {
        RaftConfiguration current = division.getRaftConf();
        Members actual = ReplicaView.members(current);
        if (actual.changing() || current.getLogEntryIndex() > view.commitIndex()) {
            return refused(Reason.CHANGE_UNDER_WAY, actual, "one change at a time");
        }
        if (actual.voters().equals(ids(voters)) && actual.learners().equals(ids(learners))) {
            return CompletableFuture.completedFuture(inForce());
        }
        if (!actual.voters().equals(expectedVoters)) {
            return refused(Reason.OTHER_VOTERS, actual, "expected were " + expectedVoters);
        }
        if (!ids(voters).contains(self)) {
            // Ratis would close this replica where the change ends.
            return refused(Reason.NOT_ALLOWED, actual, "a leader hands over before it goes");
        }
        SetConfigurationRequest request =
                new SetConfigurationRequest(
                        clientId,
                        server.getId(),
                        division.getMemberId().getGroupId(),
                        callId,
                        SetConfigurationRequest.Arguments.newBuilder()
                                .setMode(SetConfigurationRequest.Mode.COMPARE_AND_SET)
                                .setServersInCurrentConf(
                                        List.copyOf(current.getAllPeers(RaftPeerRole.FOLLOWER)))
                                .setListenersInCurrentConf(
                                        List.copyOf(current.getAllPeers(RaftPeerRole.LISTENER)))
                                .setServersInNewConf(peers(voters, RaftPeerRole.FOLLOWER))
                                .setListenersInNewConf(peers(learners, RaftPeerRole.LISTENER))
                                .build());
        CompletableFuture<RaftClientReply> replied;
        try {
            replied = server.setConfigurationAsync(request);
        } catch (IOException | RuntimeException e) {
            replied = CompletableFuture.failedFuture(e);
        }
        CompletableFuture<LogPosition> done = new CompletableFuture<>();
        replied.whenComplete(
                (reply, thrown) -> {
                    Throwable failure = RatisGroup.failure(reply, thrown);
                    if (failure == null) {
                        done.complete(inForce());
                    } else {
                        done.completeExceptionally(refusal(failure));
                    }
                });
        return done;
    }

    private LogPosition inForce() {
        return new LogPosition(view.currentTerm(), division.getRaftConf().getLogEntryIndex());
    }

    private RuntimeException refusal(Throwable failure) {
        Throwable cause = JavaUtils.unwrapCompletionException(failure);
        Members actual = ReplicaView.members(division.getRaftConf());
        String detail = String.valueOf(cause.getMessage());
        if (cause instanceof ReconfigurationInProgressException) {
            return new MembersRefusedException(Reason.CHANGE_UNDER_WAY, actual, detail);
        }
        if (cause instanceof ReconfigurationTimeoutException) {
            return new MembersRefusedException(Reason.NO_PROGRESS, actual, detail);
        }
        if (cause instanceof SetConfigurationException) {
            return new MembersRefusedException(
                    detail.contains("changes a majority")
                            ? Reason.NOT_ALLOWED
                            : Reason.OTHER_VOTERS,
                    actual,
                    detail);
        }
        // Leadership was lost: whoever leads next may finish it.
        return new OutcomeUnknownException("the members may yet change", cause);
    }

    private static CompletableFuture<LogPosition> refused(
            Reason reason, Members actual, String detail) {
        return CompletableFuture.failedFuture(new MembersRefusedException(reason, actual, detail));
    }

    private static Set<UUID> ids(List<Peer> peers) {
        Set<UUID> ids = new HashSet<>();
        peers.forEach(peer -> ids.add(peer.id()));
        return ids;
    }

    static List<RaftPeer> peers(List<Peer> peers, RaftPeerRole role) {
        List<RaftPeer> all = new ArrayList<>(peers.size());
        for (Peer peer : peers) {
            all.add(RaftPeer.newBuilder(PeerIds.raftPeer(peer)).setStartupRole(role).build());
        }
        return all;
    }
}
