package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;

/**
 * Deletes the logs of removed groups. A log is renamed before it is deleted: half a log, left by a
 * process that died while deleting, would look like a lost replica.
 */
final class RemovedGroups {
    private static final String PREFIX = "removed-";

    /** Begins the name of a replica that is being made. */
    static final String NEW = "new-";

    private RemovedGroups() {}

    /** Deletes the directory of a replica that Ratis no longer uses, if it is there. */
    static void delete(Path storageDir, Path replica) throws IOException {
        if (Files.exists(replica)) {
            Path removed =
                    storageDir.resolve(PREFIX + replica.getFileName() + "-" + UUID.randomUUID());
            DurableFiles.rename(replica, removed);
            deleteAll(removed);
        }
    }

    /** Deletes what an earlier process had no time to, or had only begun to make. */
    static void sweep(Path storageDir) throws IOException {
        try (DirectoryStream<Path> left =
                Files.newDirectoryStream(storageDir, "{" + PREFIX + "," + NEW + "}*")) {
            for (Path removed : left) {
                deleteAll(removed);
            }
        }
    }

    private static void deleteAll(Path directory) throws IOException {
        Files.walkFileTree(
                directory,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path visited, IOException failure)
                            throws IOException {
                        if (failure != null) {
                            throw failure;
                        }
                        Files.delete(visited);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }
}
