package io.mirach.ops.dev;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.admin.NodeSummary;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The folder of a dev cluster: what lies where. Its settings file marks it as one. */
final class DevFolder {
    /** Linux's limit on the path of a unix socket, without the closing zero. */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    /** All that a dev cluster puts here; {@link #clear} removes nothing else. */
    private static final Pattern OWN_FILES =
            Pattern.compile(
                    "(node-[0-9]+|gateway)(\\.(pid|log|yaml))?|nbd\\.sock|endpoint"
                            + "|dev\\.yaml|[a-z0-9.-]+\\.new|hs_err_pid[0-9]+\\.log");

    private static final YAMLMapper YAML =
            YAMLMapper.builder().disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).build();

    private final Path folder;

    DevFolder(Path folder) {
        this.folder = folder.toAbsolutePath().normalize();
    }

    Path path() {
        return folder;
    }

    Path socket() {
        return folder.resolve("nbd.sock");
    }

    Path endpointFile() {
        return folder.resolve("endpoint");
    }

    private Path settingsFile() {
        return folder.resolve("dev.yaml");
    }

    private Path lockFile() {
        return folder.resolve(".lock");
    }

    /** The settings of the cluster that lies here, if one does. */
    Optional<DevSettings> settings() {
        if (!Files.exists(settingsFile())) {
            return Optional.empty();
        }
        try {
            return Optional.of(YAML.readValue(settingsFile().toFile(), DevSettings.class));
        } catch (IOException e) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "cannot read " + settingsFile() + ": " + e.getMessage(),
                            e)
                    .withRemedy("if nothing in " + folder + " is needed, delete that folder");
        }
    }

    /** Makes the folder a dev cluster's. Refuses one that holds somebody's files. */
    void create(DevSettings settings) {
        int socketPathBytes = socket().toString().getBytes(StandardCharsets.UTF_8).length;
        if (socketPathBytes > MAX_SOCKET_PATH_BYTES) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "the path of "
                                    + socket()
                                    + " has "
                                    + socketPathBytes
                                    + " bytes, and a unix socket's may have "
                                    + MAX_SOCKET_PATH_BYTES)
                    .withRemedy("choose a shorter --data DIR");
        }
        try {
            Files.createDirectories(folder);
            try (Stream<Path> files = Files.list(folder)) {
                Optional<Path> foreign =
                        files.filter(f -> !f.equals(lockFile())).filter(f -> !isOwn(f)).findFirst();
                if (foreign.isPresent()) {
                    throw new MirachException(
                                    ErrorCode.CONFLICT,
                                    folder
                                            + " is no dev cluster's folder: it holds "
                                            + foreign.get().getFileName())
                            .withRemedy("choose an empty or a new folder with --data DIR");
                }
            }
            writeYaml("dev.yaml", settings);
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private static boolean isOwn(Path file) {
        return OWN_FILES.matcher(file.getFileName().toString()).matches();
    }

    MirachException unusable(IOException e) {
        return new MirachException(
                        ErrorCode.INVALID_CONFIG, "cannot use " + folder + ": " + reason(e), e)
                .withRemedy("choose a folder that you may write with --data DIR");
    }

    private static String reason(IOException e) {
        return e.getClass().getSimpleName() + ": " + e.getMessage();
    }

    /**
     * Takes the sign away by which other commands find the cluster; it is written at each start.
     */
    void removeEndpointFile() {
        try {
            Files.deleteIfExists(endpointFile());
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    /**
     * @param devCommand how the user names this cluster, e.g. {@code mirach dev}
     * @param launcher what {@code mirach} is, wherever it is called from
     */
    void writeConfigs(DevSettings settings, String devCommand, Path launcher) {
        try {
            for (int node = 1; node <= settings.nodes(); node++) {
                Map<String, Object> config = new LinkedHashMap<>();
                config.put("name", "node-" + node);
                config.put("data-dirs", List.of(folder.resolve("node-" + node).toString()));
                config.put("native-address", settings.nativeAddress(node));
                config.put("http-address", settings.httpAddress(node));
                config.put("raft-address", settings.raftAddress(node));
                config.put("zone", "dev");
                config.put("rack", "rack-" + node);
                // 'mirach status' shows the one when the node is down, 'mirach node restart' runs
                // the other.
                config.put(
                        "labels",
                        Map.of(
                                NodeSummary.START_COMMAND_LABEL,
                                devCommand + " node start " + node,
                                NodeSummary.RESTART_COMMAND_LABEL,
                                "'%s' dev --data '%s' node restart %d"
                                        .formatted(launcher, folder, node)));
                writeYaml("node-" + node + ".yaml", config);
            }
            Map<String, Object> gateway = new LinkedHashMap<>();
            gateway.put("name", "dev-gateway");
            gateway.put("endpoints", settings.httpAddresses());
            gateway.put("listen", List.of("tcp://" + settings.nbdAddress(), "unix://" + socket()));
            gateway.put("state-dir", folder.resolve("gateway").toString());
            gateway.put("auto-attach", true);
            writeYaml("gateway.yaml", gateway);
            write("endpoint", settings.endpoints() + "\n");
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private void writeYaml(String name, Object content) throws IOException {
        try {
            write(name, YAML.writeValueAsString(content));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + content, e);
        }
    }

    /** By renaming, so that a reader never sees half a file. */
    private void write(String name, String content) throws IOException {
        Path fresh = folder.resolve(name + ".new");
        Files.writeString(fresh, content);
        try {
            Files.move(fresh, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(fresh, folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Removes the cluster with all its volumes; what else lies in the folder stays. */
    void clear() {
        if (!Files.exists(settingsFile())) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            // The mark goes last: a removal that was interrupted can be repeated.
            List<Path> own =
                    files.filter(DevFolder::isOwn)
                            .sorted(Comparator.comparing(f -> f.equals(settingsFile())))
                            .toList();
            for (Path file : own) {
                deleteTree(file);
            }
        } catch (IOException e) {
            throw unusable(e);
        } catch (UncheckedIOException e) {
            throw unusable(e.getCause());
        }
    }

    private static void deleteTree(Path root) throws IOException {
        try (Stream<Path> tree = Files.walk(root)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /**
     * Keeps other {@code mirach dev} commands from changing the same cluster at the same time.
     * CONFLICT if one does. Released by closing, or with the process.
     */
    FileChannel lock() {
        try {
            Files.createDirectories(folder);
            FileChannel channel =
                    FileChannel.open(
                            lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            Optional<FileLock> lock = tryLock(channel);
            if (lock.isEmpty()) {
                channel.close();
                throw new MirachException(
                                ErrorCode.CONFLICT,
                                "another 'mirach dev' starts or stops the cluster in " + folder)
                        .withRemedy("wait until it is done");
            }
            return channel;
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private static Optional<FileLock> tryLock(FileChannel channel) throws IOException {
        try {
            return Optional.ofNullable(channel.tryLock());
        } catch (OverlappingFileLockException e) {
            return Optional.empty();
        }
    }
}
