package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A copy with a checksum of a small file that Ratis writes without one: beside it, as {@code
 * NAME.copy}: the CRC32C, big-endian, and the content.
 */
public final class CheckedCopy {
    private static final String SUFFIX = ".copy";

    private CheckedCopy() {}

    /** Copies {@code original}, durably; syncs the directory also if nothing changed. Blocks. */
    public static void update(Path original) throws IOException {
        byte[] content = Files.readAllBytes(original);
        Path copy = path(original);
        byte[] bytes =
                ByteBuffer.allocate(Integer.BYTES + content.length)
                        .putInt(checksum(content))
                        .put(content)
                        .array();
        if (Files.exists(copy) && Arrays.equals(Files.readAllBytes(copy), bytes)) {
            DurableFiles.sync(original.toAbsolutePath().getParent());
        } else {
            DurableFiles.replace(copy, bytes);
        }
    }

    /** What the copy holds; empty if there is none, or it is damaged. */
    static Optional<byte[]> read(Path original) throws IOException {
        Path copy = path(original);
        if (!Files.exists(copy)) {
            return Optional.empty();
        }
        byte[] bytes = Files.readAllBytes(copy);
        if (bytes.length < Integer.BYTES) {
            return Optional.empty();
        }
        byte[] content = Arrays.copyOfRange(bytes, Integer.BYTES, bytes.length);
        boolean intact = ByteBuffer.wrap(bytes).getInt() == checksum(content);
        return intact ? Optional.of(content) : Optional.empty();
    }

    static Path path(Path original) {
        return original.resolveSibling(original.getFileName() + SUFFIX);
    }

    private static int checksum(byte[] content) {
        CRC32C checksum = new CRC32C();
        checksum.update(content);
        return (int) checksum.getValue();
    }
}
