package io.mirach.server.node;

import static io.mirach.config.ConfigFile.path;
import static io.mirach.config.ConfigFile.required;
import static io.mirach.config.ConfigFile.size;
import static io.mirach.config.ConfigFile.time;

import io.mirach.client.transport.NodeAddress;
import io.mirach.config.ConfigFile;
import io.mirach.protocol.MirachException;
import io.mirach.server.chunk.ChunkServiceConfig;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.store.StoreConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Reads a node's configuration:
 *
 * <pre>{@code
 * name: node-1
 * data-dirs: [/var/lib/mirach/disk-1]
 * native-address: 10.0.0.1:7481
 * http-address: 10.0.0.1:7480
 * raft-address: 10.0.0.1:7482        # of the first data dir; the others take the ports after it
 * zone: zone-a                       # failure domains; may be left out
 * rack: rack-1
 * labels: {disk: nvme}
 * attachment-term: 30s               # a gateway unheard for so long may lose its volumes to another
 * replace-after: 10m                 # a node away for so long loses its replicas to others; 0s: never.
 *                                    #   The same on all nodes: the meta leader's counts
 * scrub-every: 7d                    # all blocks are read, all replicas compared; 0s: only when
 *                                    #   asked. The same on all nodes
 * limits:                            # all with defaults
 *   block-cache: 32MiB               # keys and indexes
 *   write-buffers: 128MiB            # blocks not yet in a file
 *   raft-queue: 32MiB                # per placement group: writes that wait for the log
 *   raft-log: 256MiB                 # per placement group: log kept for replicas that lag; without
 *                                    #   it up to 256MiB, and 5 % of the disk over all groups
 *   backfill-rate: 64MiB             # per second: what this node's lost replicas are brought up by
 *   scrub-rate: 32MiB                # per second: what this node's replicas are verified by
 *   writes-in-flight: 32MiB          # per placement group: writes not yet answered
 *   reader-threads: 2
 *   queued-reads: 2048
 *   threads: 2                       # event loops
 * }</pre>
 *
 * Whatever is wrong fails with INVALID_CONFIG and names the file and the key.
 */
public final class NodeConfigFile {
    /** The file as it is written. */
    record Content(
            String name,
            List<String> dataDirs,
            String nativeAddress,
            String httpAddress,
            String raftAddress,
            String zone,
            String rack,
            Map<String, String> labels,
            String attachmentTerm,
            String replaceAfter,
            String scrubEvery,
            Limits limits) {}

    /** The part under {@code limits}. */
    record Limits(
            String blockCache,
            String writeBuffers,
            String raftQueue,
            String raftLog,
            String backfillRate,
            String scrubRate,
            String writesInFlight,
            Integer readerThreads,
            Integer queuedReads,
            Integer threads) {
        static final Limits NONE =
                new Limits(null, null, null, null, null, null, null, null, null, null);
    }

    private NodeConfigFile() {}

    public static NodeConfig read(Path file) {
        return ConfigFile.read(file, Content.class, NodeConfigFile::configOf);
    }

    private static NodeConfig configOf(Content content) {
        Limits limits = Optional.ofNullable(content.limits()).orElse(Limits.NONE);
        Map<String, String> labels = Optional.ofNullable(content.labels()).orElse(Map.of());
        if (labels.values().stream().anyMatch(Objects::isNull)) {
            throw new IllegalArgumentException("labels: every label needs a value");
        }
        return new NodeConfig(
                required("name", content.name()),
                required("data-dirs", content.dataDirs()).stream()
                        .map(text -> path("data-dirs", text))
                        .toList(),
                address("native-address", content.nativeAddress()),
                address("http-address", content.httpAddress()),
                address("raft-address", content.raftAddress()),
                Optional.ofNullable(content.zone()).orElse(""),
                Optional.ofNullable(content.rack()).orElse(""),
                labels,
                storeOf(limits),
                chunksOf(limits),
                replicationOf(content, limits),
                Optional.ofNullable(limits.threads()).orElse(NodeConfig.DEFAULT_EVENT_LOOPS),
                time("attachment-term", content.attachmentTerm(), AttachmentTerms.DEFAULT_TERM));
    }

    private static StoreConfig storeOf(Limits limits) {
        StoreConfig defaults = StoreConfig.defaults();
        return new StoreConfig(
                size("limits.block-cache", limits.blockCache(), defaults.blockCacheBytes()),
                size("limits.write-buffers", limits.writeBuffers(), defaults.writeBufferBytes()),
                defaults.groupWriteBufferBytes(),
                defaults.blobFileBytes(),
                defaults.backgroundJobs(),
                defaults.maxOpenFiles(),
                defaults.flushOnClose());
    }

    private static NodeConfig.Replication replicationOf(Content content, Limits limits) {
        NodeConfig.Replication defaults = NodeConfig.Replication.DEFAULT;
        return new NodeConfig.Replication(
                size("limits.raft-queue", limits.raftQueue(), defaults.queueBytes()),
                size("limits.raft-log", limits.raftLog(), defaults.logBytes()),
                size(
                        "limits.backfill-rate",
                        limits.backfillRate(),
                        defaults.backfillBytesPerSecond()),
                size("limits.scrub-rate", limits.scrubRate(), defaults.scrubBytesPerSecond()),
                time("replace-after", content.replaceAfter(), defaults.replaceAfter()),
                time("scrub-every", content.scrubEvery(), defaults.scrubEvery()));
    }

    private static ChunkServiceConfig chunksOf(Limits limits) {
        ChunkServiceConfig defaults = ChunkServiceConfig.defaults();
        return new ChunkServiceConfig(
                size(
                        "limits.writes-in-flight",
                        limits.writesInFlight(),
                        defaults.maxWriteBytesInFlight()),
                Optional.ofNullable(limits.readerThreads()).orElse(defaults.readerThreads()),
                Optional.ofNullable(limits.queuedReads()).orElse(defaults.maxQueuedReads()));
    }

    private static NodeAddress address(String key, String text) {
        try {
            return NodeAddress.parse(required(key, text));
        } catch (MirachException malformed) {
            throw new IllegalArgumentException(key + ": " + malformed.getMessage(), malformed);
        }
    }
}
