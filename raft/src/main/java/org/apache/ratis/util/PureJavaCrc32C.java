package org.apache.ratis.util;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/**
 * Stands before Ratis's class of this name, which computes CRC32C from tables: the JDK's uses the
 * processor's instruction. The log's checksums are the same, so it is only slower where Ratis's own
 * is found first on the class path. Not thread-safe.
 *
 * <p>The name is Ratis's because it leaves no other way to choose the checksum: measured, the
 * tables took 6 % of a node's CPU at sequential writes.
 */
public class PureJavaCrc32C implements Checksum {
    private final CRC32C crc = new CRC32C();

    @Override
    public void update(int b) {
        crc.update(b);
    }

    @Override
    public void update(byte[] bytes, int offset, int length) {
        crc.update(bytes, offset, length);
    }

    /** Takes what remains in {@code buffer}; unlike in the JDK, its position stays. */
    @Override
    public void update(ByteBuffer buffer) {
        crc.update(buffer.duplicate());
    }

    @Override
    public long getValue() {
        return crc.getValue();
    }

    @Override
    public void reset() {
        crc.reset();
    }
}
