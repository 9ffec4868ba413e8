package io.mirach.raft.ratis.peer;

import io.mirach.raft.ReplicaStatus;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotResult;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.CaughtUpMembers;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppenderBase;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.util.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a leader's entries to one follower, as they come: many requests are in flight, and no
 * thread waits. All of it happens on the event loop of the follower's {@link PeerLink}.
 *
 * <p>A follower that needs entries which the log no longer has hears so once a second, and
 * heartbeats between: only backfill can help it.
 */
public final class PeerAppender extends LogAppenderBase implements PeerLink.User {
    private static final Logger LOG = LoggerFactory.getLogger(PeerAppender.class);

    // What a follower may be sent ahead of its answers.
    private static final int MAX_REQUESTS = 128;
    private static final long MAX_BYTES = 8 << 20;
    private static final long NOTICE_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long COMMIT_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LATE_PROGRESS_MILLIS = 20;
    private static final long MAX_TICK_MILLIS = 250;
    private static final long MIN_TICK_MILLIS = 5;
    private static final long ERROR_PAUSE_MILLIS = 10;
    private static final long MAX_ERROR_PAUSE_MILLIS = 1000;

    /** Hears of appenders as they are made. */
    public interface Listener {
        /** Replaces an older one towards the same follower. */
        void addAppender(PeerAppender appender);
    }

    /** What is sent and not answered. */
    private record Sent(long firstIndex, boolean heartbeat, int bytes, long resets) {}

    private final PeerLink link;
    private final AtomicBoolean due = new AtomicBoolean();
    private volatile long callId;
    private volatile boolean needsBackfill;
    // Nothing can be sent until something happens on the loop, which goes on with it then.
    private volatile boolean stalled = true;

    // ---- Confined to the loop ----

    // Requests with entries, in the order of their entries.
    private final Deque<Sent> inFlight = new ArrayDeque<>();
    private long bytesInFlight;
    // Requests sent before the last reset of the next index tell nothing about what came after.
    private long resets;
    // Until the follower has answered once, one request at a time shows where it stands.
    private boolean answered;
    private int errors;
    private long pausedUntilNanos;
    private boolean paused;
    private long commitToldNanos = System.nanoTime() - COMMIT_INTERVAL_NANOS;
    private long commitTold;
    private boolean progressDue;
    private boolean noticeInFlight;
    private boolean noticed;
    private long noticedNanos;

    PeerAppender(
            RaftServer.Division server, LeaderState leader, FollowerInfo follower, PeerLink link) {
        super(server, leader, follower);
        this.link = link;
    }

    public ReplicaStatus.Follower status(UUID peer) {
        FollowerInfo follower = getFollower();
        return new ReplicaStatus.Follower(
                peer,
                follower.getMatchIndex(),
                follower.getLastRpcResponseTime().elapsedTimeMs(),
                needsBackfill);
    }

    // ---- LogAppender ----

    /** Begins to send. The daemon that Ratis's own appenders run in is never started. */
    @Override
    public void start() {
        link.loop()
                .execute(
                        () -> {
                            link.attach(this);
                            tick();
                        });
    }

    /** Never called: see {@link #start}. */
    @Override
    public void run() {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<LifeCycle.State> stopAsync() {
        // Done at once: whoever waits may hold the lock that the loop wants. What the loop is just
        // sending is of the old term, and a follower sees that.
        CompletableFuture<LifeCycle.State> stopped = super.stopAsync();
        sendSoon();
        return stopped;
    }

    /** There may be something to send. Called by many threads, at times under Ratis's locks. */
    @Override
    public void notifyLogAppender() {
        if (!stalled && shouldSendAppendEntries()) {
            sendSoon();
        }
    }

    private void sendSoon() {
        if (due.compareAndSet(false, true)) {
            try {
                link.loop().execute(this::send);
            } catch (RejectedExecutionException e) {
                LOG.debug("{} has nothing to send on any more", this);
            }
        }
    }

    @Override
    public boolean hasPendingDataRequests() {
        return !inFlight.isEmpty();
    }

    @Override
    public long getCallId() {
        return callId;
    }

    @Override
    public Comparator<Long> getCallIdComparator() {
        return Comparator.naturalOrder();
    }

    // ---- Sending, on the loop ----

    @Override
    public void ready() {
        send();
    }

    @Override
    public void lost() {
        answered = false;
        noticeInFlight = false;
        resend();
    }

    /** Heartbeats, and whatever else time brings. */
    private void tick() {
        if (!isRunning()) {
            link.detach(this);
            return;
        }
        long wait = MAX_TICK_MILLIS;
        try {
            if (!link.isUp()) {
                // Known also of a follower that is away.
                needsBackfill = shouldNotifyToInstallSnapshot() != null;
            }
            send();
            CaughtUpMembers.mark(getLeaderState(), getFollower(), getServer().getRaftConf());
            getLeaderState().checkHealth(getFollower());
            if (link.isUp()) {
                wait = Math.max(MIN_TICK_MILLIS, Math.min(wait, getHeartbeatWaitTimeMs()));
            }
        } catch (RuntimeException e) {
            LOG.error("{} met a failure, and goes on", this, e);
        } finally {
            // Whatever happened: a follower that hears nothing any more elects another leader.
            link.loop().schedule(this::tick, wait, TimeUnit.MILLISECONDS);
        }
    }

    private void send() {
        due.set(false);
        if (!isRunning()) {
            link.detach(this);
            return;
        }
        try {
            boolean more = true;
            while (more) {
                stalled = !link.isWritable() || pausing() || needsBackfill || !hasRoom();
                more = link.isWritable() && !pausing() && sendOne();
            }
        } catch (IOException | RuntimeException e) {
            // Ratis refuses to make a request when the term has passed meanwhile.
            if (isRunning()) {
                LOG.warn("{} could not send", this, e);
                error();
            }
        }
    }

    /** Returns whether to go on. */
    private boolean sendOne() throws IOException {
        TermIndex firstAvailable = shouldNotifyToInstallSnapshot();
        needsBackfill = firstAvailable != null;
        noticed &= needsBackfill;
        if (needsBackfill && noticeDue()) {
            sendNotice(firstAvailable);
        }
        boolean heartbeatDue = getHeartbeatWaitTimeMs() <= 0;
        boolean entries = !needsBackfill && hasAppendEntries() && hasRoom();
        if (!entries && !heartbeatDue) {
            return false;
        }
        AppendEntriesRequestProto made = newAppendEntriesRequest(callId + 1, !entries);
        if (made == null) {
            return false;
        }
        AppendEntriesRequestProto request = trim(made);
        callId++;
        int count = request.getEntriesCount();
        Sent sent =
                new Sent(
                        count == 0 ? RaftLog.INVALID_LOG_INDEX : request.getEntries(0).getIndex(),
                        count == 0,
                        request.getSerializedSize(),
                        resets);
        if (count > 0) {
            getFollower().increaseNextIndex(request.getEntries(count - 1).getIndex() + 1);
            inFlight.add(sent);
            bytesInFlight += sent.bytes;
        }
        resetHeartbeatTrigger();
        getFollower().updateLastRpcSendTime(sent.heartbeat);
        link.send(PeerFrame.APPEND, request, new AppendAnswer(sent));
        return entries;
    }

    /**
     * A follower that hears of each commit applies each entry by itself, which costs it a thread's
     * wake-up every time. Hearing an older commit is always right, and a little later it applies
     * several at once. And nobody asks it how far the others are.
     */
    private AppendEntriesRequestProto trim(AppendEntriesRequestProto request) {
        long now = System.nanoTime();
        if (request.getEntriesCount() == 0 || now - commitToldNanos >= COMMIT_INTERVAL_NANOS) {
            commitToldNanos = now;
            commitTold = request.getLeaderCommit();
        }
        return request.toBuilder()
                .clearCommitInfos()
                .setLeaderCommit(Math.min(commitTold, request.getLeaderCommit()))
                .build();
    }

    private boolean hasRoom() {
        return inFlight.isEmpty()
                || answered && inFlight.size() < MAX_REQUESTS && bytesInFlight < MAX_BYTES;
    }

    private boolean pausing() {
        paused = paused && System.nanoTime() - pausedUntilNanos < 0;
        return paused;
    }

    /** Something went wrong, perhaps again: the next try comes after a while. */
    private void error() {
        long pause = Math.min(MAX_ERROR_PAUSE_MILLIS, ERROR_PAUSE_MILLIS << Math.min(errors, 10));
        errors++;
        paused = true;
        pausedUntilNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pause);
        link.loop().schedule(this::send, pause + 1, TimeUnit.MILLISECONDS);
    }

    // ---- Answers ----

    private final class AppendAnswer implements PeerLink.Answer {
        private final Sent sent;

        AppendAnswer(Sent sent) {
            this.sent = sent;
        }

        @Override
        public void reply(byte[] body) throws IOException {
            AppendEntriesReplyProto reply =
                    PeerFrame.decode(AppendEntriesReplyProto.parser(), body);
            getFollower().updateLastRpcResponseTime();
            forget(sent);
            if (!isRunning()) {
                return;
            }
            answered = true;
            switch (reply.getResult()) {
                case SUCCESS -> success(reply);
                case NOT_LEADER -> notLeader(sent, reply);
                case INCONSISTENCY -> inconsistent(sent, reply);
                default -> throw new IOException("an unknown result: " + reply.getResult());
            }
            getLeaderState().onAppendEntriesReply(PeerAppender.this, reply);
            send();
        }

        @Override
        public void failed(IOException cause) {
            forget(sent);
            if (!(cause instanceof PeerLink.PeerFailedException) || !isRunning()) {
                return; // The link is lost; that is heard once for all requests.
            }
            // It is there: that is contact. A group just being opened there answers so, too.
            getFollower().updateLastRpcResponseTime();
            LOG.debug("{}: {}", PeerAppender.this, cause.getMessage());
            refused(sent);
        }
    }

    private void forget(Sent sent) {
        if (!sent.heartbeat && sent.resets == resets && inFlight.remove(sent)) {
            bytesInFlight -= sent.bytes;
        }
    }

    private void success(AppendEntriesReplyProto reply) {
        errors = 0;
        FollowerInfo follower = getFollower();
        // Only known, not passed on: nobody waits for what followers have committed.
        follower.updateCommitIndex(reply.getFollowerCommit());
        if (follower.updateMatchIndex(reply.getMatchIndex())) {
            follower.updateNextIndex(reply.getMatchIndex() + 1);
            progress(reply.getMatchIndex());
        }
    }

    /**
     * What others have committed already needs no thread to look whether it now is. Whoever waits
     * for this very follower, to make it a leader or a member, hears of it a little later.
     */
    private void progress(long matchIndex) {
        if (matchIndex > getRaftLog().getLastCommittedIndex()) {
            getLeaderState().onFollowerSuccessAppendEntries(getFollower());
        } else if (!progressDue) {
            progressDue = true;
            link.loop().schedule(this::tellProgress, LATE_PROGRESS_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void tellProgress() {
        progressDue = false;
        if (isRunning()) {
            getLeaderState().onFollowerSuccessAppendEntries(getFollower());
        }
    }

    private void notLeader(Sent sent, AppendEntriesReplyProto reply) {
        if (!onFollowerTerm(reply.getTerm())) {
            refused(sent);
        }
    }

    private void refused(Sent sent) {
        if (!sent.heartbeat && sent.resets == resets) {
            resendFrom(sent.firstIndex);
        }
        error();
    }

    private void inconsistent(Sent sent, AppendEntriesReplyProto reply) {
        if (sent.resets != resets) {
            return; // It came behind one that has been dealt with.
        }
        reset();
        getFollower()
                .setNextIndex(getNextIndexForInconsistency(sent.firstIndex, reply.getNextIndex()));
        if (errors > 0) {
            error();
        } else {
            errors = 1; // Where the follower stands is known now: the next try comes at once.
        }
    }

    /** What was in flight may not have arrived. */
    private void resend() {
        Sent first = inFlight.peekFirst();
        if (first != null) {
            resendFrom(first.firstIndex);
        }
    }

    private void resendFrom(long index) {
        reset();
        getFollower().setNextIndex(Math.max(index, getFollower().getMatchIndex() + 1));
    }

    private void reset() {
        resets++;
        inFlight.clear();
        bytesInFlight = 0;
    }

    // ---- A follower that the log cannot help ----

    private boolean noticeDue() {
        return !noticeInFlight
                && (!noticed || System.nanoTime() - noticedNanos >= NOTICE_INTERVAL_NANOS);
    }

    private void sendNotice(TermIndex firstAvailable) {
        noticed = true;
        noticedNanos = System.nanoTime();
        noticeInFlight = true;
        getFollower().updateLastRpcSendTime(false);
        link.send(
                PeerFrame.NOTIFY_SNAPSHOT,
                newInstallSnapshotNotificationRequest(firstAvailable),
                new PeerLink.Answer() {
                    @Override
                    public void reply(byte[] body) throws IOException {
                        noticeInFlight = false;
                        getFollower().updateLastRpcResponseTime();
                        if (isRunning()) {
                            noticeAnswered(
                                    PeerFrame.decode(InstallSnapshotReplyProto.parser(), body));
                        }
                    }

                    @Override
                    public void failed(IOException cause) {
                        noticeInFlight = false;
                        LOG.debug("{}: {}", PeerAppender.this, cause.getMessage());
                    }
                });
    }

    private void noticeAnswered(InstallSnapshotReplyProto reply) {
        FollowerInfo follower = getFollower();
        switch (reply.getResult()) {
            case ALREADY_INSTALLED, SNAPSHOT_INSTALLED -> {
                long index = reply.getSnapshotIndex();
                follower.setSnapshotIndex(index);
                follower.setAttemptedToInstallSnapshot();
                getLeaderState().onFollowerCommitIndex(follower, index);
                follower.updateNextIndex(index + 1);
                if (reply.getResult() == InstallSnapshotResult.SNAPSHOT_INSTALLED
                        && index + 1 >= getRaftLog().getStartIndex()) {
                    notifyInstalled(InstallSnapshotResult.SUCCESS, index);
                }
            }
            case SUCCESS -> follower.setAttemptedToInstallSnapshot();
            case SNAPSHOT_UNAVAILABLE -> {
                follower.setAttemptedToInstallSnapshot();
                notifyInstalled(
                        InstallSnapshotResult.SNAPSHOT_UNAVAILABLE, RaftLog.INVALID_LOG_INDEX);
            }
            case NOT_LEADER -> onFollowerTerm(reply.getTerm());
            case IN_PROGRESS -> {}
            default -> LOG.warn("{}: the follower answered {}", this, reply.getResult());
        }
        send();
    }

    private void notifyInstalled(InstallSnapshotResult result, long index) {
        getServer()
                .getStateMachine()
                .event()
                .notifySnapshotInstalled(result, index, getFollower().getPeer());
    }
}
