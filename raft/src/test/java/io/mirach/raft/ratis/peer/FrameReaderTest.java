package io.mirach.raft.ratis.peer;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.Test;

class FrameReaderTest {
    private static final UnpooledByteBufAllocator ALLOCATOR = UnpooledByteBufAllocator.DEFAULT;

    private final List<String> frames = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();
    private byte[] lastBody;
    private final FrameReader reader =
            new FrameReader() {
                @Override
                void frame(ChannelHandlerContext context, byte kind, long call, byte[] body) {
                    frames.add(kind + " " + call + " " + body.length);
                    lastBody = body;
                }

                @Override
                public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                    failures.add(cause);
                    context.close();
                }
            };
    private final EmbeddedChannel channel = new EmbeddedChannel(reader);

    private static AppendEntriesRequestProto request(int bytes) {
        byte[] data = new byte[bytes];
        new Random(7).nextBytes(data);
        return AppendEntriesRequestProto.newBuilder()
                .setLeaderTerm(3)
                .addEntries(
                        LogEntryProto.newBuilder()
                                .setIndex(9)
                                .setStateMachineLogEntry(
                                        StateMachineLogEntryProto.newBuilder()
                                                .setLogData(ByteString.copyFrom(data))))
                .build();
    }

    @Test
    void framesComeWholeHoweverTheBytesArrive() throws Exception {
        reader.allow(1 << 20);
        Random random = new Random(42);
        ByteBuf stream = Unpooled.buffer();
        AppendEntriesRequestProto last = null;
        for (int i = 0; i < 50; i++) {
            last = request(random.nextInt(3000));
            ByteBuf frame = PeerFrame.encode(ALLOCATOR, PeerFrame.APPEND, i, last);
            stream.writeBytes(frame);
            frame.release();
        }
        while (stream.isReadable()) {
            int count = Math.min(stream.readableBytes(), 1 + random.nextInt(2000));
            channel.writeInbound(stream.readRetainedSlice(count));
        }
        stream.release();
        assertThat(frames).hasSize(50);
        assertThat(frames.get(49)).startsWith("16 49 ");
        assertThat(PeerFrame.decode(AppendEntriesRequestProto.parser(), lastBody)).isEqualTo(last);
        assertThat(failures).isEmpty();
    }

    @Test
    void nothingLargeIsAllocatedForAStranger() {
        channel.writeInbound(Unpooled.buffer().writeInt(9 + 1025).writeByte(1).writeLong(1));
        assertThat(failures).hasSize(1).first().isInstanceOf(ProtocolException.class);
        assertThat(channel.isActive()).isFalse();
        assertThat(frames).isEmpty();
    }

    @Test
    void lengthsThatCannotBeAreRefused() {
        for (int length : new int[] {-1, 8, Integer.MIN_VALUE, 0}) {
            failures.clear();
            EmbeddedChannel fresh = new EmbeddedChannel(newReader());
            fresh.writeInbound(Unpooled.buffer().writeInt(length).writeByte(1).writeLong(1));
            assertThat(failures).as("length %d", length).hasSize(1);
            assertThat(fresh.isActive()).isFalse();
        }
    }

    private FrameReader newReader() {
        return new FrameReader() {
            @Override
            void frame(ChannelHandlerContext context, byte kind, long call, byte[] body) {
                frames.add("unexpected");
            }

            @Override
            public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                failures.add(cause);
                context.close();
            }
        };
    }
}
