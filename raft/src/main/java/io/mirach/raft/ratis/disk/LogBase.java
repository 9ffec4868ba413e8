package io.mirach.raft.ratis.disk;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Where the log of a replica began that was made anew beside the state that it had. */
final class LogBase {
    private static final String FILE_NAME = "log-base";

    private LogBase() {}

    static void write(Path current, long index) throws IOException {
        DurableFiles.replace(
                current.resolve(FILE_NAME),
                Long.toString(index).getBytes(StandardCharsets.US_ASCII));
        CheckedCopy.update(current.resolve(FILE_NAME));
    }

    /** The index; -1 if the log begins where the group's does. */
    static long read(Path current) throws IOException {
        Path file = current.resolve(FILE_NAME);
        // Only the copy has a checksum: what is damaged must not excuse a log that ends early.
        return CheckedCopy.read(file)
                .map(bytes -> Long.parseLong(new String(bytes, StandardCharsets.US_ASCII)))
                .orElse(-1L);
    }
}
