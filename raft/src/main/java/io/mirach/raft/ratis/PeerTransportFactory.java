package io.mirach.raft.ratis;

import org.apache.ratis.conf.Parameters;
import org.apache.ratis.grpc.GrpcFactory;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;

/** Ratis's gRPC with appenders of our own. */
final class PeerTransportFactory extends GrpcFactory {
    PeerTransportFactory(Parameters parameters) {
        super(parameters);
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
