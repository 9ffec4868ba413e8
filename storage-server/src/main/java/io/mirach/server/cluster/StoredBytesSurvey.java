package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.Opcode;
import io.mirach.raft.ReplicaStatus;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the nodes how much volumes store: of each group one replica, its leader's if it has one, so
 * that nothing is counted twice while leaders move. Thread-safe; never blocks.
 */
public final class StoredBytesSurvey {
    private static final Logger LOG = LoggerFactory.getLogger(StoredBytesSurvey.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    /** Sends a request to a node, as {@code NodeConnections} does. */
    public interface Channel {
        CompletableFuture<ByteBuf> request(
                String address, Opcode opcode, ByteBuf body, Duration timeout);
    }

    private final Channel channel;
    private final NodeObservations seen;

    public StoredBytesSurvey(Channel channel, NodeObservations seen) {
        this.channel = channel;
        this.seen = seen;
    }

    /**
     * Completes, never with a failure, with the bytes of those volumes of which every group was
     * counted.
     */
    public CompletableFuture<Map<VolumeId, Long>> take(
            ClusterImage image, Collection<Volume> volumes) {
        Set<PlacementGroupId> groups = new HashSet<>();
        volumes.forEach(volume -> groups.addAll(volume.slots()));
        Map<String, List<PlacementGroupId>> byNode = new TreeMap<>();
        for (PlacementGroupId group : groups) {
            Optional.ofNullable(image.placementGroups().get(group))
                    .flatMap(this::counter)
                    .ifPresent(n -> byNode.computeIfAbsent(n, k -> new ArrayList<>()).add(group));
        }
        List<CompletableFuture<Optional<StoredBytes>>> answers = new ArrayList<>();
        byNode.forEach((node, asked) -> answers.add(ask(image.nodes().get(node), asked)));
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenApply(
                        done ->
                                sums(
                                        volumes,
                                        answers.stream().flatMap(a -> a.join().stream()).toList()));
    }

    /** The node that is to count a group. */
    private Optional<String> counter(PlacementGroup group) {
        Optional<String> any = Optional.empty();
        for (Replica replica : group.replicaSet().replicas()) {
            Optional<ReplicaStatus> status = seen.replica(replica, group.raftGroupId());
            if (status.isPresent()) {
                any = Optional.of(replica.node());
                if (status.get().role() == ReplicaStatus.Role.LEADER) {
                    return any;
                }
            }
        }
        return any;
    }

    private CompletableFuture<Optional<StoredBytes>> ask(
            StorageNode node, List<PlacementGroupId> groups) {
        return channel.request(
                        node.nativeAddress(),
                        Opcode.STORED_BYTES,
                        JsonBody.encode(new StoredBytes.Query(groups), ByteBufAllocator.DEFAULT),
                        TIMEOUT)
                .thenApply(body -> Optional.of(JsonBody.decode(body, StoredBytes.class)))
                .exceptionally(
                        failure -> {
                            LOG.debug("{} does not say what it stores", node.name(), failure);
                            return Optional.empty();
                        });
    }

    private static Map<VolumeId, Long> sums(Collection<Volume> volumes, List<StoredBytes> answers) {
        Set<PlacementGroupId> counted = new HashSet<>();
        Map<VolumeId, Long> sums = new HashMap<>();
        for (StoredBytes answer : answers) {
            counted.addAll(answer.counted());
            answer.volumes().forEach(v -> sums.merge(v.volume(), v.bytes(), Long::sum));
        }
        Map<VolumeId, Long> known = new HashMap<>();
        for (Volume volume : volumes) {
            if (counted.containsAll(volume.slots())) {
                known.put(volume.id(), sums.getOrDefault(volume.id(), 0L));
            }
        }
        return known;
    }
}
