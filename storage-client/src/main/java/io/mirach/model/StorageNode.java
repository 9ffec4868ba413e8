package io.mirach.model;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * A storage server process as the cluster map knows it.
 *
 * @param name unique in the cluster
 * @param nativeAddress where it serves the native protocol, {@code host:port}
 * @param httpAddress where it serves the admin API, {@code host:port}
 * @param zone failure domain, outer; empty if not set
 * @param rack failure domain, inner; empty if not set
 * @param duty what the cluster asks of it; a node does not say that of itself
 */
public record StorageNode(
        String name,
        List<DataDir> dataDirs,
        String nativeAddress,
        String httpAddress,
        String zone,
        String rack,
        Map<String, String> labels,
        NodeDuty duty) {
    public StorageNode {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(nativeAddress, "nativeAddress");
        Objects.requireNonNull(httpAddress, "httpAddress");
        Objects.requireNonNull(zone, "zone");
        Objects.requireNonNull(rack, "rack");
        dataDirs = List.copyOf(dataDirs);
        labels = Map.copyOf(labels);
        // Written before there were duties.
        duty = Objects.requireNonNullElse(duty, NodeDuty.FULL);
    }

    public StorageNode(
            String name,
            List<DataDir> dataDirs,
            String nativeAddress,
            String httpAddress,
            String zone,
            String rack,
            Map<String, String> labels) {
        this(name, dataDirs, nativeAddress, httpAddress, zone, rack, labels, NodeDuty.FULL);
    }

    /** Its data dir of that id. */
    public Optional<DataDir> dataDir(UUID id) {
        return dataDirs.stream().filter(dir -> dir.id().equals(id)).findFirst();
    }

    public StorageNode with(NodeDuty other) {
        return new StorageNode(
                name, dataDirs, nativeAddress, httpAddress, zone, rack, labels, other);
    }
}
