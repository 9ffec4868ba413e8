package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An NBD client that speaks to a session within the test's own thread. */
public final class SessionClient implements AutoCloseable {
    /** A reply of the handshake. */
    record OptionReply(int option, int type, byte[] payload) {
        String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }

        ByteBuf bytes() {
            return Unpooled.wrappedBuffer(payload);
        }
    }

    /**
     * A reply of the transmission phase.
     *
     * @param chunkType -1 for a simple reply
     * @param errno 0 for success
     */
    public record Reply(long cookie, int chunkType, int errno, byte[] payload) {
        boolean isSimple() {
            return chunkType < 0;
        }
    }

    final EmbeddedChannel channel;
    private final ByteBuf received = Unpooled.buffer();
    private long nextCookie = 1;

    public SessionClient(ExportCatalog catalog) {
        this(catalog, NbdLimits.DEFAULT, NbdSession.newBudget(NbdLimits.DEFAULT));
    }

    SessionClient(
            ExportCatalog catalog,
            NbdLimits limits,
            MemoryBudget budget,
            ChannelHandler... beforeSession) {
        channel = new EmbeddedChannel(beforeSession);
        channel.pipeline().addLast(new NbdSession(catalog, limits, budget));
        channel.runPendingTasks();
    }

    /** A client in transmission on {@code export}. */
    public static SessionClient transmitting(
            ExportCatalog catalog, String export, boolean structuredReplies) {
        return new SessionClient(catalog).enter(export, structuredReplies);
    }

    public SessionClient enter(String export, boolean structuredReplies) {
        handshake();
        if (structuredReplies) {
            option(NbdProtocol.OPT_STRUCTURED_REPLY);
            assertThat(optionReply().type()).isEqualTo(NbdProtocol.REP_ACK);
            option(
                    NbdProtocol.OPT_SET_META_CONTEXT,
                    metaContext(export, BlockStatus.ALLOCATION_CONTEXT));
            assertThat(optionReply().type()).isEqualTo(NbdProtocol.REP_META_CONTEXT);
            assertThat(optionReply().type()).isEqualTo(NbdProtocol.REP_ACK);
        }
        option(NbdProtocol.OPT_GO, info(export));
        OptionReply reply = optionReply();
        while (reply.type() == NbdProtocol.REP_INFO) {
            reply = optionReply();
        }
        assertThat(reply.type()).isEqualTo(NbdProtocol.REP_ACK);
        return this;
    }

    void handshake() {
        handshake(NbdProtocol.FLAG_C_FIXED_NEWSTYLE | NbdProtocol.FLAG_C_NO_ZEROES);
    }

    void handshake(int clientFlags) {
        ByteBuf greeting = receive(18);
        assertThat(greeting.readLong()).isEqualTo(NbdProtocol.NBDMAGIC);
        assertThat(greeting.readLong()).isEqualTo(NbdProtocol.IHAVEOPT);
        assertThat(greeting.readUnsignedShort())
                .isEqualTo(NbdProtocol.FLAG_FIXED_NEWSTYLE | NbdProtocol.FLAG_NO_ZEROES);
        send(Unpooled.buffer().writeInt(clientFlags));
    }

    void option(int option, byte... body) {
        send(optionBytes(option, body));
    }

    static ByteBuf optionBytes(int option, byte... body) {
        return Unpooled.buffer()
                .writeLong(NbdProtocol.IHAVEOPT)
                .writeInt(option)
                .writeInt(body.length)
                .writeBytes(body);
    }

    /** The body of INFO and GO. */
    static byte[] info(String export, int... infoTypes) {
        ByteBuf body = Unpooled.buffer();
        string(body, export);
        body.writeShort(infoTypes.length);
        for (int infoType : infoTypes) {
            body.writeShort(infoType);
        }
        return bytesOf(body);
    }

    static byte[] metaContext(String export, String... queries) {
        ByteBuf body = Unpooled.buffer();
        string(body, export);
        body.writeInt(queries.length);
        Arrays.stream(queries).forEach(query -> string(body, query));
        return bytesOf(body);
    }

    private static void string(ByteBuf body, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        body.writeInt(bytes.length).writeBytes(bytes);
    }

    static byte[] bytesOf(ByteBuf buffer) {
        byte[] bytes = new byte[buffer.readableBytes()];
        buffer.readBytes(bytes);
        return bytes;
    }

    OptionReply optionReply() {
        ByteBuf header = receive(20);
        assertThat(header.readLong()).isEqualTo(NbdProtocol.OPTION_REPLY_MAGIC);
        int option = header.readInt();
        int type = header.readInt();
        return new OptionReply(option, type, bytesOf(receive(header.readInt())));
    }

    static ByteBuf requestBytes(
            int type, int flags, long cookie, long offset, long length, byte... payload) {
        return Unpooled.buffer()
                .writeInt(NbdProtocol.REQUEST_MAGIC)
                .writeShort(flags)
                .writeShort(type)
                .writeLong(cookie)
                .writeLong(offset)
                .writeInt((int) length)
                .writeBytes(payload);
    }

    /** Sends a request and returns its cookie. */
    long request(int type, int flags, long offset, long length, byte... payload) {
        long cookie = nextCookie++;
        send(requestBytes(type, flags, cookie, offset, length, payload));
        return cookie;
    }

    /** Sends a request and returns its reply, which must be the next one. */
    Reply call(int type, int flags, long offset, long length, byte... payload) {
        long cookie = request(type, flags, offset, length, payload);
        Reply reply = reply();
        assertThat(reply.cookie()).isEqualTo(cookie);
        return reply;
    }

    public Reply write(long offset, byte... payload) {
        return call(NbdProtocol.CMD_WRITE, 0, offset, payload.length, payload);
    }

    public byte[] read(long offset, int length) {
        long cookie = request(NbdProtocol.CMD_READ, 0, offset, length);
        Reply reply = readReply(length);
        assertThat(reply.cookie()).isEqualTo(cookie);
        assertThat(reply.errno()).isZero();
        return reply.payload();
    }

    /** What LIST shows. */
    public List<String> list() {
        handshake();
        option(NbdProtocol.OPT_LIST);
        List<String> names = new ArrayList<>();
        OptionReply reply = optionReply();
        while (reply.type() == NbdProtocol.REP_SERVER) {
            ByteBuf body = reply.bytes();
            names.add(body.readCharSequence(body.readInt(), StandardCharsets.UTF_8).toString());
            reply = optionReply();
        }
        return names;
    }

    /** Asks to enter transmission, without looking at the answer. */
    public void go(String export) {
        handshake();
        option(NbdProtocol.OPT_GO, info(export));
    }

    /** The message of the error that the last option was answered with. */
    public String refusal() {
        OptionReply reply = optionReply();
        assertThat(reply.type()).isNegative();
        return reply.text();
    }

    /** Whether INFO knows the export. */
    public boolean knows(String export) {
        handshake();
        option(NbdProtocol.OPT_INFO, info(export));
        return optionReply().type() == NbdProtocol.REP_INFO;
    }

    /** Ends as a client should. */
    public void disconnect() {
        request(NbdProtocol.CMD_DISC, 0, 0, 0);
        assertThat(isClosed()).isTrue();
    }

    /** Lets what other threads have handed to the session happen. */
    public void runPending() {
        channel.runPendingTasks();
    }

    Reply reply() {
        return readReply(0);
    }

    /**
     * The next reply.
     *
     * @param simpleDataBytes what follows a simple reply without error
     */
    Reply readReply(int simpleDataBytes) {
        int magic = receive(4).readInt();
        if (magic == NbdProtocol.SIMPLE_REPLY_MAGIC) {
            ByteBuf header = receive(12);
            int errno = header.readInt();
            long cookie = header.readLong();
            return new Reply(cookie, -1, errno, bytesOf(receive(errno == 0 ? simpleDataBytes : 0)));
        }
        assertThat(magic).isEqualTo(NbdProtocol.STRUCTURED_REPLY_MAGIC);
        ByteBuf header = receive(16);
        assertThat(header.readUnsignedShort()).isEqualTo(NbdProtocol.REPLY_FLAG_DONE);
        int type = header.readUnsignedShort();
        long cookie = header.readLong();
        ByteBuf payload = receive(header.readInt());
        int errno = type == NbdProtocol.REPLY_TYPE_ERROR ? payload.readInt() : 0;
        if (type == NbdProtocol.REPLY_TYPE_ERROR) {
            assertThat(payload.readUnsignedShort()).isEqualTo(payload.readableBytes());
        }
        if (type == NbdProtocol.REPLY_TYPE_OFFSET_DATA) {
            payload.readLong();
        }
        return new Reply(cookie, type, errno, bytesOf(payload));
    }

    /** Gives the session what a socket would deliver in one piece. */
    void send(ByteBuf bytes) {
        channel.writeInbound(bytes);
        channel.runPendingTasks();
    }

    private ByteBuf receive(int lengthBytes) {
        collect();
        assertThat(received.readableBytes())
                .as("bytes received")
                .isGreaterThanOrEqualTo(lengthBytes);
        byte[] bytes = new byte[lengthBytes];
        received.readBytes(bytes);
        received.discardReadBytes();
        return Unpooled.wrappedBuffer(bytes);
    }

    private void collect() {
        channel.runPendingTasks();
        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
            received.writeBytes(out);
            out.release();
        }
    }

    /** How many bytes have come that the test has not looked at. */
    int unseenBytes() {
        collect();
        return received.readableBytes();
    }

    public boolean isClosed() {
        channel.runPendingTasks();
        return !channel.isOpen();
    }

    @Override
    public void close() {
        channel.close();
        channel.runPendingTasks();
        collect();
        channel.checkException();
    }
}
