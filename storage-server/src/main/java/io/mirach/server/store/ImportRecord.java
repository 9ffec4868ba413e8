package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Optional;

/**
 * How far an import is.
 *
 * <pre>
 * u8  format (1)
 * u64 since
 * u64 lowest
 * u64 term, u64 index of the source; index -1 for none
 * u8  flags: bit 0: whole, bit 1: mixed
 * u8  length of next, next
 * </pre>
 *
 * @param since the rounds that ended have brought every change up to this entry; -1 for nothing
 * @param lowest the lowest position that the round under way was read at; -1 if none is under way
 * @param source the newest position that it was read at
 * @param isWhole whether the last round has ended, and all of it was read at {@code source}
 * @param mixed whether the round under way was read at several positions
 * @param next where the round goes on; empty at its beginning
 */
record ImportRecord(
        long since, long lowest, LogPosition source, boolean isWhole, boolean mixed, byte[] next) {
    static final ImportRecord NEW =
            new ImportRecord(-1, -1, LogPosition.NONE, false, false, new byte[0]);
    private static final int FORMAT = 1;

    Optional<LogPosition> whole() {
        return isWhole ? Optional.of(source) : Optional.empty();
    }

    ImportRecord from(LogPosition position) {
        boolean begins = next.length == 0;
        // The states of all replicas at one index are equal, whichever of them it is read from.
        return new ImportRecord(
                since,
                begins ? position.index() : Math.min(lowest, position.index()),
                position,
                false,
                !begins && (mixed || position.index() != source.index()),
                next);
    }

    ImportRecord at(byte[] nextKey) {
        return new ImportRecord(since, lowest, source, false, mixed, nextKey);
    }

    ImportRecord ended() {
        return new ImportRecord(lowest, -1, source, !mixed, false, new byte[0]);
    }

    byte[] encode() {
        ByteBuf out = Unpooled.buffer();
        out.writeByte(FORMAT)
                .writeLong(since)
                .writeLong(lowest)
                .writeLong(source.term())
                .writeLong(source.index())
                .writeByte((isWhole ? 1 : 0) | (mixed ? 2 : 0))
                .writeByte(next.length)
                .writeBytes(next);
        byte[] encoded = new byte[out.readableBytes()];
        out.readBytes(encoded);
        return encoded;
    }

    static ImportRecord decode(ByteBuf in) {
        return RecordFormat.decode(
                "import",
                in,
                FORMAT,
                body -> {
                    long since = body.readLong();
                    long lowest = body.readLong();
                    LogPosition source = new LogPosition(body.readLong(), body.readLong());
                    int flags = body.readUnsignedByte();
                    byte[] next = new byte[body.readUnsignedByte()];
                    body.readBytes(next);
                    return new ImportRecord(
                            since, lowest, source, (flags & 1) != 0, (flags & 2) != 0, next);
                });
    }
}
