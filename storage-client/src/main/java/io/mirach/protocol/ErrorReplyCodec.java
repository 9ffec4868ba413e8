package io.mirach.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;

/**
 * The body of a reply whose error is not OK:
 *
 * <pre>
 * u8  format (1)
 * u8  flags: bit 0: a leader hint follows
 * u64 u64  leader hint, the UUID of a data dir (only if flagged)
 * u16 n, n bytes UTF-8   detail, for people
 * u16 n, n bytes UTF-8   remedy, for people
 * </pre>
 */
public final class ErrorReplyCodec {
    private static final int FORMAT = 1;
    private static final int FLAG_HINT = 1;
    private static final int MAX_TEXT_BYTES = 2048;

    private ErrorReplyCodec() {}

    public static ByteBuf encode(MirachException e, ByteBufAllocator allocator) {
        ByteBuf out = allocator.directBuffer(128);
        out.writeByte(FORMAT);
        out.writeByte(e.leaderHint().isPresent() ? FLAG_HINT : 0);
        e.leaderHint()
                .ifPresent(
                        hint ->
                                out.writeLong(hint.getMostSignificantBits())
                                        .writeLong(hint.getLeastSignificantBits()));
        writeText(out, e.getMessage());
        writeText(out, e.remedy());
        return out;
    }

    /**
     * What the peer refused with. Takes ownership of {@code body}. Never throws: an error number
     * that this side does not know is UNKNOWN_OUTCOME, since it cannot be told whether the request
     * took effect; an unreadable body keeps its code and loses its text.
     */
    public static MirachException decode(int errorNumber, ByteBuf body) {
        Optional<ErrorCode> known = ErrorCode.ofNumber(errorNumber);
        ErrorCode code = known.orElse(ErrorCode.UNKNOWN_OUTCOME);
        String prefix = known.isPresent() ? "" : "unknown error number " + errorNumber + ": ";
        try {
            return Body.decode(body, FORMAT, in -> read(in, code, prefix));
        } catch (MirachException e) {
            return new MirachException(code, prefix + "(no readable detail)", e);
        }
    }

    private static MirachException read(ByteBuf in, ErrorCode code, String prefix) {
        Optional<UUID> hint = Optional.empty();
        if ((in.readUnsignedByte() & FLAG_HINT) != 0) {
            hint = Optional.of(new UUID(in.readLong(), in.readLong()));
        }
        String detail = prefix + readText(in);
        String remedy = readText(in);
        MirachException e =
                code == ErrorCode.NOT_LEADER
                        ? MirachException.notLeader(hint)
                        : new MirachException(code, detail);
        return remedy.isEmpty() ? e : e.withRemedy(remedy);
    }

    private static void writeText(ByteBuf out, String text) {
        String given = text == null ? "" : text;
        // Cut at a character's border, not inside its bytes.
        ByteBuffer bytes = ByteBuffer.allocate(MAX_TEXT_BYTES);
        CharsetEncoder encoder =
                StandardCharsets.UTF_8
                        .newEncoder()
                        .onMalformedInput(CodingErrorAction.REPLACE)
                        .onUnmappableCharacter(CodingErrorAction.REPLACE);
        encoder.encode(CharBuffer.wrap(given), bytes, true);
        bytes.flip();
        out.writeShort(bytes.remaining()).writeBytes(bytes);
    }

    private static String readText(ByteBuf in) {
        int lengthBytes = in.readUnsignedShort();
        return in.readCharSequence(lengthBytes, StandardCharsets.UTF_8).toString();
    }
}
