package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * How far one replica has applied its log: a number in a file of its own, beside the replica's
 * directory. What is applied had been flushed to this replica's log, so a log that ends before the
 * mark has lost entries. The state machine's durable position says the same, but as of its last
 * checkpoint. That the file is there says that the replica was created: a log that has vanished is
 * not taken for one that never was.
 *
 * <p>The file is mapped into memory: a store per entry costs nothing, and the number survives the
 * process. After a power cut it may be older, by as long as the kernel keeps changed pages.
 *
 * <p>{@link #raise} is called by one thread at a time.
 */
public final class AppliedMark {
    static final String PREFIX = "applied-";
    private static final int BYTES = Long.BYTES;
    private static final int CHECK_BITS = 16;

    private final MappedByteBuffer file;
    private long index;

    private AppliedMark(MappedByteBuffer file, long index) {
        this.file = file;
        this.index = index;
    }

    private static Path path(Path storageDir, UUID group) {
        return storageDir.resolve(PREFIX + group);
    }

    /** Opens the mark of a replica, and creates it if it is not there. Blocks. */
    public static AppliedMark open(Path storageDir, UUID group) throws IOException {
        Path path = path(storageDir, group);
        OptionalLong stored = read(storageDir, group);
        if (stored.isEmpty()) {
            // Also in the place of one that is damaged.
            set(storageDir, group, -1);
        }
        try (FileChannel channel =
                FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer file = channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES);
            return new AppliedMark(file, stored.orElse(-1));
        }
    }

    /** Sets the mark of a replica that is not open. Blocks. */
    static void set(Path storageDir, UUID group, long index) throws IOException {
        byte[] bytes = ByteBuffer.allocate(BYTES).putLong(encode(index)).array();
        DurableFiles.replace(path(storageDir, group), bytes);
    }

    /** Notes that everything up to {@code appliedIndex} is applied. */
    public void raise(long appliedIndex) {
        if (appliedIndex > index) {
            index = appliedIndex;
            file.putLong(0, encode(appliedIndex));
        }
    }

    static boolean exists(Path storageDir, UUID group) {
        return Files.exists(path(storageDir, group));
    }

    /** The mark of a replica; empty if there is none that can be relied on. */
    static OptionalLong read(Path storageDir, UUID group) throws IOException {
        if (!exists(storageDir, group)) {
            return OptionalLong.empty();
        }
        byte[] bytes = Files.readAllBytes(path(storageDir, group));
        if (bytes.length != BYTES) {
            return OptionalLong.empty();
        }
        long stored = ByteBuffer.wrap(bytes).getLong();
        long index = (stored >>> CHECK_BITS) - 1;
        return encode(index) == stored ? OptionalLong.of(index) : OptionalLong.empty();
    }

    /** The replica is to be there no more. */
    public static void delete(Path storageDir, UUID group) throws IOException {
        if (Files.deleteIfExists(path(storageDir, group))) {
            DurableFiles.sync(storageDir);
        }
    }

    /** Index and check in one number, so that a single store changes both. */
    private static long encode(long index) {
        long number = index + 1;
        long mixed = number * 0x9E3779B97F4A7C15L;
        return number << CHECK_BITS | mixed >>> (Long.SIZE - CHECK_BITS);
    }
}
