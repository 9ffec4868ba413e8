package io.mirach.raft.ratis.peer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedInputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedOutputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/**
 * What replicas say to each other, on the wire, big-endian:
 *
 * <pre>
 *   u32 length of what follows | u8 kind | u64 call | body
 * </pre>
 *
 * The side that connects says HELLO first: its {@link #VERSION} in place of the call; the body is
 * its peer id and the id of the peer that it wants to reach, 16 bytes each. The other answers
 * WELCOME, with its version, or REFUSED and closes. After that come requests, whose bodies are
 * Ratis's protobuf messages, and one REPLY or FAILED with the request's call for each, in any
 * order.
 */
final class PeerFrame {
    static final int VERSION = 1;
    static final int HEADER_BYTES = 4 + 1 + 8;
    static final int HELLO_BYTES = 32;

    /** Body: two peer ids. */
    static final byte HELLO = 0x4d;

    static final byte WELCOME = 1;

    /** Body: UTF-8 text. */
    static final byte REFUSED = 2;

    static final byte APPEND = 0x10;
    static final byte VOTE = 0x11;
    static final byte START_ELECTION = 0x12;

    /** The log no longer has what the follower lacks. */
    static final byte NOTIFY_SNAPSHOT = 0x13;

    static final byte REPLY = 0x20;

    /** Body: UTF-8 text. */
    static final byte FAILED = 0x21;

    private PeerFrame() {}

    /** One copy of the message, into a buffer that the socket can send from. */
    static ByteBuf encode(ByteBufAllocator allocator, byte kind, long call, MessageLite message) {
        int size = message.getSerializedSize();
        ByteBuf frame = header(allocator, kind, call, size);
        try {
            ByteBuffer body = frame.nioBuffer(HEADER_BYTES, size);
            CodedOutputStream out = CodedOutputStream.newInstance(body);
            message.writeTo(out);
            out.flush();
            return frame.writerIndex(HEADER_BYTES + size);
        } catch (IOException e) {
            frame.release();
            throw new IllegalStateException("a message was larger than its own size", e);
        }
    }

    static ByteBuf text(ByteBufAllocator allocator, byte kind, long call, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return header(allocator, kind, call, bytes.length).writeBytes(bytes);
    }

    static ByteBuf hello(ByteBufAllocator allocator, UUID from, UUID to) {
        ByteBuf frame = header(allocator, HELLO, VERSION, HELLO_BYTES);
        for (UUID id : new UUID[] {from, to}) {
            frame.writeLong(id.getMostSignificantBits()).writeLong(id.getLeastSignificantBits());
        }
        return frame;
    }

    static ByteBuf welcome(ByteBufAllocator allocator) {
        return header(allocator, WELCOME, VERSION, 0);
    }

    private static ByteBuf header(ByteBufAllocator allocator, byte kind, long call, int size) {
        ByteBuf frame = allocator.directBuffer(HEADER_BYTES + size, HEADER_BYTES + size);
        return frame.writeInt(HEADER_BYTES - 4 + size).writeByte(kind).writeLong(call);
    }

    static UUID peerId(byte[] hello, int position) {
        ByteBuffer ids = ByteBuffer.wrap(hello);
        return new UUID(ids.getLong(16 * position), ids.getLong(16 * position + 8));
    }

    static String text(byte[] body) {
        return new String(body, StandardCharsets.UTF_8);
    }

    /**
     * Without a copy: what the message has in bytes stays in {@code body}, which nobody may change.
     */
    static <M> M decode(Parser<M> parser, byte[] body) throws IOException {
        CodedInputStream in = UnsafeByteOperations.unsafeWrap(body).newCodedInput();
        in.enableAliasing(true);
        return parser.parseFrom(in);
    }
}
