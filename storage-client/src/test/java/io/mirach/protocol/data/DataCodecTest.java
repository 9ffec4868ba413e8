package io.mirach.protocol.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DataCodecTest {
    private static final PlacementGroupId PG = new PlacementGroupId(3);
    private static final VolumeId VOLUME = new VolumeId(0x11);
    private static final Epoch EPOCH = new Epoch(0x22);
    private static final LayerId HEAD = new LayerId(0x33);
    private static final WriteIdentity IDENTITY =
            new WriteIdentity(VOLUME, EPOCH, new Slot(63), 7, 5, HEAD);
    private static final String IDENTITY_HEX =
            "0000000000000011 0000000000000022 3f 0000000000000007 0000000000000005"
                    + " 0000000000000033";

    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);

    @AfterEach
    void nothingLeaks() {
        assertThat(allocator.metric().usedDirectMemory()).isZero();
        assertThat(allocator.metric().usedHeapMemory()).isZero();
    }

    private ByteBuf bytes(String hex) {
        byte[] bytes = ByteBufUtil.decodeHexDump(hex.replace(" ", ""));
        return allocator.directBuffer().writeBytes(bytes);
    }

    private static String hexOf(ByteBuf buffer) {
        try {
            return ByteBufUtil.hexDump(buffer);
        } finally {
            buffer.release();
        }
    }

    private static String hex(String... parts) {
        return String.join("", parts).replace(" ", "");
    }

    private WriteRequest write(long offsetBytes, int lengthBytes, int... crcs) {
        ByteBuf data = allocator.directBuffer();
        for (int i = 0; i < lengthBytes; i++) {
            data.writeByte(i);
        }
        return new WriteRequest(PG, IDENTITY, offsetBytes, true, crcs, data);
    }

    @Test
    void writeRequestLayoutIsPinned() {
        assertThat(hexOf(WriteRequestCodec.encode(write(4094, 4, 0xaabbccdd, 1), allocator)))
                .isEqualTo(
                        hex(
                                "01 00000003",
                                IDENTITY_HEX,
                                "0000000000000ffe 01 00000004 aabbccdd 00000001 00010203"));
    }

    @Test
    void unsettledWriteIsAFlagBesideTheOther() {
        for (boolean keepZeroes : List.of(false, true)) {
            ByteBuf data = allocator.directBuffer().writeByte(5);
            WriteRequest write =
                    new WriteRequest(PG, IDENTITY, 0, keepZeroes, true, new int[] {7}, data);
            ByteBuf body = WriteRequestCodec.encode(write, allocator);
            int flags = 1 + 4 + IdentityFields.WRITE_IDENTITY_BYTES + 8;
            assertThat(body.getByte(flags)).isEqualTo((byte) (keepZeroes ? 3 : 2));
            WriteRequest back = WriteRequestCodec.decode(body);
            assertThat(back.unsettled()).isTrue();
            assertThat(back.keepZeroes()).isEqualTo(keepZeroes);
            back.data().release();
        }
    }

    @Test
    void writeRequestComesBackAndItsDataIsTheBody() {
        ByteBuf body = WriteRequestCodec.encode(write(4094, 4, 8, 9), allocator);
        ByteBuf wire = allocator.directBuffer().writeBytes(body);
        body.release();
        WriteRequest request = WriteRequestCodec.decode(wire);
        assertThat(request.placementGroup()).isEqualTo(PG);
        assertThat(request.identity()).isEqualTo(IDENTITY);
        assertThat(request.offsetBytes()).isEqualTo(4094);
        assertThat(request.keepZeroes()).isTrue();
        assertThat(request.unsettled()).isFalse();
        assertThat(request.crcs()).containsExactly(8, 9);
        assertThat(ByteBufUtil.getBytes(request.data())).containsExactly(0, 1, 2, 3);
        assertThat(wire.refCnt()).isEqualTo(1);
        wire.setByte(wire.writerIndex() - 1, 0x77);
        assertThat(request.data().getByte(3)).isEqualTo((byte) 0x77);
        request.data().release();
        assertThat(wire.refCnt()).isZero();
    }

    @Test
    void zeroRequestLayoutIsPinned() {
        ZeroRequest request = new ZeroRequest(PG, IDENTITY, 4096, 16 << 20);
        ByteBuf body = ZeroRequestCodec.encode(request, allocator);
        assertThat(ByteBufUtil.hexDump(body))
                .isEqualTo(hex("01 00000003", IDENTITY_HEX, "0000000000001000 01000000"));
        assertThat(ZeroRequestCodec.decode(body)).isEqualTo(request);
    }

    @Test
    void readRequestLayoutIsPinned() {
        ReadRequest request = new ReadRequest(PG, VOLUME, Optional.of(EPOCH), HEAD, 5, 256, true);
        ByteBuf body = ReadRequestCodec.encode(request, allocator);
        assertThat(ByteBufUtil.hexDump(body))
                .isEqualTo(
                        hex(
                                "01 00000003 0000000000000011 0000000000000022",
                                "0000000000000033 0000000000000005 00000100 01"));
        assertThat(ReadRequestCodec.decode(body)).isEqualTo(request);
    }

    @Test
    void readReplyLayoutIsPinnedAndComesBack() {
        ByteBuf data = allocator.directBuffer().writeZero(2 * 4096);
        data.setByte(0, 0x5a).setByte(2 * 4096 - 1, 0xa5);
        ReadReply reply = new ReadReply(3, new long[] {0b101}, new int[] {1, 2}, data);
        ByteBuf body = ReadReplyCodec.encode(reply, allocator);
        String dump = ByteBufUtil.hexDump(body);
        assertThat(dump)
                .startsWith(hex("01 00000003 0000000000000005 00000001 00000002 5a 00"))
                .endsWith("00a5")
                .hasSize(2 * (1 + 4 + 8 + 8 + 2 * 4096));
        ReadReply back = ReadReplyCodec.decode(body);
        assertThat(back.blockCount()).isEqualTo(3);
        assertThat(back.present()).containsExactly(0b101);
        assertThat(back.crcs()).containsExactly(1, 2);
        assertThat(back.data().readableBytes()).isEqualTo(2 * 4096);
        assertThat(back.data().getByte(0)).isEqualTo((byte) 0x5a);
        back.data().release();
    }

    @Test
    void readReplyOfHolesOnlyHasNoData() {
        ByteBuf body =
                ReadReplyCodec.encode(
                        new ReadReply(65, new long[2], new int[0], allocator.buffer()), allocator);
        ReadReply back = ReadReplyCodec.decode(body);
        assertThat(back.blockCount()).isEqualTo(65);
        assertThat(back.data().readableBytes()).isZero();
        back.data().release();
    }

    @Test
    void aReadOfASnapshotNamesNoEpoch() {
        ReadRequest read = new ReadRequest(PG, VOLUME, Optional.empty(), HEAD, 5, 2, false);
        assertThat(ReadRequestCodec.decode(ReadRequestCodec.encode(read, allocator)))
                .isEqualTo(read);
        BlockStatusRequest status =
                new BlockStatusRequest(
                        PG, VOLUME, Optional.empty(), HEAD, new BlockRange(1, 9), 2, false);
        assertThat(
                        BlockStatusRequestCodec.decode(
                                BlockStatusRequestCodec.encode(status, allocator)))
                .isEqualTo(status);
    }

    @Test
    void blockStatusLayoutsArePinned() {
        BlockStatusRequest request =
                new BlockStatusRequest(
                        PG, VOLUME, Optional.of(EPOCH), HEAD, new BlockRange(1, 9), 2, false);
        ByteBuf body = BlockStatusRequestCodec.encode(request, allocator);
        assertThat(ByteBufUtil.hexDump(body))
                .isEqualTo(
                        hex(
                                "01 00000003 0000000000000011 0000000000000022 0000000000000033",
                                "0000000000000001 0000000000000009 00000002 00"));
        assertThat(BlockStatusRequestCodec.decode(body)).isEqualTo(request);

        BlockStatusReply reply =
                new BlockStatusReply(8, List.of(new BlockRange(1, 2), new BlockRange(5, 3)));
        body = BlockStatusReplyCodec.encode(reply, allocator);
        assertThat(ByteBufUtil.hexDump(body))
                .isEqualTo(
                        hex(
                                "01 0000000000000008 00000002 0000000000000001 0000000000000002",
                                "0000000000000005 0000000000000003"));
        assertThat(BlockStatusReplyCodec.decode(body)).isEqualTo(reply);
    }

    @Test
    void valuesOutOfBoundsAreMalformed() {
        String head = "01 00000003" + IDENTITY_HEX;
        List<String> writes =
                List.of(
                        // data of no bytes, of 1 MiB + 1 announced, of a negative length
                        head + "0000000000001000 00 00000000",
                        head + "0000000000001000 00 00100001 00000000",
                        head + "0000000000001000 00 80000000 00000000",
                        // an offset that wraps
                        head + "7fffffffffffffff 00 00000001 00000000 00",
                        head + "8000000000000000 00 00000001 00000000 00",
                        // unknown flag; one checksum missing; one byte too many
                        head + "0000000000001000 04 00000001 00000000 00",
                        head + "0000000000000fff 00 00000002 00000000 0000",
                        head + "0000000000001000 00 00000001 00000000 0000",
                        // slot 64
                        head.replace("3f", "40") + "0000000000001000 00 00000001 00000000 00",
                        // sequence below the lowest unacknowledged, group 0
                        head.replace("0000000000000007", "0000000000000004")
                                + "0000000000001000 00 00000001 00000000 00",
                        head.replace("00000003", "00000000")
                                + "0000000000001000 00 00000001 00000000 00");
        for (String hex : writes) {
            assertMalformed(hex, WriteRequestCodec::decode);
        }
        assertMalformed(head + "0000000000001000 01000001", ZeroRequestCodec::decode);
        assertMalformed(head + "0000000000001000 00000000", ZeroRequestCodec::decode);
        String read = "01 00000003 0000000000000011 0000000000000022 0000000000000033";
        assertMalformed(read + "0000000000000005 00000101 00", ReadRequestCodec::decode);
        assertMalformed(read + "0000000000000005 00000000 00", ReadRequestCodec::decode);
        assertMalformed(read + "7fffffffffffffff 00000001 00", ReadRequestCodec::decode);
        assertMalformed(
                read + "7fffffffffffffff 7fffffffffffffff 00000001 00",
                BlockStatusRequestCodec::decode);
        // a present block beyond the end; runs that overlap; a run beyond the covered end
        assertMalformed("01 00000001 0000000000000002 00000000", ReadReplyCodec::decode);
        assertMalformed(
                "01 0000000000000009 00000002 0000000000000001 0000000000000002"
                        + "0000000000000002 0000000000000001",
                BlockStatusReplyCodec::decode);
        assertMalformed(
                "01 0000000000000002 00000001 0000000000000001 0000000000000002",
                BlockStatusReplyCodec::decode);
        assertMalformed("01 0000000000000002 ffffffff", BlockStatusReplyCodec::decode);
    }

    private void assertMalformed(String hex, Function<ByteBuf, ?> decoder) {
        ByteBuf body = bytes(hex);
        assertThatThrownBy(() -> decoder.apply(body))
                .as(hex)
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.MALFORMED));
        assertThat(body.refCnt()).isZero();
    }

    /** Cut, lengthened and flipped messages: a refusal with a code or a message; never a leak. */
    @Test
    void damagedMessagesAreRefusedWithACode() {
        long seed = 20261124;
        Random random = new Random(seed);
        Map<String, Function<ByteBuf, ?>> decoders =
                Map.of(
                        "write", WriteRequestCodec::decode,
                        "zero", ZeroRequestCodec::decode,
                        "read", ReadRequestCodec::decode,
                        "readReply", ReadReplyCodec::decode,
                        "status", BlockStatusRequestCodec::decode,
                        "statusReply", BlockStatusReplyCodec::decode);
        Map<String, byte[]> messages = sampleMessages();
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            for (Map.Entry<String, byte[]> sample : messages.entrySet()) {
                byte[] damaged = damage(sample.getValue(), random);
                ByteBuf body = allocator.directBuffer().writeBytes(damaged);
                try {
                    release(decoders.get(sample.getKey()).apply(body));
                } catch (MirachException e) {
                    refused++;
                    assertThat(e.code())
                            .as("seed %d", seed)
                            .isIn(ErrorCode.MALFORMED, ErrorCode.UNSUPPORTED_VERSION);
                }
                assertThat(body.refCnt()).as("seed %d %s", seed, sample.getKey()).isZero();
            }
        }
        assertThat(refused).isGreaterThan(20_000);
    }

    private Map<String, byte[]> sampleMessages() {
        ByteBufAllocator heap = UnpooledByteBufAllocator.DEFAULT;
        BlockRange range = new BlockRange(1, 2);
        return Map.of(
                "write",
                drained(WriteRequestCodec.encode(write(4094, 4, 1, 2), heap)),
                "zero",
                drained(ZeroRequestCodec.encode(new ZeroRequest(PG, IDENTITY, 1, 2), heap)),
                "read",
                drained(
                        ReadRequestCodec.encode(
                                new ReadRequest(PG, VOLUME, Optional.of(EPOCH), HEAD, 5, 2, true),
                                heap)),
                "readReply",
                drained(
                        ReadReplyCodec.encode(
                                new ReadReply(
                                        2,
                                        new long[] {1},
                                        new int[] {1},
                                        Unpooled.buffer().writeZero(4096)),
                                heap)),
                "status",
                drained(
                        BlockStatusRequestCodec.encode(
                                new BlockStatusRequest(
                                        PG, VOLUME, Optional.of(EPOCH), HEAD, range, 2, false),
                                heap)),
                "statusReply",
                drained(
                        BlockStatusReplyCodec.encode(
                                new BlockStatusReply(8, List.of(range)), heap)));
    }

    private static byte[] drained(ByteBuf buffer) {
        byte[] bytes = ByteBufUtil.getBytes(buffer);
        buffer.release();
        return bytes;
    }

    private static byte[] damage(byte[] message, Random random) {
        byte[] damaged =
                switch (random.nextInt(4)) {
                    case 0 -> Arrays.copyOf(message, random.nextInt(message.length));
                    case 1 -> Arrays.copyOf(message, message.length + 1 + random.nextInt(8));
                    default -> message.clone();
                };
        for (int flips = random.nextInt(4); flips > 0 && damaged.length > 0; flips--) {
            // Mostly in the header, where it matters.
            int at = random.nextInt(Math.min(damaged.length, 80));
            damaged[at] = (byte) random.nextInt(256);
        }
        return damaged;
    }

    private static void release(Object message) {
        if (message instanceof WriteRequest write) {
            write.data().release();
        } else if (message instanceof ReadReply reply) {
            reply.data().release();
        }
    }
}
