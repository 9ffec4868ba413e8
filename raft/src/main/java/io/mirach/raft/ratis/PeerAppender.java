package io.mirach.raft.ratis;

import io.mirach.raft.ReplicaStatus;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.grpc.server.GrpcServicesImpl;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLogIOException;

/**
 * Sends a leader's entries to one follower. It is Ratis's own appender, except towards a follower
 * that needs entries which the log no longer has: Ratis would tell it so again and again without a
 * pause, since only entries could help, and there are none to send. This one says it once a second
 * and sends heartbeats between.
 */
final class PeerAppender extends GrpcLogAppender {
    private static final long NOTICE_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private volatile boolean needsBackfill;
    private long noticedNanos; // Confined to the appender's thread.
    private boolean noticed;

    PeerAppender(RaftServer.Division server, LeaderState leader, FollowerInfo follower) {
        super(server, leader, follower);
    }

    ReplicaStatus.Follower status(UUID peer) {
        FollowerInfo follower = getFollower();
        return new ReplicaStatus.Follower(
                peer,
                follower.getMatchIndex(),
                follower.getLastRpcResponseTime().elapsedTimeMs(),
                needsBackfill);
    }

    @Override
    public GrpcServicesImpl getServerRpc() {
        RaftServerRpc rpc = getServer().getRaftServer().getServerRpc();
        // Ratis's appender needs its own class, not what stands around it.
        return (GrpcServicesImpl)
                (rpc instanceof VoteGuard.Guarded guarded ? guarded.guardedServices() : rpc);
    }

    @Override
    public TermIndex shouldNotifyToInstallSnapshot() {
        TermIndex firstAvailable = super.shouldNotifyToInstallSnapshot();
        needsBackfill = firstAvailable != null;
        if (firstAvailable == null) {
            noticed = false;
            return null;
        }
        long now = System.nanoTime();
        if (noticed && now - noticedNanos < NOTICE_INTERVAL_NANOS) {
            return null;
        }
        noticed = true;
        noticedNanos = now;
        return firstAvailable;
    }

    @Override
    public AppendEntriesRequestProto newAppendEntriesRequest(long callId, boolean heartbeat)
            throws RaftLogIOException {
        if (needsBackfill && !heartbeat && getHeartbeatWaitTimeMs() > 0) {
            return null;
        }
        return super.newAppendEntriesRequest(callId, heartbeat);
    }

    @Override
    public long getWaitTimeMs() {
        // Never 0 while nothing can be sent: that would spin.
        return needsBackfill ? Math.max(1, getHeartbeatWaitTimeMs()) : super.getWaitTimeMs();
    }
}
