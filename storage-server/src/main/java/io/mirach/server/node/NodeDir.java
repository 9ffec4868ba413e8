package io.mirach.server.node;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A data dir of this node, locked against other processes while it is open:
 *
 * <pre>
 * mirach-dir.json    who it is; missing until the node is initialised
 * lock
 * raft/              logs
 * store/             RocksDB
 * </pre>
 */
public final class NodeDir implements AutoCloseable {
    private static final String IDENTITY_FILE = "mirach-dir.json";
    private static final String LOCK_FILE = "lock";

    private final Path path;
    private final FileChannel lock;
    private volatile Optional<DirIdentity> identity;

    private NodeDir(Path path, FileChannel lock, Optional<DirIdentity> identity) {
        this.path = path;
        this.lock = lock;
        this.identity = identity;
    }

    /**
     * Opens a data dir, making the folder if it is missing. Fails with INVALID_CONFIG or CONFLICT
     * and says why.
     */
    static NodeDir open(Path path, String nodeName) {
        try {
            Files.createDirectories(path);
            FileChannel lock = lock(path);
            try {
                return new NodeDir(path, lock, readIdentity(path, nodeName));
            } catch (IOException | RuntimeException e) {
                lock.close();
                throw e;
            }
        } catch (IOException e) {
            throw unusable(path, e);
        }
    }

    private static FileChannel lock(Path path) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        path.resolve(LOCK_FILE),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        FileLock held = null;
        try {
            held = channel.tryLock();
        } catch (OverlappingFileLockException heldByThisProcess) {
            held = null;
        } finally {
            if (held == null) {
                channel.close();
            }
        }
        if (held == null) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "data dir " + path + " is in use by another process")
                    .withRemedy("stop that node, or name another folder under data-dirs");
        }
        return channel;
    }

    private static Optional<DirIdentity> readIdentity(Path path, String nodeName)
            throws IOException {
        Path file = path.resolve(IDENTITY_FILE);
        if (!Files.exists(file)) {
            requireNothingElse(path);
            return Optional.empty();
        }
        DirIdentity read;
        try {
            JsonNode tree = Json.mapper().readTree(Files.readAllBytes(file));
            if (tree.path("format").asInt() != DirIdentity.FORMAT) {
                throw new MirachException(
                        ErrorCode.UNSUPPORTED_VERSION,
                        file
                                + " has format "
                                + tree.path("format")
                                + "; this build reads format "
                                + DirIdentity.FORMAT);
            }
            read = Json.mapper().treeToValue(tree, DirIdentity.class);
        } catch (JsonProcessingException e) {
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG, file + " is damaged: " + e.getOriginalMessage(), e);
        }
        if (!read.node().equals(nodeName)) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "data dir "
                                    + path
                                    + " belongs to node '"
                                    + read.node()
                                    + "', and this one is '"
                                    + nodeName
                                    + "'")
                    .withRemedy("correct name or data-dirs in the configuration");
        }
        return Optional.of(read);
    }

    /** Data without an identity must never be taken for a new, empty dir. */
    private static void requireNothingElse(Path path) throws IOException {
        for (String part : List.of("raft", "store")) {
            Path folder = path.resolve(part);
            if (Files.isDirectory(folder)) {
                try (Stream<Path> files = Files.list(folder)) {
                    if (files.findAny().isPresent()) {
                        throw new MirachException(
                                        ErrorCode.CONFLICT,
                                        "data dir " + path + " holds data but no " + IDENTITY_FILE)
                                .withRemedy("name an empty folder under data-dirs");
                    }
                }
            }
        }
    }

    Path path() {
        return path;
    }

    Path raftPath() {
        return path.resolve("raft");
    }

    Path storePath() {
        return path.resolve("store");
    }

    Optional<DirIdentity> identity() {
        return identity;
    }

    /** Makes the dir a member of a cluster, durably. */
    void initialise(DirIdentity given) {
        try {
            writeDurably(IDENTITY_FILE, Json.mapper().writeValueAsBytes(given));
            identity = Optional.of(given);
        } catch (IOException e) {
            throw unusable(path, e);
        }
    }

    /** Replaces a small file as a whole. */
    void writeDurably(String name, byte[] content) throws IOException {
        DurableFiles.replace(path.resolve(name), content);
    }

    Optional<byte[]> read(String name) throws IOException {
        Path file = path.resolve(name);
        return Files.exists(file) ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
    }

    void delete(String name) throws IOException {
        Files.deleteIfExists(path.resolve(name));
        DurableFiles.sync(path);
    }

    private static MirachException unusable(Path path, IOException e) {
        return new MirachException(
                        ErrorCode.INVALID_CONFIG,
                        "cannot use data dir "
                                + path
                                + ": "
                                + e.getClass().getSimpleName()
                                + ": "
                                + e.getMessage(),
                        e)
                .withRemedy("name a folder that this user may write under data-dirs");
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw unusable(path, e);
        }
    }
}
