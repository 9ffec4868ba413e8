package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.protocol.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NegotiationTest {
    private static final long SIZE_BYTES = 1L << 30;

    private final SparseVolume volume = new SparseVolume("disk", SIZE_BYTES);
    private final FixedCatalog catalog =
            new FixedCatalog(volume, new SparseVolume("frozen", SIZE_BYTES, true, Runnable::run));
    private final SessionClient client = new SessionClient(catalog);

    @AfterEach
    void everyHoldIsGivenBack() {
        client.close();
        catalog.releaseOpens();
        client.channel.runPendingTasks();
        assertThat(catalog.holds()).isEmpty();
    }

    private void assertAnswers(int option, int type) {
        SessionClient.OptionReply reply = client.optionReply();
        assertThat(reply.option()).isEqualTo(option);
        assertThat(Integer.toHexString(reply.type())).isEqualTo(Integer.toHexString(type));
    }

    private void assertStillNegotiates() {
        assertThat(client.unseenBytes()).isZero();
        client.option(NbdProtocol.OPT_LIST);
        assertAnswers(NbdProtocol.OPT_LIST, NbdProtocol.REP_SERVER);
        assertAnswers(NbdProtocol.OPT_LIST, NbdProtocol.REP_SERVER);
        assertAnswers(NbdProtocol.OPT_LIST, NbdProtocol.REP_ACK);
        assertThat(client.unseenBytes()).isZero();
    }

    @Test
    void unknownClientFlagsCloseTheConnection() {
        client.handshake(1 << 5);
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void anOptionWithoutFixedNewstyleClosesTheConnection() {
        client.handshake(0);
        client.option(NbdProtocol.OPT_LIST);
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void aWrongOptionMagicClosesTheConnection() {
        client.handshake();
        client.send(Unpooled.buffer().writeLong(42).writeInt(NbdProtocol.OPT_LIST).writeInt(0));
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void listNamesAndDescribesWithoutOpening() {
        client.handshake();
        client.option(NbdProtocol.OPT_LIST);
        ByteBuf first = client.optionReply().bytes();
        assertThat(first.readCharSequence(first.readInt(), StandardCharsets.UTF_8))
                .hasToString("disk");
        assertThat(first.toString(StandardCharsets.UTF_8)).isEqualTo("a volume in memory");
        assertThat(client.optionReply().text()).contains("frozen");
        assertAnswers(NbdProtocol.OPT_LIST, NbdProtocol.REP_ACK);
        assertThat(catalog.opens()).isZero();
    }

    @Test
    void infoTellsWhatIsAskedForWithoutOpening() {
        client.handshake();
        client.option(
                NbdProtocol.OPT_INFO,
                SessionClient.info(
                        "frozen",
                        NbdProtocol.INFO_BLOCK_SIZE,
                        NbdProtocol.INFO_NAME,
                        NbdProtocol.INFO_DESCRIPTION,
                        4711));
        ByteBuf export = client.optionReply().bytes();
        assertThat(export.readUnsignedShort()).isEqualTo(NbdProtocol.INFO_EXPORT);
        assertThat(export.readLong()).isEqualTo(SIZE_BYTES);
        assertThat(export.readUnsignedShort())
                .isEqualTo(
                        NbdProtocol.FLAG_HAS_FLAGS
                                | NbdProtocol.FLAG_READ_ONLY
                                | NbdProtocol.FLAG_SEND_FLUSH
                                | NbdProtocol.FLAG_SEND_FUA
                                | NbdProtocol.FLAG_CAN_MULTI_CONN
                                | NbdProtocol.FLAG_SEND_CACHE);
        ByteBuf blockSize = client.optionReply().bytes();
        assertThat(blockSize.readUnsignedShort()).isEqualTo(NbdProtocol.INFO_BLOCK_SIZE);
        assertThat(blockSize.readInt()).isEqualTo(1);
        assertThat(blockSize.readInt()).isEqualTo(4096);
        assertThat(blockSize.readInt()).isEqualTo(32 << 20);
        assertThat(client.optionReply().text()).endsWith("frozen");
        assertThat(client.optionReply().text()).endsWith("a volume in memory");
        assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_ACK);
        assertThat(catalog.opens()).isZero();
        assertStillNegotiates();
    }

    @Test
    void goOpensOnceAndEntersTransmission() {
        client.enter("disk", false);
        assertThat(catalog.opens()).isEqualTo(1);
        assertThat(catalog.holds()).hasSize(1);
        assertThat(client.read(0, 512)).isEqualTo(new byte[512]);
    }

    @ParameterizedTest
    @ValueSource(ints = {NbdProtocol.OPT_GO, NbdProtocol.OPT_INFO})
    void anUnknownExportLeavesTheHandshakeOpen(int option) {
        client.handshake();
        client.option(option, SessionClient.info("nothing"));
        assertAnswers(option, NbdProtocol.REP_ERR_UNKNOWN);
        assertThat(catalog.opens()).isZero();
        assertStillNegotiates();
    }

    @Test
    void aVolumeInUseIsRefusedWithItsReason() {
        catalog.failOpens(ErrorCode.VOLUME_IN_USE);
        client.handshake();
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        SessionClient.OptionReply reply = client.optionReply();
        assertThat(reply.type()).isEqualTo(NbdProtocol.REP_ERR_POLICY);
        assertThat(reply.text()).isEqualTo("VOLUME_IN_USE: made to fail");
        assertStillNegotiates();
    }

    @Test
    void exportNameAnswersWithZeroesUnlessAgreedOtherwise() {
        client.handshake(NbdProtocol.FLAG_C_FIXED_NEWSTYLE);
        client.option(NbdProtocol.OPT_EXPORT_NAME, "disk".getBytes(StandardCharsets.UTF_8));
        assertThat(client.unseenBytes()).isEqualTo(8 + 2 + 124);
    }

    @Test
    void exportNameAnswersWithoutZeroesWhenAgreed() {
        client.handshake();
        client.option(NbdProtocol.OPT_EXPORT_NAME, "disk".getBytes(StandardCharsets.UTF_8));
        assertThat(client.unseenBytes()).isEqualTo(8 + 2);
    }

    @Test
    void exportNameWorksWithoutFixedNewstyle() {
        client.handshake(NbdProtocol.FLAG_C_NO_ZEROES);
        client.option(NbdProtocol.OPT_EXPORT_NAME, "disk".getBytes(StandardCharsets.UTF_8));
        assertThat(client.unseenBytes()).isEqualTo(8 + 2);
    }

    @Test
    void exportNameOfNothingClosesTheConnection() {
        client.handshake();
        client.option(NbdProtocol.OPT_EXPORT_NAME, "nothing".getBytes(StandardCharsets.UTF_8));
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void anUnknownOptionIsUnsupportedAndItsDataIsRead() {
        client.handshake();
        client.option(4711, new byte[1000]);
        assertAnswers(4711, NbdProtocol.REP_ERR_UNSUP);
        assertStillNegotiates();
    }

    @Test
    void tooMuchOptionDataIsReadAndRefused() {
        client.handshake();
        client.option(NbdProtocol.OPT_GO, new byte[NbdLimits.DEFAULT.maxOptionBytes() + 1]);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ERR_TOO_BIG);
        assertStillNegotiates();
    }

    @Test
    void tlsIsRefusedByPolicy() {
        client.handshake();
        client.option(NbdProtocol.OPT_STARTTLS);
        assertAnswers(NbdProtocol.OPT_STARTTLS, NbdProtocol.REP_ERR_POLICY);
        client.option(NbdProtocol.OPT_STARTTLS, (byte) 1);
        assertAnswers(NbdProtocol.OPT_STARTTLS, NbdProtocol.REP_ERR_INVALID);
        assertStillNegotiates();
    }

    @ParameterizedTest
    @ValueSource(ints = {NbdProtocol.OPT_LIST, NbdProtocol.OPT_STRUCTURED_REPLY})
    void dataWhereNoneBelongsIsInvalid(int option) {
        client.handshake();
        client.option(option, (byte) 1, (byte) 2);
        assertAnswers(option, NbdProtocol.REP_ERR_INVALID);
        assertStillNegotiates();
    }

    @Test
    void malformedInfoIsInvalid() {
        client.handshake();
        byte[] good = SessionClient.info("disk", NbdProtocol.INFO_NAME);
        for (int length = 0; length < good.length; length++) {
            client.option(NbdProtocol.OPT_INFO, java.util.Arrays.copyOf(good, length));
            assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_ERR_INVALID);
        }
        client.option(NbdProtocol.OPT_GO, java.util.Arrays.copyOf(good, good.length + 1));
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ERR_INVALID);
        byte[] longName = SessionClient.info("x".repeat(4097));
        client.option(NbdProtocol.OPT_INFO, longName);
        assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_ERR_INVALID);
        assertStillNegotiates();
    }

    @Test
    void abortIsAcknowledgedAndEndsTheConnection() {
        client.handshake();
        client.option(NbdProtocol.OPT_ABORT, (byte) 9);
        assertAnswers(NbdProtocol.OPT_ABORT, NbdProtocol.REP_ACK);
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void moreOptionsThanAllowedCloseTheConnection() {
        client.handshake();
        for (int i = 0; i < NbdLimits.DEFAULT.maxOptions(); i++) {
            client.option(4711);
            assertAnswers(4711, NbdProtocol.REP_ERR_UNSUP);
        }
        client.option(NbdProtocol.OPT_LIST);
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void anIdleHandshakeEnds() {
        client.handshake();
        client.channel.advanceTimeBy(29, TimeUnit.SECONDS);
        client.channel.runScheduledPendingTasks();
        // Bytes of an option are no option.
        client.send(Unpooled.buffer().writeLong(NbdProtocol.IHAVEOPT));
        assertThat(client.isClosed()).isFalse();
        client.channel.advanceTimeBy(2, TimeUnit.SECONDS);
        client.channel.runScheduledPendingTasks();
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void aTransmissionMayBeIdle() {
        client.enter("disk", false);
        client.channel.advanceTimeBy(1, TimeUnit.HOURS);
        client.channel.runScheduledPendingTasks();
        assertThat(client.isClosed()).isFalse();
    }

    @Test
    void metaContextsNeedStructuredReplies() {
        client.handshake();
        byte[] body = SessionClient.metaContext("disk", "base:allocation");
        client.option(NbdProtocol.OPT_SET_META_CONTEXT, body);
        assertAnswers(NbdProtocol.OPT_SET_META_CONTEXT, NbdProtocol.REP_ERR_INVALID);
        assertStillNegotiates();
    }

    @Test
    void metaContextsAreListedByWildcardAndSetByName() {
        client.handshake();
        client.option(NbdProtocol.OPT_STRUCTURED_REPLY);
        assertAnswers(NbdProtocol.OPT_STRUCTURED_REPLY, NbdProtocol.REP_ACK);
        assertContexts(NbdProtocol.OPT_LIST_META_CONTEXT, true);
        assertContexts(NbdProtocol.OPT_LIST_META_CONTEXT, true, "base:");
        assertContexts(NbdProtocol.OPT_LIST_META_CONTEXT, true, "x-foo:", "base:allocation");
        assertContexts(NbdProtocol.OPT_LIST_META_CONTEXT, false, "base:other", "qemu:");
        assertContexts(NbdProtocol.OPT_SET_META_CONTEXT, false);
        assertContexts(NbdProtocol.OPT_SET_META_CONTEXT, false, "base:");
        assertContexts(NbdProtocol.OPT_SET_META_CONTEXT, true, "qemu:x", "base:allocation");
        client.option(NbdProtocol.OPT_SET_META_CONTEXT, SessionClient.metaContext("disk", "base"));
        assertAnswers(NbdProtocol.OPT_SET_META_CONTEXT, NbdProtocol.REP_ERR_INVALID);
        client.option(NbdProtocol.OPT_SET_META_CONTEXT, SessionClient.metaContext("none", "base:"));
        assertAnswers(NbdProtocol.OPT_SET_META_CONTEXT, NbdProtocol.REP_ERR_UNKNOWN);
        assertThat(catalog.opens()).isZero();
        assertStillNegotiates();
    }

    private void assertContexts(int option, boolean found, String... queries) {
        client.option(option, SessionClient.metaContext("disk", queries));
        if (found) {
            SessionClient.OptionReply reply = client.optionReply();
            assertThat(reply.type()).isEqualTo(NbdProtocol.REP_META_CONTEXT);
            assertThat(reply.text()).endsWith("base:allocation");
        }
        assertAnswers(option, NbdProtocol.REP_ACK);
    }

    @Test
    void aQueryCountBeyondTheDataIsInvalid() {
        client.handshake();
        client.option(NbdProtocol.OPT_STRUCTURED_REPLY);
        assertAnswers(NbdProtocol.OPT_STRUCTURED_REPLY, NbdProtocol.REP_ACK);
        byte[] body =
                SessionClient.bytesOf(
                        Unpooled.buffer()
                                .writeInt(4)
                                .writeBytes("disk".getBytes(StandardCharsets.UTF_8))
                                .writeInt(0x7fffffff)
                                .writeInt(0));
        client.option(NbdProtocol.OPT_LIST_META_CONTEXT, body);
        assertAnswers(NbdProtocol.OPT_LIST_META_CONTEXT, NbdProtocol.REP_ERR_INVALID);
        assertStillNegotiates();
    }

    @Test
    void aContextSetForAnotherExportDoesNotCount() {
        client.handshake();
        client.option(NbdProtocol.OPT_STRUCTURED_REPLY);
        assertAnswers(NbdProtocol.OPT_STRUCTURED_REPLY, NbdProtocol.REP_ACK);
        assertContexts(NbdProtocol.OPT_SET_META_CONTEXT, true, "base:allocation");
        client.option(NbdProtocol.OPT_GO, SessionClient.info("frozen"));
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ACK);
        assertThat(client.call(NbdProtocol.CMD_BLOCK_STATUS, 0, 0, 4096).errno())
                .isEqualTo(NbdErrno.EINVAL.number());
    }

    @Test
    void aClientThatLeavesWhileItsExportOpensHoldsNothing() {
        catalog.holdOpens();
        client.handshake();
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        client.close();
        catalog.releaseOpens();
        client.channel.runPendingTasks();
        assertThat(catalog.opens()).isEqualTo(1);
        assertThat(catalog.holds()).isEmpty();
    }

    @Test
    void openingAnExportHasNoHandshakeTimeout() {
        catalog.holdOpens();
        client.handshake();
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        client.channel.advanceTimeBy(1, TimeUnit.HOURS);
        client.channel.runScheduledPendingTasks();
        catalog.releaseOpens();
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ACK);
        assertThat(client.read(0, 4)).isEqualTo(new byte[4]);
    }

    @Test
    void optionsSentWhileANameIsLookedForAreAnsweredInOrder() {
        catalog.holdDescriptions();
        client.handshake();
        client.send(
                Unpooled.wrappedBuffer(
                        SessionClient.optionBytes(NbdProtocol.OPT_INFO, SessionClient.info("disk")),
                        SessionClient.optionBytes(
                                NbdProtocol.OPT_INFO, SessionClient.info("missing"))));
        assertThat(client.unseenBytes()).isZero();
        catalog.releaseDescriptions(ErrorCode.OK);
        assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_ACK);
        assertAnswers(NbdProtocol.OPT_INFO, NbdProtocol.REP_ERR_UNKNOWN);
    }

    @Test
    void aNameThatCannotBeLookedForIsAnErrorAndTheSessionGoesOn() {
        catalog.holdDescriptions();
        client.handshake();
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        catalog.releaseDescriptions(ErrorCode.UNREACHABLE);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ERR_POLICY);
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ACK);
    }

    @Test
    void aClientThatLeavesWhileANameIsLookedForOpensNothing() {
        catalog.holdDescriptions();
        client.handshake();
        client.option(NbdProtocol.OPT_GO, SessionClient.info("disk"));
        client.close();
        catalog.releaseDescriptions(ErrorCode.OK);
        client.channel.runPendingTasks();
        assertThat(catalog.opens()).isZero();
    }

    @Test
    void requestsSentRightBehindGoAreNotLost() {
        catalog.holdOpens();
        client.handshake();
        client.send(
                Unpooled.wrappedBuffer(
                        SessionClient.optionBytes(NbdProtocol.OPT_GO, SessionClient.info("disk")),
                        SessionClient.requestBytes(
                                NbdProtocol.CMD_WRITE, 0, 7, 4090, 5, new byte[] {1, 2, 3, 4, 5}),
                        SessionClient.requestBytes(NbdProtocol.CMD_READ, 0, 8, 4089, 4)));
        assertThat(client.unseenBytes()).isZero();
        catalog.releaseOpens();
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ACK);
        assertThat(client.reply().cookie()).isEqualTo(7);
        SessionClient.Reply read = client.readReply(4);
        assertThat(read.cookie()).isEqualTo(8);
        assertThat(read.payload()).containsExactly(0, 1, 2, 3);
    }

    @Test
    void aConversationArrivingByteByByteIsUnderstood() {
        client.handshake();
        ByteBuf all =
                Unpooled.wrappedBuffer(
                        SessionClient.optionBytes(4711, new byte[3]),
                        SessionClient.optionBytes(NbdProtocol.OPT_GO, SessionClient.info("disk")),
                        SessionClient.requestBytes(
                                NbdProtocol.CMD_WRITE, 0, 7, 10, 3, new byte[] {1, 2, 3}),
                        SessionClient.requestBytes(NbdProtocol.CMD_READ, 0, 8, 9, 5));
        while (all.isReadable()) {
            client.send(Unpooled.copiedBuffer(all.readSlice(1)));
        }
        assertAnswers(4711, NbdProtocol.REP_ERR_UNSUP);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_INFO);
        assertAnswers(NbdProtocol.OPT_GO, NbdProtocol.REP_ACK);
        assertThat(client.reply().errno()).isZero();
        assertThat(client.readReply(5).payload()).containsExactly(0, 1, 2, 3, 0);
    }
}
