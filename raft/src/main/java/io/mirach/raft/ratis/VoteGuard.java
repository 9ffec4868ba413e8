package io.mirach.raft.ratis;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.UUID;
import java.util.function.BiConsumer;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.ProtoUtils;

/**
 * Stands around Ratis's RPC, where requests of peers come in and requests for votes go out, and
 * gives what Raft's safety rests on and Ratis 3.3.0 leaves open:
 *
 * <ul>
 *   <li><b>A vote is remembered.</b> Ratis writes term and vote to a file, syncs it and renames it
 *       into place, but does not sync the directory: after a power cut the old file can be back,
 *       and the replica would vote a second time in the same term. The directory is synced before a
 *       vote is answered, and before one is asked for.
 *   <li><b>An entry is appended in the term in which it was checked.</b> Ratis checks an append
 *       request under its lock and appends after releasing it. A vote granted in between makes a
 *       leader that lacks the entry, while the earlier leader counts it as replicated here and may
 *       acknowledge it. So appends and votes of one group exclude each other.
 * </ul>
 *
 * Thread-safe.
 */
final class VoteGuard {
    private final Path storageDir;
    private final BiConsumer<String, Throwable> failed;
    // By group, hashed: peers may name any group.
    private final Object[] locks = new Object[256];

    /**
     * @param failed told if a vote cannot be made durable; the host must end
     */
    VoteGuard(Path storageDir, BiConsumer<String, Throwable> failed) {
        this.storageDir = storageDir;
        this.failed = failed;
        Arrays.setAll(locks, i -> new Object());
    }

    /** The server as requests of peers shall see it. */
    RaftServer incoming(RaftServer server) {
        return (RaftServer)
                Proxy.newProxyInstance(
                        VoteGuard.class.getClassLoader(),
                        new Class<?>[] {RaftServer.class},
                        (proxy, method, arguments) -> receive(server, method, arguments));
    }

    /** The RPC as the server shall see it. */
    GrpcServices outgoing(GrpcServices services) {
        return (GrpcServices)
                Proxy.newProxyInstance(
                        VoteGuard.class.getClassLoader(),
                        new Class<?>[] {GrpcServices.class, Guarded.class},
                        (proxy, method, arguments) -> send(services, method, arguments));
    }

    /** Gives back what {@link #outgoing} stands around. */
    interface Guarded {
        GrpcServices guardedServices();
    }

    private Object receive(RaftServer server, Method method, Object[] arguments) throws Throwable {
        if (arguments != null && arguments.length == 1) {
            if (arguments[0] instanceof AppendEntriesRequestProto append) {
                synchronized (lock(append.getServerRequest())) {
                    return invoke(server, method, arguments);
                }
            }
            if (arguments[0] instanceof RequestVoteRequestProto vote) {
                Object reply;
                synchronized (lock(vote.getServerRequest())) {
                    reply = invoke(server, method, arguments);
                }
                if (!vote.getPreVote()) {
                    sync(group(vote.getServerRequest()));
                }
                return reply;
            }
        }
        return invoke(server, method, arguments);
    }

    private Object send(GrpcServices services, Method method, Object[] arguments) throws Throwable {
        if (method.getDeclaringClass() == Guarded.class) {
            return services;
        }
        if (arguments != null
                && arguments.length == 1
                && arguments[0] instanceof RequestVoteRequestProto vote
                && !vote.getPreVote()) {
            // An append that was checked before this replica became a candidate is done first.
            synchronized (lock(vote.getServerRequest())) {
                sync(group(vote.getServerRequest()));
            }
        }
        return invoke(services, method, arguments);
    }

    private static Object invoke(Object target, Method method, Object[] arguments)
            throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private Object lock(RaftRpcRequestProto request) {
        return locks[Math.floorMod(group(request).hashCode(), locks.length)];
    }

    private static UUID group(RaftRpcRequestProto request) {
        return ProtoUtils.toRaftGroupId(request.getRaftGroupId()).getUuid();
    }

    private void sync(UUID groupId) throws IOException {
        Path directory = storageDir.resolve(groupId.toString()).resolve("current");
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (ClosedByInterruptException | NoSuchFileException e) {
            throw e; // An election that was called off, or a group that was removed meanwhile.
        } catch (IOException e) {
            failed.accept("A vote in " + directory + " could not be made durable", e);
            throw e;
        }
    }
}
