package io.mirach.raft.ratis.peer;

import org.apache.ratis.conf.Parameters;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.ServerFactory;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;

/** Makes the parts of a {@link PeerTransport}. */
public final class PeerTransportFactory implements ServerFactory {
    private static final String SETTINGS = "mirach.peer-settings";

    private final PeerTransport type;
    private final PeerSettings settings;

    PeerTransportFactory(PeerTransport type, Parameters parameters) {
        this.type = type;
        this.settings = parameters.get(SETTINGS, PeerSettings.class);
    }

    /** The only way to hand something to a factory that Ratis makes. */
    public static Parameters parameters(PeerSettings settings) {
        Parameters parameters = new Parameters();
        parameters.put(SETTINGS, settings, PeerSettings.class);
        return parameters;
    }

    @Override
    public RpcType getRpcType() {
        return type;
    }

    @Override
    public RaftServerRpc newRaftServerRpc(RaftServer server) {
        return new PeerRpc(type, server, settings);
    }

    @Override
    public LogAppender newLogAppender(
            RaftServer.Division server, LeaderState leader, FollowerInfo follower) {
        PeerRpc rpc = (PeerRpc) server.getRaftServer().getServerRpc();
        PeerAppender appender = new PeerAppender(server, leader, follower, rpc.link(follower));
        if (server.getStateMachine() instanceof PeerAppender.Listener listener) {
            listener.addAppender(appender);
        }
        return appender;
    }
}
