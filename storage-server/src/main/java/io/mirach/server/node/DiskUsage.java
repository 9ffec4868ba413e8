package io.mirach.server.node;

import io.mirach.server.cluster.NodeHeartbeat.DirUsage;
import io.mirach.server.store.Room;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Measures room and speed of this node's data dirs, now and then. Thread-safe. */
final class DiskUsage {
    private static final Logger LOG = LoggerFactory.getLogger(DiskUsage.class);

    private final List<NodeDir> dirs;
    private final Function<UUID, Room> room;
    private final Function<UUID, Duration> syncTime;
    private volatile List<DirUsage> latest = List.of();
    // Confined to the thread that measures.
    private final Map<UUID, Long> usedBytes = new HashMap<>();

    /**
     * @param room what the store of a data dir makes of it
     * @param syncTime how long an fsync takes there
     */
    DiskUsage(List<NodeDir> dirs, Function<UUID, Room> room, Function<UUID, Duration> syncTime) {
        this.dirs = List.copyOf(dirs);
        this.room = room;
        this.syncTime = syncTime;
    }

    /** The last measurement. */
    List<DirUsage> latest() {
        return latest;
    }

    /**
     * Measures; it blocks.
     *
     * @param foldersToo whether to add up the sizes of all files anew, which takes longer than the
     *     rest
     */
    void measure(boolean foldersToo) {
        List<DirUsage> measured = new ArrayList<>();
        for (NodeDir dir : dirs) {
            try {
                FileStore store = Files.getFileStore(dir.path());
                UUID id = dir.identity().orElseThrow().dirId();
                if (foldersToo || !usedBytes.containsKey(id)) {
                    // A data dir may be a link to where its disk is mounted.
                    usedBytes.put(id, usedBytes(dir.path().toRealPath()));
                }
                measured.add(
                        new DirUsage(
                                id,
                                dir.path().toString(),
                                store.getTotalSpace(),
                                usedBytes.get(id),
                                store.getUsableSpace(),
                                room.apply(id),
                                syncTime.apply(id).toMillis()));
            } catch (IOException e) {
                LOG.warn("cannot measure {}: {}", dir.path(), e.toString());
            }
        }
        latest = List.copyOf(measured);
    }

    private static long usedBytes(Path root) throws IOException {
        long[] total = {0};
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        total[0] += attributes.size();
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e) {
                        // Files come and go while the store works.
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path dir, IOException e) {
                        return FileVisitResult.CONTINUE;
                    }
                });
        return total[0];
    }
}
