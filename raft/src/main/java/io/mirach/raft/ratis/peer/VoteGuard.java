package io.mirach.raft.ratis.peer;

import io.mirach.raft.ratis.disk.CheckedCopy;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.UUID;
import java.util.function.BiConsumer;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.util.ProtoUtils;

/**
 * Stands where requests of peers come in and requests for votes go out, and gives what Raft's
 * safety rests on and Ratis 3.3.0 leaves open:
 *
 * <ul>
 *   <li><b>A vote is remembered.</b> Ratis writes term and vote to a file, syncs it and renames it
 *       into place, but does not sync the directory: after a power cut the old file can be back,
 *       and the replica would vote a second time in the same term. The directory is synced before a
 *       vote is answered, and before one is asked for. The file has no checksum either, so a copy
 *       that has one is kept from then on.
 *   <li><b>An entry is appended in the term in which it was checked.</b> Ratis checks an append
 *       request under its lock and appends after releasing it. A vote granted in between makes a
 *       leader that lacks the entry, while the earlier leader counts it as replicated here and may
 *       acknowledge it. So appends and votes of one group exclude each other.
 *   <li><b>Who has no vote takes no part.</b> A replica made anew finds old configurations in its
 *       log by which Ratis would vote.
 * </ul>
 *
 * Thread-safe.
 */
public final class VoteGuard {
    /** What the guard knows of the replicas. */
    public interface Replicas {
        /** Whether this host's replica of a group has a vote. */
        boolean mayVote(UUID groupId);

        /** The group's leader says that this host's replica belongs to it no more. */
        void excluded(UUID groupId);

        /** The group's leader is heard. */
        void led(UUID groupId);
    }

    /** What stands behind the guard. */
    interface Call<T> {
        T run() throws IOException;
    }

    private final Path storageDir;
    private final BiConsumer<String, Throwable> failed;
    private final Replicas replicas;
    // By group, hashed: peers may name any group.
    private final Object[] locks = new Object[256];

    /**
     * @param failed told if a vote cannot be made durable; the host must end
     */
    public VoteGuard(Path storageDir, BiConsumer<String, Throwable> failed, Replicas replicas) {
        this.storageDir = storageDir;
        this.replicas = replicas;
        this.failed = failed;
        Arrays.setAll(locks, i -> new Object());
    }

    /** Appends what a leader has sent. */
    <T> T append(RaftRpcRequestProto request, Call<T> append) throws IOException {
        replicas.led(group(request));
        synchronized (lock(request)) {
            return append.run();
        }
    }

    /** Answers a candidate, once the answer will not be forgotten. */
    RequestVoteReplyProto vote(RequestVoteRequestProto request, Call<RequestVoteReplyProto> vote)
            throws IOException {
        requireVote(request);
        RequestVoteReplyProto reply;
        synchronized (lock(request.getServerRequest())) {
            reply = vote.run();
        }
        if (!request.getPreVote()) {
            sync(group(request.getServerRequest()));
        }
        return reply;
    }

    /** To be called before a vote is asked for. */
    void asking(RequestVoteRequestProto request) throws IOException {
        requireVote(request);
        if (!request.getPreVote()) {
            // An append that was checked before this replica became a candidate is done first.
            synchronized (lock(request.getServerRequest())) {
                sync(group(request.getServerRequest()));
            }
        }
    }

    private void requireVote(RequestVoteRequestProto request) throws IOException {
        UUID group = group(request.getServerRequest());
        if (!replicas.mayVote(group)) {
            throw new IOException("the replica of " + group + " here has no vote");
        }
    }

    /**
     * A vote that was asked for is answered. Ratis closes a replica that is told that it belongs to
     * the group no more; here it waits until it is removed by order.
     */
    RequestVoteReplyProto answered(RequestVoteRequestProto request, RequestVoteReplyProto reply) {
        if (!reply.getShouldShutdown()) {
            return reply;
        }
        replicas.excluded(group(request.getServerRequest()));
        return reply.toBuilder().setShouldShutdown(false).build();
    }

    private Object lock(RaftRpcRequestProto request) {
        return locks[Math.floorMod(group(request).hashCode(), locks.length)];
    }

    private static UUID group(RaftRpcRequestProto request) {
        return ProtoUtils.toRaftGroupId(request.getRaftGroupId()).getUuid();
    }

    private void sync(UUID groupId) throws IOException {
        Path vote = storageDir.resolve(groupId.toString()).resolve("current").resolve("raft-meta");
        try {
            // One at a time: candidates of several groups are rare.
            synchronized (this) {
                CheckedCopy.update(vote);
            }
        } catch (ClosedByInterruptException | NoSuchFileException e) {
            throw e; // An election that was called off, or a group that was removed meanwhile.
        } catch (IOException e) {
            failed.accept("The vote in " + vote + " could not be made durable", e);
            throw e;
        }
    }
}
