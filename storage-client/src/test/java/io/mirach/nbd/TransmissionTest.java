package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TransmissionTest {
    private static final long SIZE_BYTES = 256L << 20;
    private static final int READ = NbdProtocol.CMD_READ;
    private static final int WRITE = NbdProtocol.CMD_WRITE;

    private final SparseVolume volume = new SparseVolume("disk", SIZE_BYTES);
    private final SparseVolume frozen = new SparseVolume("frozen", SIZE_BYTES, true, Runnable::run);
    private final FixedCatalog catalog = new FixedCatalog(volume, frozen);
    private final SessionClient client = new SessionClient(catalog);

    @AfterEach
    void everyHoldIsGivenBack() {
        client.close();
        volume.releaseAll();
        client.channel.runPendingTasks();
        assertThat(catalog.holds()).isEmpty();
    }

    private static byte[] bytes(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private void assertRefused(SessionClient.Reply reply, NbdErrno errno) {
        assertThat(reply.errno()).isEqualTo(errno.number());
    }

    private void assertStillServes() {
        assertThat(client.unseenBytes()).isZero();
        assertThat(client.write(123, (byte) 1, (byte) 2).errno()).isZero();
        assertThat(client.read(122, 4)).containsExactly(0, 1, 2, 0);
        assertThat(client.unseenBytes()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsWrittenIsRead(boolean structured) {
        client.enter("disk", structured);
        assertThat(client.write(4000, bytes(10_000, 7)).errno()).isZero();
        assertThat(client.read(4000, 10_000)).isEqualTo(bytes(10_000, 7));
        assertThat(client.read(3999, 2)).containsExactly(0, 7);
        assertThat(client.read(13_999, 2)).containsExactly(7, 0);
    }

    @Test
    void readsAreAnsweredInTheFormThatWasAgreed() {
        client.enter("disk", true);
        long cookie = client.request(READ, NbdProtocol.CMD_FLAG_DF, 0, 4096);
        SessionClient.Reply reply = client.reply();
        assertThat(reply.cookie()).isEqualTo(cookie);
        assertThat(reply.chunkType()).isEqualTo(NbdProtocol.REPLY_TYPE_OFFSET_DATA);
        assertThat(client.write(0, (byte) 1).isSimple()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"0,4711", "268435456,1", "0,33554433", "-1,1", "-9223372036854775808,512"})
    void evenARefusedReadIsStructuredOnceAgreed(long offset, long lengthOrFlags) {
        client.enter("disk", true);
        int flags = lengthOrFlags == 4711 ? NbdProtocol.CMD_FLAG_REQ_ONE : 0;
        SessionClient.Reply reply = client.call(READ, flags, offset, lengthOrFlags);
        assertThat(reply.chunkType()).isEqualTo(NbdProtocol.REPLY_TYPE_ERROR);
        assertThat(reply.errno()).isNotZero();
        assertThat(reply.payload()).isNotEmpty();
        assertStillServes();
    }

    @Test
    void aFailedReadIsStructuredOnceAgreed() {
        client.enter("disk", true);
        volume.failWith(ErrorCode.CHECKSUM_MISMATCH);
        SessionClient.Reply reply = client.call(READ, 0, 0, 4096);
        assertThat(reply.chunkType()).isEqualTo(NbdProtocol.REPLY_TYPE_ERROR);
        assertRefused(reply, NbdErrno.EIO);
        assertThat(new String(reply.payload(), StandardCharsets.UTF_8))
                .isEqualTo("CHECKSUM_MISMATCH: made to fail");
        volume.failWith(ErrorCode.OK);
        assertStillServes();
    }

    /** Offsets and lengths are unsigned: added up, these wrap around to something small. */
    @ParameterizedTest
    @CsvSource({
        "-512, 1024",
        "-1, 1",
        "-4294967296, 4294967295",
        "9223372036854775807, 4096",
        "-9223372036854775808, 4096",
        "268435455, 2",
        "268435457, 0"
    })
    void whatLiesOutsideTheExportIsRefused(long offset, long length) {
        client.enter("disk", true);
        assertRefused(client.call(NbdProtocol.CMD_TRIM, 0, offset, length), NbdErrno.EINVAL);
        assertRefused(
                client.call(NbdProtocol.CMD_WRITE_ZEROES, 0, offset, length), NbdErrno.ENOSPC);
        assertRefused(client.call(NbdProtocol.CMD_CACHE, 0, offset, length), NbdErrno.EINVAL);
        assertRefused(
                client.call(NbdProtocol.CMD_BLOCK_STATUS, 0, offset, length), NbdErrno.EINVAL);
        if (length <= NbdProtocol.MAX_PAYLOAD_BYTES) {
            assertRefused(client.call(READ, 0, offset, length), NbdErrno.EINVAL);
            assertRefused(
                    client.call(WRITE, 0, offset, length, new byte[(int) length]), NbdErrno.ENOSPC);
        }
        assertThat(volume.calls()).isEmpty();
        assertStillServes();
    }

    @Test
    void theLastByteIsWithinTheExport() {
        client.enter("disk", false);
        assertThat(client.write(SIZE_BYTES - 1, (byte) 9).errno()).isZero();
        assertThat(client.read(SIZE_BYTES - 1, 1)).containsExactly(9);
        assertThat(client.read(SIZE_BYTES, 0)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void emptyRequestsSucceed(boolean structured) {
        client.enter("disk", structured);
        assertThat(client.read(0, 0)).isEmpty();
        assertThat(client.call(WRITE, 0, 0, 0).errno()).isZero();
        assertThat(client.call(NbdProtocol.CMD_TRIM, 0, 0, 0).errno()).isZero();
        assertThat(client.call(NbdProtocol.CMD_WRITE_ZEROES, 0, 0, 0).errno()).isZero();
        assertThat(client.call(NbdProtocol.CMD_CACHE, 0, 0, 0).errno()).isZero();
        assertStillServes();
    }

    @Test
    void aWriteThatIsTooLargeIsReadToItsEndAndRefused() {
        client.enter("disk", true);
        int length = NbdProtocol.MAX_PAYLOAD_BYTES + 1;
        client.send(SessionClient.requestBytes(WRITE, 0, 5, 0, length));
        assertThat(client.unseenBytes()).isZero();
        ByteBuf piece = Unpooled.wrappedBuffer(new byte[1 << 20]);
        for (int i = 0; i < 32; i++) {
            client.send(piece.retainedDuplicate());
        }
        assertThat(client.unseenBytes()).isZero();
        client.send(Unpooled.wrappedBuffer(new byte[1]));
        assertRefused(client.reply(), NbdErrno.EINVAL);
        assertThat(volume.calls()).isEmpty();
        assertStillServes();
    }

    @Test
    void aReadThatIsTooLargeIsRefused() {
        client.enter("disk", true);
        assertRefused(client.call(READ, 0, 0, (32 << 20) + 1), NbdErrno.EOVERFLOW);
        assertStillServes();
    }

    @Test
    void aReadThatIsTooLargeIsInvalidInSimpleReplies() {
        client.enter("disk", false);
        assertRefused(client.call(READ, 0, 0, (32 << 20) + 1), NbdErrno.EINVAL);
        assertStillServes();
    }

    @Test
    void theLargestRequestsAreServed() {
        client.enter("disk", true);
        byte[] data = bytes(NbdProtocol.MAX_PAYLOAD_BYTES, 3);
        assertThat(client.call(WRITE, 0, 11, data.length, data).errno()).isZero();
        assertThat(client.read(11, data.length)).isEqualTo(data);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100})
    void theFirstBytesOfARefusedWriteAreNotTakenForRequests(int length) {
        client.enter("disk", false);
        byte[] payload =
                length < 28
                        ? new byte[length]
                        : SessionClient.bytesOf(
                                SessionClient.requestBytes(WRITE, 0, 666, 0, 72, bytes(72, 0x66)));
        assertRefused(
                client.call(WRITE, NbdProtocol.CMD_FLAG_DF, 0, payload.length, payload),
                NbdErrno.EINVAL);
        assertStillServes();
        assertThat(client.read(0, 100)).doesNotContain(0x66);
    }

    @Test
    void anUnknownCommandIsInvalid() {
        client.enter("disk", true);
        assertRefused(client.call(77, 0, 0, 512), NbdErrno.EINVAL);
        assertStillServes();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 4, 5, 6, 7})
    void fuaIsAcceptedAndUnknownFlagsAreRefusedOnEveryCommand(int type) {
        client.enter("disk", true);
        long length = type == NbdProtocol.CMD_FLUSH ? 0 : 8;
        byte[] payload = type == WRITE ? new byte[8] : new byte[0];
        assertThat(client.call(type, NbdProtocol.CMD_FLAG_FUA, 0, length, payload).errno())
                .isZero();
        assertRefused(client.call(type, 1 << 9, 0, length, payload), NbdErrno.EINVAL);
        assertStillServes();
    }

    @Test
    void dontFragmentNeedsStructuredReplies() {
        client.enter("disk", false);
        assertRefused(client.call(READ, NbdProtocol.CMD_FLAG_DF, 0, 8), NbdErrno.EINVAL);
    }

    @Test
    void aReadOnlyExportRefusesChangesAndReadsTheirPayload() {
        client.enter("frozen", true);
        assertRefused(client.write(0, bytes(5000, 1)), NbdErrno.EPERM);
        assertRefused(client.call(NbdProtocol.CMD_TRIM, 0, 0, 4096), NbdErrno.EPERM);
        assertRefused(client.call(NbdProtocol.CMD_WRITE_ZEROES, 0, 0, 4096), NbdErrno.EPERM);
        assertThat(client.read(0, 16)).isEqualTo(new byte[16]);
        assertThat(client.call(NbdProtocol.CMD_FLUSH, 0, 0, 0).errno()).isZero();
    }

    @Test
    void trimLeavesTheEdgesAlone() {
        client.enter("disk", true);
        client.write(0, bytes(4 * 4096, 5));
        assertThat(client.call(NbdProtocol.CMD_TRIM, 0, 100, 3 * 4096).errno()).isZero();
        assertThat(client.read(0, 4096)).isEqualTo(bytes(4096, 5));
        assertThat(client.read(4096, 8192)).isEqualTo(new byte[8192]);
        assertThat(client.read(3 * 4096, 4096)).isEqualTo(bytes(4096, 5));
        client.call(NbdProtocol.CMD_TRIM, 0, 1, 4095);
        client.call(NbdProtocol.CMD_TRIM, 0, 3 * 4096, 4095);
        assertThat(volume.allocatedBlocks()).isEqualTo(2);
    }

    @Test
    void writeZeroesZeroesExactlyItsRange() {
        client.enter("disk", true);
        client.write(0, bytes(3 * 4096, 5));
        assertThat(client.call(NbdProtocol.CMD_WRITE_ZEROES, 0, 100, 8192).errno()).isZero();
        assertThat(client.read(99, 2)).containsExactly(5, 0);
        assertThat(client.read(8291, 2)).containsExactly(0, 5);
        assertThat(volume.allocatedBlocks()).isEqualTo(2);
    }

    @Test
    void noHoleKeepsTheZeroesAllocated() {
        client.enter("disk", true);
        client.call(NbdProtocol.CMD_WRITE_ZEROES, NbdProtocol.CMD_FLAG_NO_HOLE, 0, 8192);
        assertThat(volume.calls()).containsExactly("zero 0 8192 keep");
        assertThat(volume.allocatedBlocks()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({
        // flags besides FAST_ZERO, offset, length, whether it is fast
        "0, 0, 4096, true",
        "0, 100, 8192, true",
        "0, 0, 268435456, true",
        "0, 1, 4096, false",
        "0, 4095, 4097, true",
        "0, 0, 512, false",
        "2, 0, 1048576, false"
    })
    void fastZeroIsRefusedWhereItIsNoFasterThanWriting(
            int flags, long offset, long length, boolean fast) {
        client.enter("disk", true);
        SessionClient.Reply reply =
                client.call(
                        NbdProtocol.CMD_WRITE_ZEROES,
                        flags | NbdProtocol.CMD_FLAG_FAST_ZERO,
                        offset,
                        length);
        assertRefused(reply, fast ? NbdErrno.OK : NbdErrno.ENOTSUP);
        assertThat(volume.calls()).hasSize(fast ? 1 : 0);
    }

    @Test
    void flushReachesTheVolumeAndTakesNoRange() {
        client.enter("disk", true);
        assertThat(client.call(NbdProtocol.CMD_FLUSH, 0, 0, 0).errno()).isZero();
        assertThat(volume.calls()).containsExactly("flush");
        assertRefused(client.call(NbdProtocol.CMD_FLUSH, 0, 0, 512), NbdErrno.EINVAL);
    }

    @Test
    void cacheReadsAheadInSteps() {
        client.enter("disk", true);
        assertThat(client.call(NbdProtocol.CMD_CACHE, 0, 5, (2 << 20) + 1).errno()).isZero();
        assertThat(volume.calls())
                .containsExactly("read 5 1048576", "read 1048581 1048576", "read 2097157 1");
    }

    @Test
    void repliesComeInTheOrderOfCompletion() {
        client.enter("disk", true);
        volume.hold();
        long first = client.request(READ, 0, 0, 16);
        long second = client.request(WRITE, 0, 50, 1, (byte) 1);
        long third = client.request(READ, 0, 32, 16);
        assertThat(client.unseenBytes()).isZero();
        volume.releaseNewest();
        assertThat(client.reply().cookie()).isEqualTo(third);
        volume.releaseNewest();
        assertThat(client.reply().cookie()).isEqualTo(second);
        volume.releaseNewest();
        assertThat(client.reply().cookie()).isEqualTo(first);
    }

    @Test
    void disconnectAnswersWhatIsInFlightAndNothingAfterIt() {
        client.enter("disk", true);
        volume.hold();
        long read = client.request(READ, 0, 0, 16);
        long write = client.request(WRITE, 0, 0, 4, (byte) 1, (byte) 2, (byte) 3, (byte) 4);
        client.request(NbdProtocol.CMD_DISC, 0, 0, 0);
        client.request(READ, 0, 0, 16);
        assertThat(client.isClosed()).isFalse();
        assertThat(volume.heldCount()).isEqualTo(2);
        volume.releaseNewest();
        assertThat(client.reply().cookie()).isEqualTo(write);
        assertThat(client.isClosed()).isFalse();
        volume.releaseNewest();
        assertThat(client.reply().cookie()).isEqualTo(read);
        assertThat(client.isClosed()).isTrue();
        assertThat(client.unseenBytes()).isZero();
    }

    @Test
    void disconnectWithNothingInFlightClosesAtOnce() {
        client.enter("disk", true);
        client.request(NbdProtocol.CMD_DISC, 0, 0, 0);
        assertThat(client.isClosed()).isTrue();
        assertThat(catalog.holds()).isEmpty();
    }

    @Test
    void anExportIsHeldUntilItsLastRequestCompleted() {
        client.enter("disk", true);
        volume.hold();
        client.request(WRITE, 0, 0, 1, (byte) 1);
        client.close();
        assertThat(catalog.holds()).hasSize(1);
        volume.releaseAll();
        client.channel.runPendingTasks();
        assertThat(catalog.holds()).isEmpty();
    }

    @Test
    void aWriteCutShortByTheEndOfTheConnectionHasNoEffect() {
        client.enter("disk", true);
        client.send(SessionClient.requestBytes(WRITE, 0, 1, 0, 5000, new byte[4999]));
        client.close();
        assertThat(volume.calls()).isEmpty();
        assertThat(catalog.holds()).isEmpty();
    }

    @Test
    void aWrongRequestMagicClosesTheConnection() {
        client.enter("disk", true);
        client.send(Unpooled.wrappedBuffer(new byte[28]));
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void aFencedVolumeAnswersShutdownAndEndsTheSession() {
        client.enter("disk", true);
        volume.hold();
        client.request(READ, 0, 0, 16);
        client.request(WRITE, 0, 0, 1, (byte) 1);
        volume.fence();
        volume.releaseOldest();
        assertRefused(client.reply(), NbdErrno.ESHUTDOWN);
        assertThat(client.isClosed()).isFalse();
        // Sent before the client learned of it.
        assertRefused(client.write(0, bytes(100, 1)), NbdErrno.ESHUTDOWN);
        volume.releaseOldest();
        assertRefused(client.reply(), NbdErrno.ESHUTDOWN);
        assertThat(client.isClosed()).isTrue();
        assertThat(catalog.holds()).isEmpty();
    }

    @Test
    void anEndedExportAnswersWhatIsInFlightAndCloses() {
        client.enter("disk", true);
        volume.hold();
        client.request(READ, 0, 0, 16);
        catalog.holds().get(0).end(new MirachException(ErrorCode.NOT_ATTACHED, "detached"));
        assertThat(client.isClosed()).isFalse();
        volume.releaseOldest();
        assertThat(client.reply().errno()).isZero();
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void anEndedExportDoesNotWaitForAPayloadThatDoesNotCome() {
        client.enter("disk", true);
        client.send(SessionClient.requestBytes(WRITE, 0, 1, 0, 5000, new byte[1]));
        catalog.holds().get(0).end(new MirachException(ErrorCode.NOT_ATTACHED, "detached"));
        assertThat(client.isClosed()).isTrue();
        assertThat(catalog.holds()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "NO_SPACE, ENOSPC",
        "READ_ONLY, EPERM",
        "OUT_OF_RANGE, ENOSPC",
        "INVALID_ARGUMENT, EINVAL",
        "UNREACHABLE, EIO",
        "UNKNOWN_OUTCOME, EIO",
        "INTERNAL, EIO",
        "DAMAGED_BLOCK, EIO"
    })
    void failuresOfAWriteHaveTheirErrno(ErrorCode code, NbdErrno errno) {
        client.enter("disk", false);
        volume.failWith(code);
        assertRefused(client.write(0, (byte) 1), errno);
        volume.failWith(ErrorCode.OK);
        assertStillServes();
    }

    @Test
    void blockStatusNeedsItsContext() {
        client.enter("disk", false);
        assertRefused(client.call(NbdProtocol.CMD_BLOCK_STATUS, 0, 0, 4096), NbdErrno.EINVAL);
        assertStillServes();
    }

    @Test
    void blockStatusOfNothingIsInvalid() {
        client.enter("disk", true);
        assertRefused(client.call(NbdProtocol.CMD_BLOCK_STATUS, 0, 0, 0), NbdErrno.EINVAL);
    }

    @Test
    void blockStatusCoversAnUnalignedRangeExactly() {
        client.enter("disk", true);
        client.write(2 * 4096, bytes(4096, 1));
        client.write(5 * 4096, bytes(8192, 1));
        assertThat(status(0, 100, 7 * 4096))
                .isEqualTo("8092 hole, 4096 data, 8192 hole, 8192 data, 100 hole");
        assertThat(status(0, 2 * 4096 + 7, 10)).isEqualTo("10 data");
        assertThat(status(0, 2 * 4096 - 1, 2)).isEqualTo("1 hole, 1 data");
        assertThat(status(0, 0, SIZE_BYTES))
                .isEqualTo(
                        "8192 hole, 4096 data, 8192 hole, 8192 data, "
                                + (SIZE_BYTES - 7 * 4096)
                                + " hole");
        int one = NbdProtocol.CMD_FLAG_REQ_ONE;
        assertThat(status(one, 100, 7 * 4096)).isEqualTo("8092 hole");
        assertThat(status(one, 2 * 4096 + 1, 4096)).isEqualTo("4095 data");
        assertThat(status(one, 7 * 4096, 4096)).isEqualTo("4096 hole");
    }

    private String status(int flags, long offset, long length) {
        SessionClient.Reply reply =
                client.call(NbdProtocol.CMD_BLOCK_STATUS, flags, offset, length);
        assertThat(reply.chunkType()).isEqualTo(NbdProtocol.REPLY_TYPE_BLOCK_STATUS);
        ByteBuf payload = Unpooled.wrappedBuffer(reply.payload());
        assertThat(payload.readInt()).isEqualTo(BlockStatus.ALLOCATION_CONTEXT_ID);
        StringBuilder text = new StringBuilder();
        while (payload.isReadable()) {
            text.append(text.isEmpty() ? "" : ", ").append(payload.readUnsignedInt());
            text.append(payload.readInt() == 3 ? " hole" : " data");
        }
        return text.toString();
    }
}
