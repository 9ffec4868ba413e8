package io.mirach.server.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.rocksdb.RocksDB;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads RocksDB's native library, once. It comes out of the jar into a temporary file of 17 MB,
 * which only an orderly end of the process would remove: here it goes as soon as it is mapped, so
 * that no kill leaves one behind. Thread-safe.
 */
final class RocksLibrary {
    private static final Logger LOG = LoggerFactory.getLogger(RocksLibrary.class);
    private static final Path MAPPINGS = Path.of("/proc/self/maps");
    private static final String NAME = "librocksdbjni";

    private RocksLibrary() {}

    static synchronized void load() {
        RocksDB.loadLibrary();
        removeFile();
    }

    private static void removeFile() {
        if (!Files.isReadable(MAPPINGS)) {
            return; // Not on Linux: RocksDB removes it at the end.
        }
        try (Stream<String> mappings = Files.lines(MAPPINGS)) {
            Path temporary = Path.of(System.getProperty("java.io.tmpdir")).toRealPath();
            mappings.filter(line -> line.indexOf('/') >= 0)
                    .map(line -> Path.of(line.substring(line.indexOf('/'))))
                    .filter(file -> file.startsWith(temporary))
                    .filter(file -> file.getFileName().toString().startsWith(NAME))
                    .distinct()
                    .forEach(RocksLibrary::remove);
        } catch (IOException e) {
            LOG.debug("The temporary file of RocksDB's library stays until the end", e);
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("{} stays until the end", file, e);
        }
    }
}
