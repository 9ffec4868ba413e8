package io.mirach.server.store;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Hashes a placement group's state, as {@link StateExport} brings it, with SHA-256: keys and values
 * with their lengths, in the stream's order. Where pages end makes no difference, nor how a replica
 * keeps its files; its position and its own records are not in the stream. So replicas that hold
 * the same at the same log position have the same digest. Confined to one thread.
 */
public final class StateDigest {
    private final MessageDigest sha256;
    private long blocks;
    private long bytes;

    public StateDigest() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** Adds the next page; borrows its entries. */
    public void add(StatePage page) {
        ByteBuf entries = page.entries();
        bytes += entries.readableBytes();
        for (ByteBuffer part : entries.nioBuffers()) {
            sha256.update(part);
        }
        int at = entries.readerIndex();
        while (at < entries.writerIndex()) {
            int keyBytes = entries.getUnsignedByte(at);
            int valueBytes = entries.getUnsignedShort(at + 1);
            if (keyBytes == ChunkKeys.BLOCK_KEY_BYTES) {
                blocks++;
            }
            at += StatePage.ENTRY_HEADER_BYTES + keyBytes + valueBytes;
        }
    }

    /** Blocks and markers so far. */
    public long blocks() {
        return blocks;
    }

    /** Bytes hashed so far. */
    public long bytes() {
        return bytes;
    }

    /** The digest in hex; nothing can be added afterwards. */
    public String end() {
        return HexFormat.of().formatHex(sha256.digest());
    }
}
