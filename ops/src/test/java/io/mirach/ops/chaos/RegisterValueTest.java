package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.junit.jupiter.api.Test;

class RegisterValueTest {
    @Test
    void aBlockTellsItsValue() {
        assertThat(RegisterValue.decode(7, RegisterValue.encode(7, 42))).hasValue(42);
        assertThat(RegisterValue.encode(7, 42).readableBytes()).isEqualTo(Block.BYTES);
    }

    @Test
    void zeroesAreTheInitialValue() {
        ByteBuf zeroes = Unpooled.wrappedBuffer(new byte[Block.BYTES]);
        assertThat(RegisterValue.decode(7, zeroes)).hasValue(Operation.INITIAL);
    }

    @Test
    void aBlockOfAnotherAddressIsNone() {
        assertThat(RegisterValue.decode(8, RegisterValue.encode(7, 42))).isEmpty();
    }

    @Test
    void aTornBlockIsNone() {
        for (int at = 512; at < Block.BYTES; at += 512) {
            ByteBuf torn = RegisterValue.encode(7, 42);
            torn.setBytes(at, RegisterValue.encode(7, 41), at, Block.BYTES - at);
            assertThat(RegisterValue.decode(7, torn)).as("torn at %d", at).isEmpty();
        }
        ByteBuf half = RegisterValue.encode(7, 42);
        half.setZero(2048, 2048);
        assertThat(RegisterValue.decode(7, half)).isEmpty();
    }

    @Test
    void swappedSectorsAreNone() {
        ByteBuf swapped = RegisterValue.encode(7, 42);
        swapped.setBytes(0, RegisterValue.encode(7, 42), 512, 512);
        assertThat(RegisterValue.decode(7, swapped)).isEmpty();
    }
}
