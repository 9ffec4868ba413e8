package io.mirach.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A new folder under {@code java.io.tmpdir}, removed with all that is in it. */
final class TemporaryFolder implements AutoCloseable {
    private final Path path;

    TemporaryFolder(String purpose) throws IOException {
        path = Files.createTempDirectory("mirach-bench-" + purpose + "-");
    }

    Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        List<Path> deepestFirst;
        try (Stream<Path> all = Files.walk(path)) {
            deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : deepestFirst) {
            Files.delete(each);
        }
    }
}
