package io.mirach.server.node;

import io.mirach.model.ClusterImage;
import io.mirach.protocol.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the newest cluster map on disk, so that a node that starts knows the others and its groups
 * before it has heard from anyone. Only a hint: not synced, and left out if it cannot be read.
 */
final class MapCache {
    private static final Logger LOG = LoggerFactory.getLogger(MapCache.class);
    private static final String FILE = "cluster-map.json";
    private static final long WRITE_PAUSE_MS = 500;

    private final Path file;
    private final ScheduledExecutorService thread;
    private final AtomicReference<ClusterImage> unwritten = new AtomicReference<>();

    /**
     * @param thread where the file is written; may block on the disk
     */
    MapCache(NodeDir dir, ScheduledExecutorService thread) {
        this.file = dir.path().resolve(FILE);
        this.thread = thread;
    }

    Optional<ClusterImage> read(UUID clusterId) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            ClusterImage image =
                    Json.mapper().readValue(Files.readAllBytes(file), ClusterImage.class);
            return Optional.ofNullable(image).filter(i -> i.clusterId().equals(clusterId));
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} cannot be read and is left out: {}", file, e.getMessage());
            return Optional.empty();
        }
    }

    /** Writes soon; of maps that follow each other quickly only the last. */
    void keep(ClusterImage image) {
        if (image.version() > 0 && unwritten.getAndSet(image) == null) {
            try {
                thread.schedule(this::write, WRITE_PAUSE_MS, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException stopping) {
                LOG.debug("map version {} comes at the end", image.version());
            }
        }
    }

    private void write() {
        ClusterImage image = unwritten.getAndSet(null);
        try {
            Path fresh = file.resolveSibling(FILE + ".new");
            Files.write(fresh, Json.mapper().writeValueAsBytes(image));
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            LOG.warn("cannot keep the cluster map in {}: {}", file, e.toString());
        }
    }
}
