package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHost;
import io.mirach.raft.ReplicaLostException;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.ratis.disk.Rebirth;
import io.mirach.raft.ratis.disk.ReplicaFiles;
import io.mirach.raft.ratis.disk.RetiredReplica;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the first replica of a group that goes on from what the replica of another one has, on
 * disk, before Ratis sees it. In this order, each durable before the next:
 *
 * <ol>
 *   <li>the old replica is set aside, if it is sound: it votes no more, so whatever its former
 *       peers agree on, no part of it is done here;
 *   <li>all of its log is applied to its state. What had not been committed as far as it knew may
 *       have been acknowledged by the leader, and if it was not, its outcome was open;
 *   <li>the state is handed over;
 *   <li>the new replica's files are made, with one member, and a log that begins behind the state.
 * </ol>
 *
 * <p>Confined to the thread that manages groups, and to the start.
 */
final class Succession {
    private static final Logger LOG = LoggerFactory.getLogger(Succession.class);

    private final ReplicaFiles replicas;
    private final RaftHost.StateMachines stateMachines;
    private final Peer self;

    Succession(ReplicaFiles replicas, RaftHost.StateMachines stateMachines, Peer self) {
        this.replicas = replicas;
        this.stateMachines = stateMachines;
        this.self = self;
    }

    /**
     * Begins or goes on; Ratis has closed the old replica, if it had it open.
     *
     * @throws ReplicaLostException if there is no old replica, or it cannot be used
     */
    void make(UUID from, UUID to, Instant now) throws IOException {
        Optional<RetiredReplica> before = replicas.retired(from);
        if (before.isEmpty()) {
            retire(from, to, now);
        } else if (!before.get().successor().equals(to)) {
            throw new ReplicaLostException(from, replicas.lost().get(from));
        }
        finish(from, replicas.retired(from).orElseThrow());
    }

    /** Finishes what a crash cut off. */
    void finishAll() throws IOException {
        for (UUID group : replicas.lost().keySet()) {
            Optional<RetiredReplica> retired = replicas.retired(group);
            if (retired.isPresent()
                    && retired.get().beginning().filter(RetiredReplica.Beginning::made).isEmpty()) {
                finish(group, retired.get());
            }
        }
    }

    private void retire(UUID from, UUID to, Instant now) throws IOException {
        if (replicas.lost().containsKey(from)) {
            throw new ReplicaLostException(from, replicas.lost().get(from));
        }
        if (!replicas.exists(from)) {
            throw new ReplicaLostException(from, "it is not here");
        }
        try (ReplicatedStateMachine<?> machine = stateMachines.open(from)) {
            if (!replicas.isSound(from, machine, now)) {
                throw new ReplicaLostException(from, replicas.lost().get(from));
            }
        }
        replicas.retire(from, to, now);
    }

    private void finish(UUID from, RetiredReplica retired) throws IOException {
        Optional<RetiredReplica.Beginning> known = retired.beginning();
        RetiredReplica.Beginning beginning =
                known.isPresent() ? known.get() : retired.applied(replay(from, retired));
        UUID to = retired.successor();
        if (beginning.made()) {
            throw new ReplicaLostException(to, "it was here, and is no more");
        }
        if (!replicas.exists(to)) {
            stateMachines.handOver(from, to);
            create(to, beginning);
        }
        retired.made(beginning);
    }

    private LogPosition replay(UUID from, RetiredReplica retired) throws IOException {
        try (ReplicatedStateMachine<?> machine = stateMachines.open(from)) {
            LogPosition found = machine.appliedPosition();
            retired.entriesBehind(found.index(), entry -> apply(machine, entry));
            LogPosition applied = machine.checkpoint();
            LOG.warn(
                    "{} goes on as {} with what was applied here up to {}; entries {} to {} were"
                            + " applied from the log now",
                    from,
                    retired.successor(),
                    applied,
                    found.index() + 1,
                    applied.index());
            return applied;
        }
    }

    private static void apply(ReplicatedStateMachine<?> machine, LogEntryProto entry)
            throws IOException {
        LogPosition position = new LogPosition(entry.getTerm(), entry.getIndex());
        if (entry.hasStateMachineLogEntry()) {
            ByteString content = entry.getStateMachineLogEntry().getLogData();
            machine.apply(
                    position,
                    EntryFormat.decode(
                            Unpooled.wrappedBuffer(EntryBytes.of(content)).asReadOnly()));
        } else {
            machine.skip(position);
        }
    }

    private void create(UUID to, RetiredReplica.Beginning beginning) throws IOException {
        // Its first leader's first entry is index 0 if there is no state.
        LogPosition members =
                new LogPosition(
                        Math.max(0, beginning.state().term()),
                        Math.max(0, beginning.state().index()));
        replicas.create(
                to,
                InitialMembers.entry(
                        new RaftGroupMembers(to, List.of(self)), Optional.empty(), members),
                beginning.term(),
                // Made anew in no group: it has its vote.
                new Rebirth(-1, beginning.state().index()));
    }
}
