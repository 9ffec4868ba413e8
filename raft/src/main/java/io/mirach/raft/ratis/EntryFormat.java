package io.mirach.raft.ratis;

import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;

/**
 * The bytes of one Raft entry: a batch of commands.
 *
 * <pre>
 * u8  format version (1)
 * u32 number of commands, big-endian
 * per command: u32 length, big-endian; the command's bytes
 * </pre>
 *
 * The entry carries no checksum: Ratis's log adds one per entry, and commands bring their own.
 */
final class EntryFormat {
    static final byte VERSION = 1;
    static final int HEADER_BYTES = 1 + 4;
    static final int COMMAND_OVERHEAD_BYTES = 4;

    private EntryFormat() {}

    /** Bytes that a command of {@code commandBytes} takes within an entry. */
    static int encodedBytes(int commandBytes) {
        return COMMAND_OVERHEAD_BYTES + commandBytes;
    }

    /**
     * Copies the readable bytes of {@code commands} into {@code entry}; this is the payload's one
     * copy. The commands are borrowed and their indices stay as they are.
     */
    static void encode(List<ByteBuf> commands, byte[] entry) {
        entry[0] = VERSION;
        putInt(entry, 1, commands.size());
        int at = HEADER_BYTES;
        for (ByteBuf command : commands) {
            int length = command.readableBytes();
            putInt(entry, at, length);
            at += COMMAND_OVERHEAD_BYTES;
            command.getBytes(command.readerIndex(), entry, at, length);
            at += length;
        }
        if (at != entry.length) {
            throw new IllegalArgumentException("entry of " + entry.length + " bytes, filled " + at);
        }
    }

    /**
     * The commands of an entry, as slices of {@code entry} that share its reference count.
     *
     * @throws IllegalStateException if the bytes are not an entry that this version can read: a
     *     replica must stop rather than skip it
     */
    static List<ByteBuf> decode(ByteBuf entry) {
        if (entry.readableBytes() < HEADER_BYTES) {
            throw new IllegalStateException("entry too short: " + entry.readableBytes() + " bytes");
        }
        byte version = entry.readByte();
        if (version != VERSION) {
            throw new IllegalStateException("unknown entry format version " + version);
        }
        int count = entry.readInt();
        if (count < 0 || count > entry.readableBytes() / COMMAND_OVERHEAD_BYTES) {
            throw new IllegalStateException(
                    "entry announces " + (count & 0xffffffffL) + " commands");
        }
        List<ByteBuf> commands = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            if (entry.readableBytes() < COMMAND_OVERHEAD_BYTES) {
                throw new IllegalStateException("entry ends before the length of command " + i);
            }
            int length = entry.readInt();
            if (length < 0 || length > entry.readableBytes()) {
                throw new IllegalStateException(
                        "command " + i + " announces " + (length & 0xffffffffL) + " bytes");
            }
            commands.add(entry.readSlice(length));
        }
        if (entry.isReadable()) {
            throw new IllegalStateException(
                    "entry has " + entry.readableBytes() + " bytes too many");
        }
        return commands;
    }

    private static void putInt(byte[] to, int at, int value) {
        to[at] = (byte) (value >>> 24);
        to[at + 1] = (byte) (value >>> 16);
        to[at + 2] = (byte) (value >>> 8);
        to[at + 3] = (byte) value;
    }
}
