package io.mirach.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameTest {
    private final List<BrokenFrame> broken = new ArrayList<>();
    private final EmbeddedChannel channel =
            new EmbeddedChannel(
                    new FrameDecoder(),
                    new ChannelInboundHandlerAdapter() {
                        @Override
                        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                            broken.add((BrokenFrame) event);
                        }
                    });

    private ByteBuf sent() {
        channel.flush();
        ByteBuf all = Unpooled.buffer();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            all.writeBytes(part);
            part.release();
        }
        return all;
    }

    private static ByteBuf bytes(String hex) {
        return Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(hex.replace(" ", "")));
    }

    @Test
    void requestLayoutIsPinned() {
        Frame.writeRequest(
                channel, channel.alloc(), Opcode.READ, 0x0102030405060708L, bytes("cafe"));
        assertThat(ByteBufUtil.hexDump(sent()))
                .isEqualTo("0000000e" + "01" + "00" + "0012" + "0102030405060708" + "cafe");
    }

    @Test
    void replyLayoutIsPinned() {
        Frame.writeReply(
                channel,
                channel.alloc(),
                Opcode.READ.number(),
                9,
                ErrorCode.BACK_PRESSURED,
                Unpooled.EMPTY_BUFFER);
        assertThat(ByteBufUtil.hexDump(sent()))
                .isEqualTo("0000000e" + "01" + "01" + "0012" + "0000000000000009" + "0003");
    }

    @Test
    void framesComeOutWholeHoweverTheyArriveInPieces() {
        long seed = 7;
        Random random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            ByteBuf wire = Unpooled.buffer();
            List<byte[]> bodies = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                byte[] body = new byte[random.nextInt(4) == 0 ? 0 : random.nextInt(5000)];
                random.nextBytes(body);
                bodies.add(body);
                if (i % 2 == 0) {
                    Frame.writeRequest(
                            channel, channel.alloc(), Opcode.WRITE, i, Unpooled.copiedBuffer(body));
                } else {
                    Frame.writeReply(
                            channel,
                            channel.alloc(),
                            Opcode.READ.number(),
                            i,
                            ErrorCode.TIMEOUT,
                            Unpooled.copiedBuffer(body));
                }
                wire.writeBytes(sent());
            }
            while (wire.isReadable()) {
                int piece = Math.min(wire.readableBytes(), 1 + random.nextInt(3000));
                channel.writeInbound(wire.readBytes(piece));
            }
            for (int i = 0; i < 20; i++) {
                Frame frame = channel.readInbound();
                assertThat(frame.requestId()).as("seed %d", seed).isEqualTo(i);
                assertThat(frame.reply()).isEqualTo(i % 2 != 0);
                assertThat(frame.opcode())
                        .isEqualTo((i % 2 == 0 ? Opcode.WRITE : Opcode.READ).number());
                assertThat(frame.error()).isEqualTo(i % 2 == 0 ? 0 : ErrorCode.TIMEOUT.number());
                assertThat(ByteBufUtil.getBytes(frame.body())).isEqualTo(bodies.get(i));
                frame.body().release();
            }
            assertThat(channel.<Object>readInbound()).isNull();
        }
    }

    @Test
    void bodyInOneReceivedBufferIsNotCopied() {
        ByteBuf wire = bytes("0000000e 01 00 0012 0102030405060708 cafe");
        wire.retain();
        channel.writeInbound(wire);
        Frame frame = channel.readInbound();
        wire.setByte(16, 0x11);
        assertThat(frame.body().getUnsignedByte(0)).isEqualTo((short) 0x11);
        frame.body().release();
        assertThat(wire.refCnt()).isEqualTo(1);
        wire.release();
    }

    @Test
    void oversizedFrameIsRefusedWithItsRequestIdAndNothingAfterItIsRead() {
        // 2 GiB announced: were it allocated for, this would fail with the heap of the tests.
        channel.writeInbound(bytes("7fffffff 01 00 0010 00000000000000aa 00112233"));
        channel.writeInbound(bytes("0000000c 01 00 0012 0102030405060708"));
        assertThat(broken).hasSize(1);
        assertThat(broken.get(0).code()).isEqualTo(ErrorCode.FRAME_TOO_LARGE);
        assertThat(broken.get(0).requestId()).isEqualTo(OptionalLong.of(0xaa));
        assertThat(channel.<Object>readInbound()).isNull();
    }

    @Test
    void lengthWithItsHighestBitSetIsTooLargeAndNotNegative() {
        channel.writeInbound(bytes("ffffffff 01 00 0010 00000000000000aa"));
        assertThat(broken.get(0).code()).isEqualTo(ErrorCode.FRAME_TOO_LARGE);
    }

    @Test
    void longestBodyPassesAndOneMoreByteDoesNot() {
        Frame.writeRequest(
                channel,
                channel.alloc(),
                Opcode.WRITE,
                1,
                Unpooled.buffer().writeZero(Frame.MAX_BODY_BYTES));
        channel.writeInbound(sent());
        Frame frame = channel.readInbound();
        assertThat(frame.body().readableBytes()).isEqualTo(Frame.MAX_BODY_BYTES);
        frame.body().release();

        ByteBuf tooLong = Unpooled.buffer().writeZero(Frame.MAX_BODY_BYTES + 1);
        assertThatThrownBy(
                        () ->
                                Frame.writeRequest(
                                        channel, channel.alloc(), Opcode.WRITE, 1, tooLong))
                .hasToString("FRAME_TOO_LARGE: a message of 1114113 bytes; at most 1114112");
        assertThat(tooLong.refCnt()).isZero();
        assertThat(sent().readableBytes()).isZero();
    }

    @Test
    void otherVersionIsRefused() {
        channel.writeInbound(bytes("0000000c 02 00 0012 0102030405060708"));
        assertThat(broken.get(0).code()).isEqualTo(ErrorCode.UNSUPPORTED_VERSION);
    }

    @Test
    void unknownFlagsAndTooShortFramesAreMalformed() {
        channel.writeInbound(bytes("0000000c 01 02 0012 0102030405060708"));
        assertThat(broken.get(0).code()).isEqualTo(ErrorCode.MALFORMED);

        EmbeddedChannel other =
                new EmbeddedChannel(
                        new FrameDecoder(),
                        new ChannelInboundHandlerAdapter() {
                            @Override
                            public void userEventTriggered(
                                    ChannelHandlerContext ctx, Object event) {
                                broken.add((BrokenFrame) event);
                            }
                        });
        other.writeInbound(bytes("0000000b 01 00 0012 0102030405060708"));
        assertThat(broken.get(1).code()).isEqualTo(ErrorCode.MALFORMED);
        other.finishAndReleaseAll();
    }

    @Test
    void connectionLostWithinABodyReleasesWhatWasGathered() {
        UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
        channel.config().setAllocator(allocator);
        ByteBuf first = allocator.buffer();
        first.writeBytes(bytes("0000ff00 01 00 0012 0102030405060708 cafe"));
        channel.writeInbound(first);
        channel.close();
        assertThat(allocator.metric().usedDirectMemory()).isZero();
        assertThat(allocator.metric().usedHeapMemory()).isZero();
    }
}
