package io.mirach.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ErrorReplyCodecTest {
    private static final UnpooledByteBufAllocator ALLOCATOR = UnpooledByteBufAllocator.DEFAULT;

    @Test
    void layoutIsPinned() {
        ByteBuf body =
                ErrorReplyCodec.encode(
                        new MirachException(ErrorCode.NO_SPACE, "full").withRemedy("add"),
                        ALLOCATOR);
        assertThat(ByteBufUtil.hexDump(body)).isEqualTo("0100" + "000466756c6c" + "0003616464");
        MirachException back = ErrorReplyCodec.decode(ErrorCode.NO_SPACE.number(), body);
        assertThat(back).hasToString("NO_SPACE: full");
        assertThat(back.remedy()).isEqualTo("add");
    }

    @Test
    void leaderHintComesAlong() {
        UUID leader = new UUID(1, 2);
        ByteBuf body =
                ErrorReplyCodec.encode(MirachException.notLeader(Optional.of(leader)), ALLOCATOR);
        assertThat(ByteBufUtil.hexDump(body))
                .startsWith("0101" + "0000000000000001" + "0000000000000002");
        MirachException back = ErrorReplyCodec.decode(ErrorCode.NOT_LEADER.number(), body);
        assertThat(back.leaderHint()).contains(leader);
        assertThat(body.refCnt()).isZero();
    }

    @Test
    void longTextIsCutBetweenCharacters() {
        String text = "x" + "\u20ac".repeat(5000);
        ByteBuf body =
                ErrorReplyCodec.encode(new MirachException(ErrorCode.INTERNAL, text), ALLOCATOR);
        MirachException back = ErrorReplyCodec.decode(ErrorCode.INTERNAL.number(), body);
        assertThat(text).startsWith(back.getMessage());
        assertThat(back.getMessage().length()).isGreaterThan(600);
    }

    @Test
    void unknownNumberIsAnUnknownOutcomeAndNeverAFailure() {
        MirachException back = ErrorReplyCodec.decode(7777, Unpooled.EMPTY_BUFFER);
        assertThat(back.code()).isEqualTo(ErrorCode.UNKNOWN_OUTCOME);
        assertThat(back).hasMessageContaining("7777");
    }

    @Test
    void damagedBodiesKeepTheirCode() {
        Random random = new Random(5);
        byte[] sound =
                drained(
                        ErrorReplyCodec.encode(
                                MirachException.notLeader(Optional.of(new UUID(1, 2))), ALLOCATOR));
        for (int i = 0; i < 5000; i++) {
            ByteBuf body = ALLOCATOR.buffer().writeBytes(sound, 0, random.nextInt(sound.length));
            for (int at = 0; at < body.readableBytes(); at++) {
                if (random.nextInt(8) == 0) {
                    body.setByte(at, random.nextInt(256));
                }
            }
            assertThat(ErrorReplyCodec.decode(ErrorCode.FENCED.number(), body).code())
                    .isEqualTo(ErrorCode.FENCED);
            assertThat(body.refCnt()).isZero();
        }
    }

    private static byte[] drained(ByteBuf buffer) {
        byte[] bytes = ByteBufUtil.getBytes(buffer);
        buffer.release();
        return bytes;
    }
}
