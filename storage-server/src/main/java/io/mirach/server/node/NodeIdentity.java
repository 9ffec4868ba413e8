package io.mirach.server.node;

import io.mirach.admin.DataDirView;
import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeInitRequest.MetaMember;
import io.mirach.admin.NodeView;
import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's data dirs as a whole, and whether they belong to a cluster: they do once each of them
 * has its identity. A node of which some have none, and others do, has lost disks, or was cut off
 * when it was initialised; it takes no part until it is initialised anew. Thread-safe.
 */
final class NodeIdentity implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeIdentity.class);
    private static final String VERSION = version();
    private static final long STARTED_AT_MS = ManagementFactory.getRuntimeMXBean().getStartTime();

    private final NodeConfig config;
    private final List<NodeDir> dirs;

    private NodeIdentity(NodeConfig config, List<NodeDir> dirs) {
        this.config = config;
        this.dirs = dirs;
    }

    private static String version() {
        String built = NodeIdentity.class.getPackage().getImplementationVersion();
        return built == null ? "development" : built;
    }

    /** Opens and locks all data dirs, and checks that they belong together. */
    static NodeIdentity open(NodeConfig config) {
        List<NodeDir> dirs = new ArrayList<>();
        try {
            config.dataDirs().forEach(path -> dirs.add(NodeDir.open(path, config.name())));
            NodeIdentity identity = new NodeIdentity(config, List.copyOf(dirs));
            identity.requireOneCluster();
            return identity;
        } catch (RuntimeException e) {
            dirs.forEach(NodeDir::close);
            throw e;
        }
    }

    private void requireOneCluster() {
        List<NodeDir> known = dirs.stream().filter(dir -> dir.identity().isPresent()).toList();
        for (NodeDir dir : known) {
            if (!clusterId(dir).equals(clusterId(known.get(0)))) {
                throw new MirachException(
                        ErrorCode.WRONG_CLUSTER,
                        "data dirs "
                                + known.get(0).path()
                                + " and "
                                + dir.path()
                                + " belong to different clusters");
            }
        }
        if (!known.isEmpty() && known.size() < dirs.size()) {
            LOG.error(
                    "Data dirs {} are empty, and the others belong to cluster {}: this node takes no"
                            + " part in it. If the disks are not mounted, mount them and start it"
                            + " again; if they were lost: mirach node add {} --replace",
                    dirs.stream()
                            .filter(dir -> dir.identity().isEmpty())
                            .map(NodeDir::path)
                            .toList(),
                    clusterId(known.get(0)),
                    config.httpAddress());
        }
    }

    private static UUID clusterId(NodeDir dir) {
        return dir.identity().orElseThrow().clusterId();
    }

    List<NodeDir> dirs() {
        return dirs;
    }

    NodeDir firstDir() {
        return dirs.get(0);
    }

    /** Who the first data dir is; empty until all are initialised. */
    Optional<DirIdentity> membership() {
        return dirs.stream().allMatch(dir -> dir.identity().isPresent())
                ? firstDir().identity()
                : Optional.empty();
    }

    /** Whether this node is one of the meta group's first members. */
    boolean isMetaMember() {
        UUID first = membership().orElseThrow().dirId();
        return membership().orElseThrow().metaMembers().stream()
                .anyMatch(member -> member.dataDir().equals(first));
    }

    /** The same request again changes nothing; ALREADY_INITIALISED if another one was before. */
    synchronized void initialise(NodeInitRequest request) {
        if (request.dataDirIds().size() != dirs.size()) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "node '"
                            + config.name()
                            + "' has "
                            + dirs.size()
                            + " data dirs, and "
                            + request.dataDirIds().size()
                            + " ids are given");
        }
        for (int i = 0; i < dirs.size(); i++) {
            requireNewOr(identityOf(request, i), dirs.get(i));
        }
        for (int i = 0; i < dirs.size(); i++) {
            if (dirs.get(i).identity().isEmpty()) {
                dirs.get(i).initialise(identityOf(request, i));
            }
        }
    }

    private DirIdentity identityOf(NodeInitRequest request, int dirIndex) {
        return new DirIdentity(
                DirIdentity.FORMAT,
                request.clusterId(),
                request.dataDirIds().get(dirIndex),
                config.name(),
                request.metaGroupId(),
                request.metaMembers());
    }

    private void requireNewOr(DirIdentity given, NodeDir dir) {
        DirIdentity known = dir.identity().orElse(given);
        if (!known.isSameAs(given)) {
            throw new MirachException(
                    ErrorCode.ALREADY_INITIALISED,
                    "data dir "
                            + dir.path()
                            + " of node '"
                            + config.name()
                            + "' belongs to cluster "
                            + known.clusterId());
        }
    }

    NodeView view() {
        List<DataDirView> views = new ArrayList<>();
        for (int i = 0; i < dirs.size(); i++) {
            views.add(view(dirs.get(i), config.raftAddressOf(i)));
        }
        return new NodeView(
                config.name(),
                VERSION,
                membership().isPresent(),
                dirs.stream()
                        .flatMap(dir -> dir.identity().stream())
                        .map(DirIdentity::clusterId)
                        .findFirst(),
                config.nativeAddress().toString(),
                config.httpAddress().toString(),
                config.zone(),
                config.rack(),
                config.labels(),
                views,
                STARTED_AT_MS);
    }

    private DataDirView view(NodeDir dir, String raftAddress) {
        try {
            FileStore store = Files.getFileStore(dir.path());
            return new DataDirView(
                    dir.identity().map(DirIdentity::dirId),
                    dir.path().toString(),
                    raftAddress,
                    store.getTotalSpace(),
                    store.getUsableSpace());
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot read data dir " + dir.path() + ": " + e, e);
        }
    }

    /** As the cluster map describes this node. */
    StorageNode asStorageNode() {
        List<DataDir> ids = new ArrayList<>();
        for (int i = 0; i < dirs.size(); i++) {
            ids.add(
                    new DataDir(
                            dirs.get(i).identity().orElseThrow().dirId(), config.raftAddressOf(i)));
        }
        return new StorageNode(
                config.name(),
                ids,
                config.nativeAddress().toString(),
                config.httpAddress().toString(),
                config.zone(),
                config.rack(),
                config.labels());
    }

    /** Version 0 of the map: the meta group's members, so that they find each other. */
    ClusterImage bootstrapImage() {
        DirIdentity member = membership().orElseThrow();
        Map<String, StorageNode> nodes = new HashMap<>();
        List<Replica> replicas = new ArrayList<>();
        for (MetaMember meta : member.metaMembers()) {
            replicas.add(new Replica(meta.node(), meta.dataDir()));
            nodes.put(
                    meta.node(),
                    new StorageNode(
                            meta.node(),
                            List.of(new DataDir(meta.dataDir(), meta.raftAddress())),
                            meta.nativeAddress(),
                            "",
                            "",
                            "",
                            Map.of()));
        }
        return new ClusterImage(
                0,
                member.clusterId(),
                member.metaGroupId(),
                new ReplicaSet(0, replicas),
                nodes,
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of());
    }

    @Override
    public void close() {
        dirs.forEach(NodeDir::close);
    }
}
