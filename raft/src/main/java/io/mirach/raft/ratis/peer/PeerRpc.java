package io.mirach.raft.ratis.peer;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.apache.ratis.util.NetUtils;

/**
 * One host's connections: a {@link PeerServer} that answers, on one event loop, and a {@link
 * PeerLink} to each peer to ask, all on another. Two loops, since an append may wait for the end of
 * an election, which waits for answers. Thread-safe.
 */
final class PeerRpc implements RaftServerRpc {
    private static final long CLOSE_SECONDS = 3;

    private final PeerTransport type;
    private final PeerSettings settings;
    private final MultiThreadIoEventLoopGroup loops;
    private final PeerServer server;
    private final EventLoop askingLoop;
    private final Bootstrap asking;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Map<UUID, PeerLink> links = new ConcurrentHashMap<>();

    PeerRpc(PeerTransport type, RaftServer server, PeerSettings settings) {
        this.type = type;
        this.settings = settings;
        boolean epoll = Epoll.isAvailable();
        this.loops =
                new MultiThreadIoEventLoopGroup(
                        2,
                        new DefaultThreadFactory(
                                "mirach-raft-" + settings.peerId().toString().substring(0, 8),
                                true),
                        epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
        this.askingLoop = loops.next();
        this.asking =
                new Bootstrap().channel(epoll ? EpollSocketChannel.class : NioSocketChannel.class);
        this.server =
                new PeerServer(
                        server,
                        settings,
                        loops.next(),
                        new ServerBootstrap()
                                .channel(
                                        epoll
                                                ? EpollServerSocketChannel.class
                                                : NioServerSocketChannel.class));
    }

    PeerLink link(FollowerInfo follower) {
        return link(follower.getPeer());
    }

    private PeerLink link(RaftPeer peer) {
        InetSocketAddress address = NetUtils.createSocketAddr(peer.getAddress());
        return links.computeIfAbsent(
                UUID.fromString(peer.getId().toString()),
                id -> new PeerLink(settings, id, address, askingLoop, asking));
    }

    // ---- RaftServerRpc ----

    @Override
    public RpcType getRpcType() {
        return type;
    }

    @Override
    public InetSocketAddress getInetSocketAddress() {
        return settings.address();
    }

    @Override
    public void addRaftPeers(Collection<RaftPeer> peers) {
        for (RaftPeer peer : peers) {
            if (!peer.getId().toString().equals(settings.peerId().toString())) {
                link(peer).address(NetUtils.createSocketAddr(peer.getAddress()));
            }
        }
    }

    @Override
    public void start() throws IOException {
        try {
            server.start();
        } catch (IOException e) {
            // Ratis does not close what did not start.
            close();
            throw e;
        }
    }

    @Override
    public void handleException(RaftPeerId peer, Exception e, boolean reconnect) {
        // Links connect again by themselves.
    }

    @Override
    public RequestVoteReplyProto requestVote(RequestVoteRequestProto request) throws IOException {
        settings.guard().asking(request);
        RequestVoteReplyProto reply =
                call(
                        PeerFrame.VOTE,
                        request.getServerRequest(),
                        request,
                        RequestVoteReplyProto.parser());
        return settings.guard().answered(request, reply);
    }

    @Override
    public StartLeaderElectionReplyProto startLeaderElection(
            StartLeaderElectionRequestProto request) throws IOException {
        return call(
                PeerFrame.START_ELECTION,
                request.getServerRequest(),
                request,
                StartLeaderElectionReplyProto.parser());
    }

    @Override
    public AppendEntriesReplyProto appendEntries(AppendEntriesRequestProto request) {
        throw new UnsupportedOperationException("appenders send by themselves");
    }

    @Override
    public InstallSnapshotReplyProto installSnapshot(InstallSnapshotRequestProto request) {
        throw new UnsupportedOperationException("appenders send by themselves");
    }

    private <M> M call(
            byte kind, RaftRpcRequestProto header, MessageLite request, Parser<M> replyParser)
            throws IOException {
        String peer = header.getReplyId().toStringUtf8();
        PeerLink link = links.get(UUID.fromString(peer));
        if (link == null) {
            throw new IOException("peer " + peer + " is not known");
        }
        try {
            return PeerFrame.decode(
                    replyParser,
                    link.call(kind, request)
                            .get(settings.callTimeoutMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted");
            interrupted.initCause(e);
            throw interrupted;
        } catch (TimeoutException e) {
            throw new IOException("peer " + peer + " did not answer in time", e);
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        }
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        server.close();
        askingLoop.submit(() -> links.values().forEach(PeerLink::close)).awaitUninterruptibly();
        loops.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS)
                .awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }
}
