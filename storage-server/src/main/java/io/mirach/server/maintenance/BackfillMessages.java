package io.mirach.server.maintenance;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.LogPosition;
import io.mirach.server.store.StatePage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Objects;
import java.util.UUID;
import java.util.zip.CRC32C;

/** What a replica that is brought up and its source say to each other. */
final class BackfillMessages {
    private static final int PAGE_FORMAT = 1;
    private static final int MAX_KEY_BYTES = 255;

    private BackfillMessages() {}

    /**
     * BACKFILL_OPEN: hold a group's state as it is now. Answered with {@link Opened}.
     *
     * @param source the data dir of the receiver that leads the group
     * @param replica the data dir that is brought up
     * @param since extents that changed after this entry are wanted; -1 for all
     */
    record Open(UUID source, UUID raftGroupId, UUID replica, long since) {
        Open {
            Objects.requireNonNull(source, "source");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            Objects.requireNonNull(replica, "replica");
        }
    }

    /**
     * @param blocks how many blocks are to come
     */
    record Opened(long session, LogPosition position, long blocks) {
        Opened {
            Objects.requireNonNull(position, "position");
        }
    }

    /** BACKFILL_READ: the next page. Answered with a page. */
    record Read(long session, byte[] from) {
        Read {
            Objects.requireNonNull(from, "from");
        }
    }

    /** BACKFILL_CLOSE: nothing more is read. Answered with nothing. */
    record Close(long session) {}

    /**
     * A page as a body, which the caller owns; takes ownership of the page's entries.
     *
     * <pre>
     * u8  format (1)
     * u8  length of the next key, next key
     * u32 CRC32C of the entries
     * entries, see {@link StatePage}
     * </pre>
     */
    static ByteBuf encode(StatePage page, ByteBufAllocator allocator) {
        ByteBuf header = allocator.directBuffer(2 + page.next().length + Integer.BYTES);
        header.writeByte(PAGE_FORMAT)
                .writeByte(page.next().length)
                .writeBytes(page.next())
                .writeInt(crc(page.entries()));
        return allocator.compositeDirectBuffer(2).addComponents(true, header, page.entries());
    }

    /** Bytes of the body that are no entries, at most. */
    static int pageOverheadBytes() {
        return 2 + MAX_KEY_BYTES + Integer.BYTES;
    }

    /** Reads a page; takes ownership of the body, and gives it to the page. */
    static StatePage decode(ByteBuf body) {
        try {
            int format = body.readUnsignedByte();
            if (format != PAGE_FORMAT) {
                throw new MirachException(
                        ErrorCode.UNSUPPORTED_VERSION, "backfill page of format " + format);
            }
            byte[] next = new byte[body.readUnsignedByte()];
            body.readBytes(next);
            if (body.readInt() != crc(body)) {
                throw new MirachException(
                        ErrorCode.CHECKSUM_MISMATCH, "a backfill page was damaged on its way");
            }
            return new StatePage(next, body);
        } catch (IndexOutOfBoundsException e) {
            body.release();
            throw new MirachException(ErrorCode.MALFORMED, "not a backfill page", e);
        } catch (MirachException e) {
            body.release();
            throw e;
        }
    }

    /** CRC32C of what is readable. */
    static int crc(ByteBuf bytes) {
        CRC32C crc = new CRC32C();
        for (var part : bytes.nioBuffers()) {
            crc.update(part);
        }
        return (int) crc.getValue();
    }
}
