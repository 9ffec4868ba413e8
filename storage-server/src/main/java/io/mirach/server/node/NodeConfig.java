package io.mirach.server.node;

import io.mirach.client.transport.NodeAddress;
import io.mirach.server.chunk.ChunkServiceConfig;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.store.StoreConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * How one storage node runs.
 *
 * @param name unique in the cluster, for life
 * @param dataDirs one folder per disk
 * @param nativeAddress where others reach the native protocol; it listens there too
 * @param raftAddress of the first data dir; the others take the ports after it
 * @param store memory of the stores
 * @param chunks limits of block requests
 * @param replication how replicas are fed and verified
 * @param eventLoops threads that do the network's work
 * @param attachmentTerm how long an attachment runs unless its gateway renews it, by the clock of
 *     the meta leader; should be the same on all nodes
 */
public record NodeConfig(
        String name,
        List<Path> dataDirs,
        NodeAddress nativeAddress,
        NodeAddress httpAddress,
        NodeAddress raftAddress,
        String zone,
        String rack,
        Map<String, String> labels,
        StoreConfig store,
        ChunkServiceConfig chunks,
        Replication replication,
        int eventLoops,
        Duration attachmentTerm) {
    public static final int DEFAULT_EVENT_LOOPS = 2;
    private static final int MAX_DATA_DIRS = 64;
    private static final Duration MIN_ATTACHMENT_TERM = Duration.ofSeconds(1);
    private static final Duration MAX_ATTACHMENT_TERM = Duration.ofHours(1);
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}");
    private static final Pattern DOMAIN = Pattern.compile("[a-zA-Z0-9._-]{0,63}");

    /**
     * How replicas are fed and verified.
     *
     * @param queueBytes writes waiting for the log, per placement group
     * @param logBytes log kept per placement group for replicas that lag; 0 for a share of the disk
     * @param backfillBytesPerSecond how fast this node's replicas are brought up beyond the log
     * @param scrubBytesPerSecond how fast this node's replicas are read to be verified
     * @param replaceAfter a node that stays away so long loses its replicas to others, by the word
     *     of the node that leads the meta group; zero: never
     * @param scrubEvery from one scrub of a placement group to the next, by the word of the node
     *     that leads the meta group; zero: only when somebody asks
     */
    public record Replication(
            long queueBytes,
            long logBytes,
            long backfillBytesPerSecond,
            long scrubBytesPerSecond,
            Duration replaceAfter,
            Duration scrubEvery) {
        // Before the default, which is checked by them.
        private static final Duration MIN_REPLACE_AFTER = Duration.ofSeconds(10);
        private static final Duration MIN_SCRUB_EVERY = Duration.ofSeconds(10);
        public static final Replication DEFAULT =
                new Replication(
                        32L << 20,
                        0,
                        64L << 20,
                        32L << 20,
                        Duration.ofMinutes(10),
                        Duration.ofDays(7));
        private static final long MIN_LOG_BYTES = 16L << 20;

        public Replication {
            require(queueBytes >= 2 << 20, "limits.raft-queue: at least 2MiB");
            require(logBytes == 0 || logBytes >= MIN_LOG_BYTES, "limits.raft-log: at least 16MiB");
            require(backfillBytesPerSecond >= 1 << 20, "limits.backfill-rate: at least 1MiB");
            require(scrubBytesPerSecond >= 1 << 20, "limits.scrub-rate: at least 1MiB");
            require(
                    replaceAfter.isZero() || replaceAfter.compareTo(MIN_REPLACE_AFTER) >= 0,
                    "replace-after: at least 10s, or 0s for never");
            require(
                    scrubEvery.isZero() || scrubEvery.compareTo(MIN_SCRUB_EVERY) >= 0,
                    "scrub-every: at least 10s, or 0s for only when asked");
        }
    }

    public NodeConfig {
        Objects.requireNonNull(store, "store");
        Objects.requireNonNull(chunks, "chunks");
        dataDirs = List.copyOf(dataDirs);
        labels = Map.copyOf(labels);
        require(NAME.matcher(name).matches(), "name: not a node name: '" + name + "'");
        require(DOMAIN.matcher(zone).matches(), "zone: not a zone: '" + zone + "'");
        require(DOMAIN.matcher(rack).matches(), "rack: not a rack: '" + rack + "'");
        require(!dataDirs.isEmpty(), "data-dirs: at least one is needed");
        require(dataDirs.size() <= MAX_DATA_DIRS, "data-dirs: at most " + MAX_DATA_DIRS);
        require(
                new HashSet<>(dataDirs).size() == dataDirs.size(),
                "data-dirs: one folder is named twice");
        requireReachable("native-address", nativeAddress);
        requireReachable("http-address", httpAddress);
        requireReachable("raft-address", raftAddress);
        require(
                raftAddress.port() + dataDirs.size() - 1 <= 65_535,
                "raft-address: no ports are left for " + dataDirs.size() + " data dirs");
        require(
                !isRaftPort(raftAddress, dataDirs.size(), nativeAddress)
                        && !isRaftPort(raftAddress, dataDirs.size(), httpAddress)
                        && !nativeAddress.equals(httpAddress),
                "native-address, http-address and raft-address (one port per data dir) overlap");
        Objects.requireNonNull(replication, "replication");
        require(
                attachmentTerm.compareTo(MIN_ATTACHMENT_TERM) >= 0
                        && attachmentTerm.compareTo(MAX_ATTACHMENT_TERM) <= 0,
                "attachment-term: from 1s to 60m");
        require(eventLoops >= 1 && eventLoops <= 256, "limits.threads: from 1 to 256");
    }

    /** With the default term of attachments. */
    public NodeConfig(
            String name,
            List<Path> dataDirs,
            NodeAddress nativeAddress,
            NodeAddress httpAddress,
            NodeAddress raftAddress,
            String zone,
            String rack,
            Map<String, String> labels,
            StoreConfig store,
            ChunkServiceConfig chunks,
            Replication replication,
            int eventLoops) {
        this(
                name,
                dataDirs,
                nativeAddress,
                httpAddress,
                raftAddress,
                zone,
                rack,
                labels,
                store,
                chunks,
                replication,
                eventLoops,
                AttachmentTerms.DEFAULT_TERM);
    }

    public NodeConfig withAttachmentTerm(Duration term) {
        return new NodeConfig(
                name,
                dataDirs,
                nativeAddress,
                httpAddress,
                raftAddress,
                zone,
                rack,
                labels,
                store,
                chunks,
                replication,
                eventLoops,
                term);
    }

    public NodeConfig withReplication(Replication changed) {
        return new NodeConfig(
                name,
                dataDirs,
                nativeAddress,
                httpAddress,
                raftAddress,
                zone,
                rack,
                labels,
                store,
                chunks,
                changed,
                eventLoops,
                attachmentTerm);
    }

    private static boolean isRaftPort(NodeAddress raft, int dirs, NodeAddress other) {
        return other.host().equals(raft.host())
                && other.port() >= raft.port()
                && other.port() < raft.port() + dirs;
    }

    private static void requireReachable(String key, NodeAddress address) {
        require(address.port() > 0, key + ": the port must be given");
        require(
                !address.host().equals("0.0.0.0") && !address.host().equals("::"),
                key + ": others must reach this node by it, so it cannot be " + address);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** The Raft address of a data dir, {@code host:port}. */
    public String raftAddressOf(int dirIndex) {
        return new NodeAddress(raftAddress.host(), raftAddress.port() + dirIndex).toString();
    }
}
