package io.mirach.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Block;
import io.mirach.protocol.Checksum;
import io.netty.buffer.ByteBuf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class KnownBlocksTest {
    private static final int LAST_CONTENT = 255;

    private final KnownBlocks known = new KnownBlocks(64);

    @AfterEach
    void release() {
        known.close();
    }

    @Test
    void aRunThatIsReadAsWrittenPasses() {
        ByteBuf run = known.run(LAST_CONTENT, 3);
        known.wrote(8, 3, LAST_CONTENT);
        assertThatCode(
                        () -> {
                            known.checkStart(8, 3, run);
                            known.check(8, 3, run);
                        })
                .doesNotThrowAnyException();
        for (int i = 0; i < 3; i++) {
            assertThat(known.crc(LAST_CONTENT + i))
                    .isEqualTo(Checksum.of(run, i * Block.BYTES, Block.BYTES));
        }
        run.release();
    }

    @Test
    void oneWrongByteIsFound() {
        known.wrote(8, 3, 7);
        ByteBuf run = known.run(7, 3);
        ByteBuf copy = run.copy();
        run.release();
        int last = copy.readableBytes() - 1;
        copy.setByte(last, copy.getByte(last) ^ 1);
        assertThatThrownBy(() -> known.check(8, 3, copy)).hasMessageContaining("block 10 ");
        copy.release();
    }

    @Test
    void anotherBlocksBytesAreFoundByTheirStart() {
        known.wrote(8, 1, 7);
        known.wrote(9, 1, 8);
        ByteBuf run = known.run(8, 1);
        assertThatThrownBy(() -> known.checkStart(8, 1, run)).hasMessageContaining("block 8 ");
        run.release();
    }

    @Test
    void aShortReadIsFound() {
        known.wrote(8, 2, 7);
        ByteBuf run = known.run(7, 1);
        assertThatThrownBy(() -> known.checkStart(8, 2, run)).hasMessageContaining("4096 bytes");
        run.release();
    }
}
