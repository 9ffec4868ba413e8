package io.mirach.admin;

import io.mirach.model.DataDir;
import io.mirach.model.StorageNode;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * A node as it sees itself, whether it belongs to a cluster yet or not.
 *
 * @param version Mirach's version
 * @param initialised all its data dirs belong to a cluster
 * @param clusterId the cluster that its data dirs belong to; empty if none belongs to any
 * @param nativeAddress {@code host:port}
 * @param httpAddress {@code host:port}
 * @param startedAtMs when its process began; milliseconds since 1970
 */
public record NodeView(
        String name,
        String version,
        boolean initialised,
        Optional<UUID> clusterId,
        String nativeAddress,
        String httpAddress,
        String zone,
        String rack,
        Map<String, String> labels,
        List<DataDirView> dataDirs,
        long startedAtMs) {
    public NodeView {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(version, "version");
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(nativeAddress, "nativeAddress");
        Objects.requireNonNull(httpAddress, "httpAddress");
        zone = Objects.requireNonNullElse(zone, "");
        rack = Objects.requireNonNullElse(rack, "");
        labels = labels == null ? Map.of() : Map.copyOf(labels);
        dataDirs = List.copyOf(dataDirs);
    }

    /**
     * As the cluster map is to describe it, once it belongs to a cluster.
     *
     * @param ids draws the ids of the data dirs that have none
     */
    public StorageNode asNode(Supplier<UUID> ids) {
        return new StorageNode(
                name,
                dataDirs.stream()
                        .map(dir -> new DataDir(dir.id().orElseGet(ids), dir.raftAddress()))
                        .toList(),
                nativeAddress,
                httpAddress,
                zone,
                rack,
                labels);
    }
}
