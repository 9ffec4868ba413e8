package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replicas whose log cannot be trusted, set aside as {@code lost-GROUP-TIME} with a file that says
 * why. As long as such a directory is there and no new replica, the group is lost here: nothing
 * starts it, and nothing creates it under its old vote.
 */
final class LostReplicas {
    static final String REASON_FILE = "reason.txt";
    private static final String LOST = "lost-";
    private static final String REPLACED = "replaced-";
    private static final String UUID_PATTERN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    private static final Pattern NAME = Pattern.compile(LOST + "(" + UUID_PATTERN + ")-.*");
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

    private LostReplicas() {}

    /** Sets a replica's directory aside. Blocks. */
    static Path setAside(Path storageDir, UUID group, String reason, Instant now)
            throws IOException {
        Path directory = storageDir.resolve(group.toString());
        // There is none if it has vanished.
        Files.createDirectories(directory);
        DurableFiles.replace(
                directory.resolve(REASON_FILE), (reason + "\n").getBytes(StandardCharsets.UTF_8));
        Path lost = storageDir.resolve(LOST + group + "-" + TIME.format(now));
        DurableFiles.rename(directory, lost);
        return lost;
    }

    /** The groups that are lost in {@code storageDir}, and why. */
    static Map<UUID, String> list(Path storageDir) throws IOException {
        Map<UUID, String> found = new TreeMap<>();
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(storageDir, LOST + "*")) {
            for (Path directory : directories) {
                Matcher name = NAME.matcher(directory.getFileName().toString());
                if (name.matches()) {
                    found.put(UUID.fromString(name.group(1)), reason(directory));
                }
            }
        }
        for (UUID group : Map.copyOf(found).keySet()) {
            if (Files.exists(storageDir.resolve(group.toString()))) {
                replaced(storageDir, group); // It was, and its process died before it said so.
                found.remove(group);
            }
        }
        return found;
    }

    static String reason(Path directory) throws IOException {
        Path file = directory.resolve(REASON_FILE);
        return Files.exists(file)
                ? Files.readString(file).strip()
                : "set aside in " + directory.getFileName();
    }

    /** What is set aside of a group that is lost here; the newest, should there be several. */
    static Optional<Path> current(Path storageDir, UUID group) throws IOException {
        return directories(storageDir, LOST + group).stream()
                .max(Comparator.comparing(Path::getFileName));
    }

    /** A new replica is there: the group is lost no more. What was set aside stays. */
    static void replaced(Path storageDir, UUID group) throws IOException {
        for (Path directory : directories(storageDir, LOST + group)) {
            String name = directory.getFileName().toString().substring(LOST.length());
            DurableFiles.rename(directory, storageDir.resolve(REPLACED + name));
        }
    }

    /** All that was set aside of a group, now or earlier. */
    static List<Path> of(Path storageDir, UUID group) throws IOException {
        List<Path> all = new ArrayList<>(directories(storageDir, LOST + group));
        all.addAll(directories(storageDir, REPLACED + group));
        return all;
    }

    private static List<Path> directories(Path storageDir, String name) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> directories =
                Files.newDirectoryStream(storageDir, name + "-*")) {
            directories.forEach(found::add);
        }
        return found;
    }
}
