package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicaStatus.Role;
import io.mirach.raft.ratis.peer.PeerAppender;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.util.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What can be seen of one replica in Ratis. Thread-safe; never blocks. */
final class ReplicaView {
    private static final Logger LOG = LoggerFactory.getLogger(ReplicaView.class);

    private final UUID groupId;
    private final EntryStateMachine<?> stateMachine;
    private final Supplier<LogPosition> durable;
    // While this replica leads: one per follower.
    private final Map<UUID, PeerAppender> appenders = new ConcurrentHashMap<>();
    private volatile RaftServer.Division division;

    ReplicaView(UUID groupId, EntryStateMachine<?> stateMachine, Supplier<LogPosition> durable) {
        this.groupId = groupId;
        this.stateMachine = stateMachine;
        this.durable = durable;
    }

    /** Until this is called the replica is neither alive nor leading. */
    void attach(RaftServer.Division division) {
        this.division = division;
    }

    void addAppender(PeerAppender appender) {
        appenders.put(PeerIds.uuid(appender.getFollowerId()), appender);
    }

    void leadsNoMore() {
        appenders.clear();
    }

    boolean alive() {
        RaftServer.Division now = division;
        return now != null && now.getInfo().getLifeCycleState().isRunning();
    }

    boolean stopped() {
        LifeCycle.State state = division.getInfo().getLifeCycleState();
        return state.isClosingOrClosed() || state == LifeCycle.State.EXCEPTION;
    }

    boolean leads() {
        RaftServer.Division now = division;
        return now != null
                && now.getInfo().isAlive()
                && now.getInfo().getCurrentRole() == RaftPeerRole.LEADER;
    }

    long currentTerm() {
        return division.getInfo().getCurrentTerm();
    }

    Optional<UUID> leader() {
        RaftServer.Division now = division;
        return now == null
                ? Optional.empty()
                : Optional.ofNullable(now.getInfo().getLeaderId()).map(PeerIds::uuid);
    }

    boolean hasMembers() {
        RaftServer.Division now = division;
        return now != null && !now.getRaftConf().getAllPeers().isEmpty();
    }

    /**
     * Whether {@code peer} votes by the newest configuration in the log, if it is behind an index.
     */
    boolean votesBeyond(long index, UUID peer) {
        return membersBeyond(index).voters().contains(peer);
    }

    /** Whether it is a member by it, with a vote or without. */
    boolean isMemberBeyond(long index, UUID peer) {
        Members members = membersBeyond(index);
        return members.voters().contains(peer) || members.learners().contains(peer);
    }

    private Members membersBeyond(long index) {
        RaftServer.Division now = division;
        if (now == null) {
            return Members.NONE;
        }
        RaftConfiguration newest = now.getRaftConf();
        return newest.getLogEntryIndex() > index ? members(newest) : Members.NONE;
    }

    /** The newest index that this replica knows to be committed. */
    long commitIndex() {
        return log().getLastCommittedIndex();
    }

    static Members members(RaftConfiguration configuration) {
        return new Members(
                ids(configuration.getCurrentPeers(RaftPeerRole.FOLLOWER)),
                ids(configuration.getCurrentPeers(RaftPeerRole.LISTENER)),
                !configuration.getPreviousPeers(RaftPeerRole.FOLLOWER).isEmpty());
    }

    private static Set<UUID> ids(Collection<RaftPeer> peers) {
        Set<UUID> ids = new HashSet<>();
        for (RaftPeer peer : peers) {
            ids.add(PeerIds.uuid(peer.getId()));
        }
        return ids;
    }

    /** See {@link LeaseSubject#configurations}. */
    List<Set<UUID>> configurations() {
        RaftConfiguration configuration = division.getRaftConf();
        List<Set<UUID>> configurations = new ArrayList<>(2);
        add(configurations, configuration.getCurrentPeers());
        add(configurations, configuration.getPreviousPeers());
        return configurations;
    }

    private static void add(List<Set<UUID>> configurations, Collection<RaftPeer> voters) {
        if (!voters.isEmpty()) {
            configurations.add(ids(voters));
        }
    }

    RaftLog log() {
        return division.getRaftLog();
    }

    List<LogRetention.Segment> logSegments() throws IOException {
        return LogRetention.segments(
                division.getRaftStorage().getStorageDir().getCurrentDir().toPath());
    }

    ReplicaStatus status() {
        DivisionInfo info = division.getInfo();
        RaftLog log = log();
        boolean open = log.isOpened();
        List<ReplicaStatus.Follower> followers = new ArrayList<>();
        if (leads()) {
            appenders.forEach((peer, appender) -> followers.add(appender.status(peer)));
        }
        RaftConfiguration configuration = division.getRaftConf();
        return new ReplicaStatus(
                groupId,
                role(info),
                info.getCurrentTerm(),
                leader(),
                stateMachine.applied(),
                durable.get(),
                log.getLastCommittedIndex(),
                open ? log.getStartIndex() : RaftLog.INVALID_LOG_INDEX,
                open ? logBytes() : 0,
                followers,
                members(configuration),
                configuration.getLogEntryIndex());
    }

    /** Of its segments on disk; 0 if that cannot be found out. */
    long logBytes() {
        try {
            return logSegments().stream().mapToLong(LogRetention.Segment::bytes).sum();
        } catch (IOException e) {
            LOG.warn("The size of the log of {} is not known: {}", groupId, e.toString());
            return 0;
        }
    }

    private static Role role(DivisionInfo info) {
        if (!info.getLifeCycleState().isRunning()) {
            return Role.CLOSED;
        }
        return switch (info.getCurrentRole()) {
            case LEADER -> Role.LEADER;
            case CANDIDATE -> Role.CANDIDATE;
            case LISTENER -> Role.LISTENER;
            default -> Role.FOLLOWER;
        };
    }
}
