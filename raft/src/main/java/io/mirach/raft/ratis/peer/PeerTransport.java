package io.mirach.raft.ratis.peer;

import org.apache.ratis.conf.Parameters;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;

/**
 * How replicas talk: {@link PeerFrame}s over connections of our own. Ratis makes one by its class
 * name, so the class and its constructor are public; nothing else uses it.
 */
public final class PeerTransport implements RpcType {
    public PeerTransport() {}

    @Override
    public String name() {
        return PeerTransport.class.getName();
    }

    @Override
    public RpcFactory newFactory(Parameters parameters) {
        return new PeerTransportFactory(this, parameters);
    }
}
