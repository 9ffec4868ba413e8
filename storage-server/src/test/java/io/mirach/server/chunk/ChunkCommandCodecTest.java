package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The log outlives releases: these bytes never change. */
class ChunkCommandCodecTest {
    private static final WriteIdentity IDENTITY =
            new WriteIdentity(
                    Commands.VOLUME, new Epoch(5), new Slot(63), 4098, 3, new LayerId(256));
    private static final String IDENTITY_HEX =
            "000000000000000b"
                    + "0000000000000005"
                    + "3f"
                    + "0000000000001002"
                    + "0000000000000003"
                    + "0000000000000100";

    @Test
    void write() {
        ByteBuf command = Commands.write(IDENTITY, 4094, new byte[] {1, 2, 3}, true);
        requireGolden(
                command,
                "0101"
                        + IDENTITY_HEX
                        + "0000000000000ffe"
                        + "01"
                        + "00000003"
                        + "03f89f52"
                        + "412da0a5"
                        + "010203");
    }

    @Test
    void zero() {
        requireGolden(
                Commands.zero(IDENTITY, 4095, 4097),
                "0102" + IDENTITY_HEX + "0000000000000fff" + "00001001");
    }

    @Test
    void openVolume() {
        requireGolden(
                Commands.open(Commands.VOLUME, Commands.HEAD, List.of(0, 63)),
                "0103"
                        + "000000000000000b"
                        + "0000000000000064"
                        + "00010000"
                        + "0000000000100000"
                        + "8000000000000001");
    }

    @Test
    void dropVolume() {
        requireGolden(Commands.drop(Commands.VOLUME), "0104000000000000000b");
    }

    @Test
    void admit() {
        requireGolden(
                Commands.admit(Commands.VOLUME, 2, List.of(new Epoch(7)), List.of(new Epoch(8))),
                "0105"
                        + "000000000000000b"
                        + "0000000000000002"
                        + "00000001"
                        + "0000000000000007"
                        + "00000001"
                        + "0000000000000008");
    }

    @Test
    void sealLayer() {
        requireGolden(
                Commands.seal(new LayerId(1), new LayerId(2), 3),
                "0106000000000000000b000000000000000100000000000000020000000000000003");
    }

    @Test
    void takeDigest() {
        requireGolden(
                Commands.order(new GroupOrder.TakeDigest(Commands.PG, 258, List.of())),
                "01070000000000000102");
    }

    @Test
    void takeDigestOfSome() {
        requireGolden(
                Commands.order(
                        new GroupOrder.TakeDigest(Commands.PG, 258, List.of(new UUID(3, 4)))),
                "0108" + "0000000000000102" + "00000001" + "0000000000000003" + "0000000000000004");
    }

    @Test
    void writeSharesThePayload() {
        ByteBuf payload = Unpooled.directBuffer(4096).writeZero(4096);
        ByteBuf command =
                ChunkCommandCodec.encode(
                        new WriteRequest(Commands.PG, IDENTITY, 0, false, new int[] {0}, payload),
                        payload.alloc());
        payload.setByte(17, 42);
        assertThat(command.getByte(command.readableBytes() - 4096 + 17)).isEqualTo((byte) 42);
        command.release();
        assertThat(payload.refCnt()).isZero();
    }

    @Test
    void anythingElseIsNotRead() {
        for (String hex :
                List.of("", "02", "01", "0109", "0104000000000000000b00", "01040000000000000000")) {
            assertThatThrownBy(
                            () ->
                                    ChunkCommandCodec.decode(
                                            Unpooled.wrappedBuffer(HexFormat.of().parseHex(hex))))
                    .as(hex)
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    private static void requireGolden(ByteBuf command, String hex) {
        String actual = ByteBufUtil.hexDump(command);
        assertThat(actual).isEqualTo(hex);
        ChunkCommand decoded = ChunkCommandCodec.decode(command.duplicate());
        assertThat(decoded).isNotNull();
        command.release();
    }
}
