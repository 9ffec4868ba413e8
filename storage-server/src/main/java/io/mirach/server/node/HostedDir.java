package io.mirach.server.node;

import io.mirach.raft.BackfillListener;
import io.mirach.raft.LogPosition;
import io.mirach.raft.RaftHost;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReadLease;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.ratis.RatisHost;
import io.mirach.server.chunk.ChunkStateMachine;
import io.mirach.server.chunk.DigestOrder;
import io.mirach.server.maintenance.Backfills;
import io.mirach.server.maintenance.Digests;
import io.mirach.server.maintenance.Repairs;
import io.mirach.server.metadata.MetadataStateMachine;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.Room;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StateImport;
import io.mirach.server.store.StoreMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One data dir at work: its stores, its Raft host and the state machines between. Thread-safe. */
final class HostedDir implements Backfills.Target, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostedDir.class);
    // The log kept for followers that lag: this share of the disk over all groups of the dir.
    private static final int RETENTION_SHARE = 20;
    private static final int GROUPS_EXPECTED = 8;
    private static final long MIN_RETENTION_BYTES = 16L << 20;

    /** What all data dirs of a node share. */
    record Surroundings(
            NodeConfig config,
            StoreMemory memory,
            MetadataStateMachine.Listener metaListener,
            Repairs repairs,
            ReadLease.Channel leaseChannel,
            RaftHost.FailureListener failureListener,
            Backfills backfills,
            Digests digests) {}

    private final Path path;
    private final Path raftPath;
    private final UUID id;
    private final UUID metaGroupId;
    private final ChunkStores stores;
    private final Surroundings around;
    private final Map<UUID, ReplicatedStateMachine<?>> machines = new ConcurrentHashMap<>();
    private final RaftHost host;
    private volatile boolean started;

    private HostedDir(NodeDir dir, String raftAddress, Surroundings around) throws IOException {
        DirIdentity identity = dir.identity().orElseThrow();
        this.path = dir.path();
        this.raftPath = dir.raftPath();
        this.id = identity.dirId();
        this.metaGroupId = identity.metaGroupId();
        this.around = around;
        // An operator who reads of it must know which disk it is.
        RaftHost.FailureListener failureListener =
                (what, cause) -> around.failureListener().failed(what + " in " + dir.path(), cause);
        this.stores = ChunkStores.open(dir.storePath(), around.memory(), failureListener::failed);
        try {
            this.host =
                    RatisHost.start(
                            raftConfig(dir, raftAddress, around.config()),
                            new Machines(),
                            around.leaseChannel(),
                            failureListener,
                            new BackfillListener() {
                                @Override
                                public void replicaNeedsBackfill(
                                        UUID groupId, LogPosition firstAvailable) {
                                    if (started) { // Told again in a second.
                                        around.backfills().needed(HostedDir.this, groupId);
                                    }
                                }
                            });
        } catch (IOException | RuntimeException e) {
            stores.close();
            throw e;
        }
        dropLeftovers();
        started = true;
        around.backfills().watch(this);
    }

    /** Opens everything that lies in the dir. Blocks. */
    static HostedDir start(NodeDir dir, String raftAddress, Surroundings around)
            throws IOException {
        return new HostedDir(dir, raftAddress, around);
    }

    private static RaftHostConfig raftConfig(NodeDir dir, String raftAddress, NodeConfig config)
            throws IOException {
        UUID peer = dir.identity().orElseThrow().dirId();
        RaftHostConfig defaults = RaftHostConfig.defaults(peer, dir.raftPath(), raftAddress);
        long capacityBytes = Files.getFileStore(dir.path()).getTotalSpace();
        long share = capacityBytes / RETENTION_SHARE / GROUPS_EXPECTED;
        long retentionBytes =
                config.replication().logBytes() > 0
                        ? config.replication().logBytes()
                        : Math.max(
                                MIN_RETENTION_BYTES, Math.min(defaults.logRetentionBytes(), share));
        return new RaftHostConfig(
                peer,
                defaults.storageDir(),
                raftAddress,
                defaults.electionTimeoutMin(),
                defaults.electionTimeoutMax(),
                defaults.readLease(),
                defaults.readLeaseInterval(),
                defaults.maxEntryBytes(),
                defaults.maxEntriesInFlight(),
                config.replication().queueBytes(),
                // The log is purged with a checkpoint: it should not outgrow what is kept by much.
                Math.min(defaults.checkpointBytes(), retentionBytes),
                retentionBytes);
    }

    private final class Machines implements RaftHost.StateMachines {
        @Override
        public ReplicatedStateMachine<?> open(UUID groupId) {
            return HostedDir.this.open(groupId);
        }

        @Override
        public void handOver(UUID from, UUID to) {
            stores.handOver(from, to);
            machines.remove(from);
        }
    }

    private synchronized ReplicatedStateMachine<?> open(UUID groupId) {
        ReplicatedStateMachine<?> machine =
                groupId.equals(metaGroupId)
                        ? new MetadataStateMachine(stores.metaStore(groupId), around.metaListener())
                        : new ChunkStateMachine(
                                groupId, stores, around.repairs(), this::digestOrdered);
        machines.put(groupId, machine);
        return machine;
    }

    private void digestOrdered(UUID groupId, DigestOrder order, Supplier<StateExport> state) {
        if (order.concerns(id)) {
            around.digests().begin(id, groupId, order, state.get(), this::isSpaceLow);
        }
    }

    UUID id() {
        return id;
    }

    RaftHost host() {
        return host;
    }

    /** How much room there is on the disk; never blocks. */
    Room room() {
        return stores.room();
    }

    /** What is free on the disk. */
    long freeBytes() {
        try {
            return Files.getFileStore(path).getUsableSpace();
        } catch (IOException e) {
            LOG.warn("cannot measure the disk of {}: {}", path, e.toString());
            return 0;
        }
    }

    // ---- Backfills.Target ----

    @Override
    public UUID dataDir() {
        return id;
    }

    @Override
    public Optional<UUID> leader(UUID raftGroupId) {
        return host.log(raftGroupId).flatMap(log -> log.status().leader());
    }

    @Override
    public Optional<StateImport> importOf(UUID raftGroupId) {
        return chunkMachine(raftGroupId).map(machine -> stores.importOf(raftGroupId));
    }

    @Override
    public Set<UUID> importing() {
        return stores.importing();
    }

    @Override
    public boolean discardImport(UUID raftGroupId) {
        long applied = chunkMachine(raftGroupId).map(m -> m.appliedPosition().index()).orElse(-1L);
        // One that is further than the state in use may be installed at any moment.
        if (stores.imported(raftGroupId).filter(whole -> whole.index() > applied).isPresent()) {
            return false;
        }
        stores.discardImport(raftGroupId);
        return true;
    }

    @Override
    public boolean isSpaceLow() {
        return stores.room() == Room.LOW;
    }

    /** The state machine of a placement group that is served here. */
    Optional<ChunkStateMachine> chunkMachine(UUID groupId) {
        return Optional.ofNullable(machines.get(groupId))
                .filter(ChunkStateMachine.class::isInstance)
                .map(ChunkStateMachine.class::cast);
    }

    /**
     * Deletes what is stored of a group whose Raft side is gone already. Blocks. Fails if the group
     * has come back meanwhile.
     */
    synchronized void drop(UUID groupId) {
        stores.drop(groupId);
        machines.remove(groupId);
    }

    /** What a process left that died between the two sides of a removal. */
    private void dropLeftovers() {
        Set<UUID> stored = new HashSet<>(stores.chunkGroups());
        stored.addAll(stores.metaGroups());
        for (UUID group : stored) {
            boolean here =
                    Files.exists(raftPath.resolve(group.toString()))
                            || host.groups().contains(group)
                            || host.lostGroups().containsKey(group);
            if (!here) {
                LOG.info("deleting what is left of group {}, which was removed from {}", group, id);
                drop(group);
            }
        }
    }

    @Override
    public void close() {
        host.close();
        stores.close();
    }
}
