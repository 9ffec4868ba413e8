package io.mirach.raft.ratis.peer;

import io.mirach.raft.ratis.peer.VoteGuard.Call;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.NoticedMembers;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.util.ProtoUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers peers. A follower's ordinary appends are handed to Ratis on the event loop that received
 * them; what may wait, for a disk or for the end of an election, goes to other threads.
 */
final class PeerServer {
    private static final Logger LOG = LoggerFactory.getLogger(PeerServer.class);
    private static final int BACKLOG = 128;
    private static final int THREADS = 16;
    private static final long IDLE_SECONDS = 10;
    // Requests of one connection that wait for those threads; beyond it nothing more is read.
    private static final int MAX_WAITING = 256;

    private final RaftServer server;
    private final PeerSettings settings;
    private final EventLoop loop;
    private final ServerBootstrap bootstrap;
    private final ChannelGroup connections;
    private final ThreadPoolExecutor threads;
    private final GroupOrder order;
    private final ByteString ownId;
    private volatile Channel listening;

    /**
     * @param bootstrap with the channel class for {@code loop}
     */
    PeerServer(
            RaftServer server, PeerSettings settings, EventLoop loop, ServerBootstrap bootstrap) {
        this.server = server;
        this.settings = settings;
        this.loop = loop;
        this.ownId = ByteString.copyFromUtf8(settings.peerId().toString());
        this.connections = new DefaultChannelGroup(loop, true);
        AtomicInteger number = new AtomicInteger();
        String name = "mirach-peers-" + settings.peerId().toString().substring(0, 8) + "-";
        this.threads =
                new ThreadPoolExecutor(
                        THREADS,
                        THREADS,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> {
                            Thread thread = new Thread(task, name + number.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        });
        this.threads.allowCoreThreadTimeOut(true);
        this.order = new GroupOrder(loop, threads);
        this.bootstrap =
                bootstrap
                        .group(loop)
                        .option(ChannelOption.SO_REUSEADDR, true)
                        .option(ChannelOption.SO_BACKLOG, BACKLOG)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childHandler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        connections.add(channel);
                                        channel.pipeline().addLast(new Connection());
                                    }
                                });
    }

    void start() throws IOException {
        try {
            listening = bootstrap.bind(settings.address()).sync().channel();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (Exception e) { // Netty throws the bind's own, undeclared.
            throw new IOException(e.getMessage(), e);
        }
    }

    void close() {
        Channel open = listening;
        if (open != null) {
            open.close().syncUninterruptibly();
        }
        connections.close().awaitUninterruptibly();
        threads.shutdownNow();
    }

    private final class Connection extends FrameReader {
        private Channel channel;
        private UUID peer;
        private int waiting; // Confined to the loop.

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            channel = ctx.channel();
        }

        @Override
        void frame(ChannelHandlerContext ctx, byte kind, long call, byte[] body)
                throws IOException {
            if (peer == null) {
                greet(kind, call, body);
                return;
            }
            switch (kind) {
                case PeerFrame.APPEND -> append(call, body);
                case PeerFrame.VOTE -> {
                    var request = PeerFrame.decode(RequestVoteRequestProto.parser(), body);
                    later(
                            call,
                            request.getServerRequest(),
                            () ->
                                    settings.guard()
                                            .vote(request, () -> server.requestVote(request)));
                }
                case PeerFrame.START_ELECTION -> {
                    var request = PeerFrame.decode(StartLeaderElectionRequestProto.parser(), body);
                    later(
                            call,
                            request.getServerRequest(),
                            () -> server.startLeaderElection(request));
                }
                case PeerFrame.NOTIFY_SNAPSHOT -> {
                    var request = PeerFrame.decode(InstallSnapshotRequestProto.parser(), body);
                    // One at a time, as appends: it may replace the log and the state.
                    later(
                            call,
                            request.getServerRequest(),
                            () ->
                                    settings.guard()
                                            .append(
                                                    request.getServerRequest(),
                                                    () -> notice(request)));
                }
                default -> throw new ProtocolException("an unknown kind of request: " + kind);
            }
        }

        private InstallSnapshotReplyProto notice(InstallSnapshotRequestProto request)
                throws IOException {
            RaftServer.Division division =
                    server.getDivision(
                            ProtoUtils.toRaftGroupId(request.getServerRequest().getRaftGroupId()));
            NoticedMembers.take(division, request);
            return server.installSnapshot(NoticedMembers.leaveOut(request));
        }

        private void greet(byte kind, long version, byte[] body) throws IOException {
            if (kind != PeerFrame.HELLO || body.length != PeerFrame.HELLO_BYTES) {
                throw new ProtocolException("it is no peer");
            }
            UUID wanted = PeerFrame.peerId(body, 1);
            String refusal = null;
            if (version != PeerFrame.VERSION) {
                refusal = "this host speaks version " + PeerFrame.VERSION + ", not " + version;
            } else if (!wanted.equals(settings.peerId())) {
                // To be taken for another replica would make one copy count as two.
                refusal = "this host is " + settings.peerId() + ", not " + wanted;
            }
            if (refusal != null) {
                channel.writeAndFlush(
                                PeerFrame.text(channel.alloc(), PeerFrame.REFUSED, 0, refusal))
                        .addListener(ChannelFutureListener.CLOSE);
                return;
            }
            peer = PeerFrame.peerId(body, 0);
            allow(settings.maxMessageBytes());
            channel.writeAndFlush(PeerFrame.welcome(channel.alloc()), channel.voidPromise());
        }

        private void append(long call, byte[] body) throws IOException {
            AppendEntriesRequestProto request =
                    PeerFrame.decode(AppendEntriesRequestProto.parser(), body);
            RaftRpcRequestProto header = request.getServerRequest();
            checkAddressee(header);
            RaftGroupId group = ProtoUtils.toRaftGroupId(header.getRaftGroupId());
            order.run(group.getUuid(), cannotWait(group, request), () -> append(call, request));
        }

        private void append(long call, AppendEntriesRequestProto request) {
            try {
                settings.guard()
                        .append(
                                request.getServerRequest(),
                                () -> server.appendEntriesAsync(request))
                        .whenComplete(
                                (reply, failure) -> {
                                    if (failure == null) {
                                        reply(call, reply);
                                    } else {
                                        fail(call, failure);
                                    }
                                });
            } catch (IOException | RuntimeException e) {
                fail(call, e);
            }
        }

        /** For what may wait. */
        private void later(long call, RaftRpcRequestProto header, Call<? extends MessageLite> work)
                throws IOException {
            checkAddressee(header);
            if (++waiting >= MAX_WAITING) {
                channel.config().setAutoRead(false);
            }
            threads.execute(
                    () -> {
                        try {
                            reply(call, work.run());
                        } catch (IOException | RuntimeException e) {
                            fail(call, e);
                        } finally {
                            oneLessWaits();
                        }
                    });
        }

        private void oneLessWaits() {
            try {
                loop.execute(
                        () -> {
                            if (--waiting < MAX_WAITING) {
                                channel.config().setAutoRead(true);
                            }
                        });
            } catch (RejectedExecutionException e) {
                LOG.debug("Nothing is read any more");
            }
        }

        private void checkAddressee(RaftRpcRequestProto header) throws IOException {
            if (!header.getReplyId().equals(ownId)) {
                throw new ProtocolException("a request for another host");
            }
        }

        private void reply(long call, MessageLite reply) {
            channel.writeAndFlush(
                    PeerFrame.encode(channel.alloc(), PeerFrame.REPLY, call, reply),
                    channel.voidPromise());
        }

        private void fail(long call, Throwable failure) {
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null
                            ? failure.getCause()
                            : failure;
            LOG.debug("A request of {} failed", peer, cause);
            channel.writeAndFlush(
                    PeerFrame.text(channel.alloc(), PeerFrame.FAILED, call, cause.toString()),
                    channel.voidPromise());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (cause instanceof ProtocolException) {
                LOG.warn("Peer {} ({}) is cut off: {}", peer, ctx.channel(), cause.getMessage());
            } else if (cause instanceof IOException
                    || cause instanceof RejectedExecutionException) {
                LOG.debug("The connection of peer {} ends: {}", peer, cause.toString());
            } else {
                LOG.error("A request of peer {} could not be handled", peer, cause);
            }
            ctx.close();
        }
    }

    /** Whether this replica follows in that term already: then no role has to change first. */
    private boolean cannotWait(RaftGroupId group, AppendEntriesRequestProto request) {
        try {
            DivisionInfo info = server.getDivision(group).getInfo();
            return (info.isFollower() || info.isListener())
                    && info.getCurrentTerm() == request.getLeaderTerm();
        } catch (IOException e) {
            return false; // No such group, or one that is only just being opened.
        }
    }
}
