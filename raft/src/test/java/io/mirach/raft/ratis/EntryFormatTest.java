package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EntryFormatTest {
    private static byte[] encode(ByteBuf... commands) {
        int bytes = EntryFormat.HEADER_BYTES;
        for (ByteBuf command : commands) {
            bytes += EntryFormat.encodedBytes(command.readableBytes());
        }
        byte[] entry = new byte[bytes];
        EntryFormat.encode(List.of(commands), entry);
        return entry;
    }

    private static ByteBuf text(String text) {
        return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
    }

    @Test
    void bytesOfAnEntryAreFixed() {
        assertThat(ByteBufUtil.hexDump(encode(text("ab"), text(""), text("c"))))
                .isEqualTo(
                        "01" + "00000003" + "00000002" + "6162" + "00000000" + "00000001" + "63");
    }

    @Test
    void decodingGivesTheCommandsBack() {
        Random random = new Random(1);
        List<ByteBuf> commands = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            commands.add(Unpooled.wrappedBuffer(bytes));
        }
        byte[] entry = encode(commands.toArray(new ByteBuf[0]));
        assertThat(EntryFormat.decode(Unpooled.wrappedBuffer(entry))).isEqualTo(commands);
    }

    @Test
    void commandInPiecesIsCopiedWholeAndItsIndicesStay() {
        CompositeByteBuf pieces = Unpooled.compositeBuffer();
        pieces.addComponent(true, text("one")).addComponent(true, text("two"));
        pieces.skipBytes(1);
        byte[] entry = encode(pieces);
        assertThat(pieces.readerIndex()).isEqualTo(1);
        assertThat(EntryFormat.decode(Unpooled.wrappedBuffer(entry)).get(0))
                .isEqualTo(text("netwo"));
    }

    @Test
    void entryThatEndsEarlyOrLateIsNoEntry() {
        byte[] entry = encode(text("abc"), text("de"));
        for (int length = 0; length < entry.length; length++) {
            ByteBuf cut = Unpooled.wrappedBuffer(entry, 0, length);
            assertThatThrownBy(() -> EntryFormat.decode(cut))
                    .as("cut to %d", length)
                    .isInstanceOf(IllegalStateException.class);
        }
        ByteBuf longer = Unpooled.wrappedBuffer(entry, new byte[1]);
        assertThatThrownBy(() -> EntryFormat.decode(longer))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void unknownVersionIsNamed() {
        byte[] entry = encode(text("abc"));
        entry[0] = 2;
        assertThatThrownBy(() -> EntryFormat.decode(Unpooled.wrappedBuffer(entry)))
                .hasMessageContaining("version 2");
    }

    @Test
    void announcedLengthsAllocateNothing() {
        byte[] manyCommands = ByteBufUtil.decodeHexDump("017fffffff00000000");
        byte[] negativeCount = ByteBufUtil.decodeHexDump("01ffffffff00000000");
        byte[] longCommand = ByteBufUtil.decodeHexDump("01000000017fffffff");
        byte[] negativeLength = ByteBufUtil.decodeHexDump("0100000001ffffffff");
        for (byte[] entry : List.of(manyCommands, negativeCount, longCommand, negativeLength)) {
            assertThatThrownBy(() -> EntryFormat.decode(Unpooled.wrappedBuffer(entry)))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
