package io.mirach.raft.ratis;

import org.apache.ratis.conf.Parameters;
import org.apache.ratis.grpc.GrpcFactory;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;

/** Ratis's gRPC with appenders of our own, and a {@link VoteGuard} around it. */
final class PeerTransportFactory extends GrpcFactory {
    private static final String GUARD = "mirach.vote-guard";

    private final VoteGuard guard;

    PeerTransportFactory(Parameters parameters) {
        super(parameters);
        this.guard = parameters.get(GUARD, VoteGuard.class);
    }

    /** The only way to hand something to a factory that Ratis makes. */
    static Parameters parameters(VoteGuard guard) {
        Parameters parameters = new Parameters();
        parameters.put(GUARD, guard, VoteGuard.class);
        return parameters;
    }

    @Override
    public GrpcServices newRaftServerRpc(RaftServer server) {
        return guard.outgoing(super.newRaftServerRpc(guard.incoming(server)));
    }

    @Override
    public LogAppender newLogAppender(
            RaftServer.Division server, LeaderState leader, FollowerInfo follower) {
        PeerAppender appender = new PeerAppender(server, leader, follower);
        if (server.getStateMachine() instanceof EntryStateMachine<?> stateMachine) {
            stateMachine.addAppender(appender);
        }
        return appender;
    }
}
