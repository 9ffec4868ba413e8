package io.mirach.server.node;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.ReadLease;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.server.chunk.ChunkReply;
import io.mirach.server.chunk.ChunkService;
import io.mirach.server.chunk.ChunkStateMachine;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.maintenance.BackfillSource;
import io.mirach.server.maintenance.Repairs;
import io.mirach.server.metadata.MetaReply;
import io.mirach.server.store.Room;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All Raft groups that this node's data dirs hold. Thread-safe. */
public final class HostedGroups implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostedGroups.class);

    private final UUID metaGroupId;
    private final Map<UUID, HostedDir> dirs;
    private final ChunkService chunks;
    private final Repairs repairs;
    private final Executor disk;
    // What the chunk service serves. Guarded by this.
    private final Map<PlacementGroupId, ChunkStateMachine> served = new HashMap<>();
    // Which Raft group is which, as far as this node knows. Guarded by this.
    private final ServedByMap servedByMap = new ServedByMap();

    private HostedGroups(
            UUID metaGroupId,
            Map<UUID, HostedDir> dirs,
            ChunkService chunks,
            Repairs repairs,
            Executor disk) {
        this.metaGroupId = metaGroupId;
        this.dirs = dirs;
        this.chunks = chunks;
        this.repairs = repairs;
        this.disk = disk;
    }

    /**
     * Opens all data dirs; closes them again if one fails. Blocks.
     *
     * @param disk where groups' data is deleted; may block
     */
    static HostedGroups start(
            List<NodeDir> nodeDirs,
            HostedDir.Surroundings around,
            ChunkService chunks,
            Executor disk)
            throws IOException {
        Map<UUID, HostedDir> dirs = new LinkedHashMap<>();
        try {
            for (int i = 0; i < nodeDirs.size(); i++) {
                HostedDir dir =
                        HostedDir.start(nodeDirs.get(i), around.config().raftAddressOf(i), around);
                dirs.put(dir.id(), dir);
            }
        } catch (IOException | RuntimeException e) {
            dirs.values().forEach(HostedDir::close);
            throw e;
        }
        UUID metaGroupId = nodeDirs.get(0).identity().orElseThrow().metaGroupId();
        return new HostedGroups(metaGroupId, dirs, chunks, around.repairs(), disk);
    }

    /** This node's replica of the meta group. */
    public Optional<ReplicatedLog<MetaReply>> metaLog() {
        for (HostedDir dir : dirs.values()) {
            Optional<ReplicatedLog<MetaReply>> log = dir.host().log(metaGroupId);
            if (log.isPresent()) {
                return log;
            }
        }
        return Optional.empty();
    }

    /** The read leases of a data dir of this node. */
    public Optional<ReadLease> readLease(UUID dataDir) {
        return Optional.ofNullable(dirs.get(dataDir)).map(dir -> dir.host().readLease());
    }

    /** The room on a data dir's disk; none is low that this node does not have. Never blocks. */
    Room room(UUID dataDir) {
        HostedDir dir = dirs.get(dataDir);
        return dir == null ? Room.AMPLE : dir.room();
    }

    /** How long an fsync takes in a data dir; zero if it is not known. Never blocks. */
    Duration syncTime(UUID dataDir) {
        HostedDir dir = dirs.get(dataDir);
        return dir == null ? Duration.ZERO : dir.host().syncTime();
    }

    /** Every replica here, for heartbeats and metrics. */
    public List<NodeHeartbeat.ReplicaReport> reports() {
        List<NodeHeartbeat.ReplicaReport> reports = new ArrayList<>();
        for (HostedDir dir : dirs.values()) {
            for (UUID group : dir.host().groups()) {
                dir.host()
                        .log(group)
                        .ifPresent(
                                log ->
                                        reports.add(
                                                NodeHeartbeat.ReplicaReport.of(
                                                                dir.id(), log.status())
                                                        .with(repairs.damageOf(group))));
            }
            dir.host()
                    .lostGroups()
                    .forEach(
                            (group, because) ->
                                    reports.add(
                                            NodeHeartbeat.ReplicaReport.lost(
                                                    dir.id(), group, because)));
        }
        return reports;
    }

    /** A replica here, for one that is brought up from it. */
    Optional<BackfillSource.Held> find(UUID dataDir, UUID raftGroupId) {
        Optional<HostedDir> dir = Optional.ofNullable(dirs.get(dataDir));
        Optional<ReplicatedLog<ChunkReply>> log = dir.flatMap(d -> d.host().log(raftGroupId));
        return log.flatMap(
                l ->
                        dir.get()
                                .chunkMachine(raftGroupId)
                                .map(m -> new BackfillSource.Held(m, l, dir.get()::freeBytes)));
    }

    /** The replica of a placement group here, to be repaired or to repair others. */
    Optional<Repairs.Held> find(UUID raftGroupId) {
        for (HostedDir dir : dirs.values()) {
            Optional<ReplicatedLog<ChunkReply>> log = dir.host().log(raftGroupId);
            Optional<ChunkStateMachine> machine = dir.chunkMachine(raftGroupId);
            if (log.isPresent() && machine.isPresent()) {
                return Optional.of(new Repairs.Held(dir.id(), machine.get(), log.get()));
            }
        }
        return Optional.empty();
    }

    /** How far a replica here is. */
    OptionalLong appliedIndex(UUID dataDir, UUID raftGroupId) {
        Optional<ChunkStateMachine> machine =
                Optional.ofNullable(dirs.get(dataDir)).flatMap(d -> d.chunkMachine(raftGroupId));
        return machine.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(machine.get().appliedPosition().index());
    }

    /** Creates a replica on one of this node's dirs. Idempotent. */
    CompletableFuture<Void> create(UUID dataDir, RaftGroupMembers members) {
        return dir(dataDir).host().createGroup(members);
    }

    /** Creates a replica of a group that others have, to follow without a vote. Idempotent. */
    CompletableFuture<Void> createLearner(
            UUID dataDir, RaftGroupMembers voters, Peer self, LogPosition without) {
        return dir(dataDir).host().createLearner(voters, self, without);
    }

    /**
     * Has one of this node's dirs go on from its replica of a group as the only member of another;
     * see {@link RaftHost#succeed}.
     */
    CompletableFuture<Void> succeed(
            PlacementGroupId id, UUID replaced, UUID raftGroupId, Peer self) {
        HostedDir dir = dir(self.id());
        // Whatever comes of it: the map says that this one is not served any more.
        stopServing(id, dir.chunkMachine(replaced));
        return dir.host()
                .succeed(replaced, raftGroupId, self)
                .thenRun(() -> repairs.forget(replaced));
    }

    /** Changes the members of a group that one of this node's dirs leads. */
    CompletableFuture<LogPosition> changeMembers(
            UUID dataDir,
            UUID raftGroupId,
            Set<UUID> expectedVoters,
            List<Peer> voters,
            List<Peer> learners) {
        return log(dataDir, raftGroupId).changeMembers(expectedVoters, voters, learners);
    }

    /** Offers what the map says of the groups here to block requests, and nothing else. */
    public synchronized void serve(ClusterImage image) {
        servedByMap.learned(image);
        serveWhatMayBe();
    }

    /** The meta leader says which map there was, at least, since this process started. */
    synchronized void confirmed(long mapVersion) {
        if (servedByMap.confirmed(mapVersion)) {
            serveWhatMayBe();
        }
    }

    private void serveWhatMayBe() {
        for (Map.Entry<PlacementGroupId, ChunkStateMachine> each : Map.copyOf(served).entrySet()) {
            if (servedByMap.isReplaced(each.getKey(), each.getValue().groupId())) {
                stopServing(each.getKey(), Optional.of(each.getValue()));
                LOG.warn("{} is another Raft group now: not served from here", each.getKey());
            }
        }
        for (PlacementGroup group : servedByMap.groups()) {
            for (Replica replica : group.replicaSet().holders()) {
                HostedDir dir = dirs.get(replica.dataDir());
                if (dir != null) {
                    serve(dir, group.id(), group.raftGroupId());
                }
            }
        }
    }

    synchronized void serve(UUID dataDir, PlacementGroupId id, UUID raftGroupId) {
        serve(dir(dataDir), id, raftGroupId);
    }

    private void serve(HostedDir dir, PlacementGroupId id, UUID raftGroupId) {
        if (servedByMap.isReplaced(id, raftGroupId)) {
            return; // An order from before its recovery, or one that this node's map is behind.
        }
        Optional<ReplicatedLog<ChunkReply>> log = dir.host().log(raftGroupId);
        Optional<ChunkStateMachine> machine = dir.chunkMachine(raftGroupId);
        if (log.isPresent() && machine.isPresent() && served.get(id) != machine.get()) {
            chunks.serve(id, log.get(), machine.get());
            served.put(id, machine.get());
            LOG.info("serving {} from data dir {}", id, dir.id());
        }
    }

    /** The state of a group that is served here. */
    synchronized Optional<ChunkStateMachine> machine(PlacementGroupId id) {
        return Optional.ofNullable(served.get(id));
    }

    /**
     * Deletes a replica; see {@link RaftHost#removeGroup}.
     *
     * @param id empty for the meta group
     */
    CompletableFuture<Void> remove(
            UUID dataDir, Optional<PlacementGroupId> id, UUID raftGroupId, long configuration) {
        if (id.isEmpty() != raftGroupId.equals(metaGroupId)) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, raftGroupId + " is not the group of that name");
        }
        HostedDir dir = dir(dataDir);
        id.ifPresent(group -> stopServing(group, dir.chunkMachine(raftGroupId)));
        return dir.host()
                .removeGroup(raftGroupId, configuration)
                .whenComplete(
                        (removed, refused) -> {
                            if (refused != null) {
                                id.ifPresent(group -> serve(dataDir, group, raftGroupId));
                            }
                        })
                .thenRunAsync(
                        () -> {
                            repairs.forget(raftGroupId);
                            dir.drop(raftGroupId);
                        },
                        disk);
    }

    /** Another data dir of this node may serve the group by now. */
    private synchronized void stopServing(
            PlacementGroupId group, Optional<ChunkStateMachine> machine) {
        if (machine.isPresent() && served.get(group) == machine.get()) {
            served.remove(group);
            chunks.stop(group);
        }
    }

    CompletableFuture<Void> transfer(UUID dataDir, UUID raftGroupId, UUID to) {
        return log(dataDir, raftGroupId).transferLeadership(to);
    }

    /**
     * Hands every leadership to the follower that is furthest. Completes, never with a failure,
     * when that is done or cannot be.
     */
    CompletableFuture<Void> handOver() {
        List<CompletableFuture<Void>> handed = new ArrayList<>();
        for (HostedDir dir : dirs.values()) {
            for (UUID group : dir.host().groups()) {
                dir.host().log(group).ifPresent(log -> handed.add(handOver(log)));
            }
        }
        return CompletableFuture.allOf(handed.toArray(CompletableFuture[]::new));
    }

    private static CompletableFuture<Void> handOver(ReplicatedLog<?> log) {
        ReplicaStatus status = log.status();
        return status.successor()
                .map(log::transferLeadership)
                .orElseGet(() -> CompletableFuture.completedFuture(null))
                .handle(
                        (done, failure) -> {
                            if (failure != null) {
                                LOG.info(
                                        "leadership of {} stays: {}",
                                        status.groupId(),
                                        failure.getMessage());
                            }
                            return null;
                        });
    }

    private ReplicatedLog<?> log(UUID dataDir, UUID raftGroupId) {
        return dir(dataDir)
                .host()
                .log(raftGroupId)
                .orElseThrow(
                        () ->
                                new MirachException(
                                        ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                                        "group " + raftGroupId + " is not on " + dataDir));
    }

    private HostedDir dir(UUID dataDir) {
        HostedDir dir = dirs.get(dataDir);
        if (dir == null) {
            throw new MirachException(
                    ErrorCode.NO_SUCH_NODE, "this node has no data dir " + dataDir);
        }
        return dir;
    }

    @Override
    public void close() {
        dirs.values().forEach(HostedDir::close);
    }
}
