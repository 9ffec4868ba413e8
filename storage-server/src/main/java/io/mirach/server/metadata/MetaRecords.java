package io.mirach.server.metadata;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Json;
import io.mirach.protocol.cluster.ClusterDelta;
import io.mirach.server.store.MetaStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * The replicated state as keys and values, one record per node, group, volume and so on, so that a
 * change writes what it changed:
 *
 * <pre>
 * state                format, counters, map version, cluster id, meta group and its members
 * node/NAME  group/ID  volume/ID  access/VOLUME-ID  gateway/NAME
 * </pre>
 *
 * Values are JSON.
 */
final class MetaRecords {
    private static final int FORMAT = 2;
    private static final String STATE = "state";

    /** The record under {@code state}. */
    private record Head(
            int format,
            MetaState.Counters counters,
            long version,
            Optional<UUID> clusterId,
            Optional<UUID> metaGroupId,
            Optional<ReplicaSet> metaReplicas) {
        static Head of(MetaState state) {
            return new Head(
                    FORMAT,
                    state.counters(),
                    state.version(),
                    state.image().map(ClusterImage::clusterId),
                    state.image().map(ClusterImage::metaGroupId),
                    state.image().map(ClusterImage::metaReplicas));
        }
    }

    /** What has to be written to get from one state to another. */
    record Changes(Map<String, byte[]> puts, List<String> deletes) {}

    private MetaRecords() {}

    static Changes between(MetaState from, MetaState to) {
        Map<String, byte[]> puts = new HashMap<>();
        List<String> deletes = new ArrayList<>();
        if (from.equals(to)) {
            return new Changes(puts, deletes);
        }
        puts.put(STATE, json(Head.of(to)));
        to.image()
                .ifPresent(
                        image -> {
                            ClusterImage base = from.image().orElseGet(() -> emptyLike(image));
                            add(ClusterDelta.between(base, image), puts, deletes);
                        });
        return new Changes(puts, deletes);
    }

    private static void add(ClusterDelta delta, Map<String, byte[]> puts, List<String> deletes) {
        delta.nodes().forEach(n -> puts.put("node/" + n.name(), json(n)));
        delta.removedNodes().forEach(n -> deletes.add("node/" + n));
        delta.placementGroups().forEach(g -> puts.put("group/" + g.id().value(), json(g)));
        delta.removedPlacementGroups().forEach(g -> deletes.add("group/" + g.value()));
        delta.volumes().forEach(v -> puts.put("volume/" + v.id().value(), json(v)));
        delta.removedVolumes().forEach(v -> deletes.add("volume/" + v.value()));
        delta.access().forEach(a -> puts.put("access/" + a.volume().value(), json(a)));
        delta.removedAccess().forEach(a -> deletes.add("access/" + a.value()));
        delta.gateways().forEach(g -> puts.put("gateway/" + g.name(), json(g)));
        delta.removedGateways().forEach(g -> deletes.add("gateway/" + g));
    }

    private static ClusterImage emptyLike(ClusterImage image) {
        return new ClusterImage(
                0,
                image.clusterId(),
                image.metaGroupId(),
                image.metaReplicas(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of());
    }

    /** Reads what is stored; IllegalStateException if this build cannot read it. */
    static MetaState load(MetaStore store) {
        Map<String, byte[]> heads = new HashMap<>();
        Map<String, StorageNode> nodes = new HashMap<>();
        Map<PlacementGroupId, PlacementGroup> groups = new HashMap<>();
        Map<VolumeId, Volume> volumes = new HashMap<>();
        Map<VolumeId, VolumeAccess> access = new HashMap<>();
        Map<String, Gateway> gateways = new HashMap<>();
        store.scanAll(
                (key, value) -> {
                    switch (key.replaceFirst("/.*", "")) {
                        case STATE -> heads.put(key, value);
                        case "node" -> {
                            StorageNode node = read(value, StorageNode.class);
                            nodes.put(node.name(), node);
                        }
                        case "group" -> {
                            PlacementGroup group = read(value, PlacementGroup.class);
                            groups.put(group.id(), group);
                        }
                        case "volume" -> {
                            Volume volume = read(value, Volume.class);
                            volumes.put(volume.id(), volume);
                        }
                        case "access" -> {
                            VolumeAccess one = read(value, VolumeAccess.class);
                            access.put(one.volume(), one);
                        }
                        case "gateway" -> {
                            Gateway gateway = read(value, Gateway.class);
                            gateways.put(gateway.name(), gateway);
                        }
                        default ->
                                throw new IllegalStateException(
                                        "the meta store holds a record '"
                                                + key
                                                + "' that this build does not know");
                    }
                });
        if (heads.isEmpty()) {
            return MetaState.EMPTY;
        }
        Head head = readHead(heads.get(STATE));
        Optional<ClusterImage> image =
                head.clusterId()
                        .map(
                                clusterId ->
                                        new ClusterImage(
                                                head.version(),
                                                clusterId,
                                                head.metaGroupId().orElseThrow(),
                                                head.metaReplicas().orElseThrow(),
                                                nodes,
                                                groups,
                                                volumes,
                                                access,
                                                gateways));
        return new MetaState(image, head.counters());
    }

    private static Head readHead(byte[] value) {
        try {
            JsonNode tree = Json.mapper().readTree(value);
            if (!(tree instanceof ObjectNode) || tree.path("format").asInt() != FORMAT) {
                throw new IllegalStateException(
                        "the meta store has format "
                                + tree.path("format")
                                + "; this build reads format "
                                + FORMAT);
            }
        } catch (IOException e) {
            throw unreadable(Head.class, e);
        }
        return read(value, Head.class);
    }

    private static <T> T read(byte[] value, Class<T> type) {
        ObjectReader reader = Json.mapper().readerFor(type);
        try {
            return reader.readValue(value);
        } catch (IOException e) {
            throw unreadable(type, e);
        }
    }

    private static IllegalStateException unreadable(Class<?> type, IOException e) {
        return new IllegalStateException(
                "the meta store holds an unreadable "
                        + type.getSimpleName()
                        + ": "
                        + e.getMessage(),
                e);
    }

    private static byte[] json(Object value) {
        try {
            return Json.mapper().writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + value, e);
        }
    }
}
