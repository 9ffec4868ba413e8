package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BackPressureTest {
    private static final NbdLimits LIMITS = NbdLimits.DEFAULT;
    private static final int MIB = 1 << 20;

    private final SparseVolume volume = new SparseVolume("disk", 256L * MIB);
    private final FixedCatalog catalog = new FixedCatalog(volume);
    private final MemoryBudget budget = NbdSession.newBudget(LIMITS);
    private final SlowSocket socket = new SlowSocket();
    private final List<SessionClient> clients = new ArrayList<>();
    private final SessionClient client = connect(socket);

    private SessionClient connect(SlowSocket... slow) {
        SessionClient connected =
                new SessionClient(catalog, LIMITS, budget, slow).enter("disk", true);
        clients.add(connected);
        return connected;
    }

    @AfterEach
    void allMemoryIsGivenBack() {
        socket.flow();
        volume.releaseAll();
        clients.forEach(SessionClient::close);
        assertThat(budget.freeBytes()).isEqualTo(LIMITS.pooledBytes());
        assertThat(budget.contended()).isFalse();
        assertThat(catalog.holds()).isEmpty();
    }

    private static ByteBuf reads(int count, int lengthBytes) {
        ByteBuf all = Unpooled.buffer();
        for (int i = 0; i < count; i++) {
            all.writeBytes(SessionClient.requestBytes(NbdProtocol.CMD_READ, 0, i, 0, lengthBytes));
        }
        return all;
    }

    private boolean isReading(SessionClient of) {
        return of.channel.config().isAutoRead();
    }

    @Test
    void noMoreRequestsAreReadThanMayBeInFlight() {
        volume.hold();
        client.send(reads(1500, 16));
        assertThat(volume.heldCount()).isEqualTo(1024);
        assertThat(isReading(client)).isFalse();
        volume.releaseOldest();
        client.runPending();
        assertThat(volume.heldCount()).isEqualTo(1024);
        assertThat(volume.calls()).hasSize(1025);
        volume.releaseAll();
        for (int i = 0; i < 1500; i++) {
            assertThat(client.reply().cookie()).isEqualTo(i);
        }
        assertThat(isReading(client)).isTrue();
    }

    @Test
    void aClientThatDoesNotReadSmallRepliesIsNotServedFurther() {
        socket.stick();
        client.send(reads(1500, 16));
        assertThat(volume.calls()).hasSize(1024);
        assertThat(isReading(client)).isFalse();
        socket.flow();
        client.runPending();
        assertThat(volume.calls()).hasSize(1500);
        assertThat(isReading(client)).isTrue();
    }

    @Test
    void aClientThatDoesNotReadLargeRepliesHoldsBoundedMemory() {
        socket.stick();
        client.send(reads(20, 8 * MIB));
        assertThat(volume.calls()).hasSize(8);
        assertThat(budget.freeBytes()).isEqualTo(LIMITS.pooledBytes() - 64 * MIB);
        assertThat(isReading(client)).isFalse();
        socket.flow();
        client.runPending();
        assertThat(volume.calls()).hasSize(20);
        for (int i = 0; i < 20; i++) {
            assertThat(client.reply().payload()).hasSize(8 * MIB);
        }
        assertThat(isReading(client)).isTrue();
    }

    @Test
    void oneStalledClientLeavesRoomForTheLargestRequestOfAnother() {
        socket.stick();
        client.send(reads(3, 32 * MIB));
        assertThat(volume.calls()).hasSize(2);
        SessionClient other = connect();
        assertThat(other.read(0, 32 * MIB)).hasSize(32 * MIB);
    }

    @Test
    void whenAllMemoryIsHeldSmallRequestsOfOthersAreServedAndLargeOnesWait() {
        SessionClient second = connect();
        SessionClient other = connect();
        SessionClient third = connect();
        socket.stick();
        client.send(reads(2, 32 * MIB));
        volume.hold();
        second.send(reads(2, 32 * MIB));
        assertThat(budget.freeBytes()).isZero();
        other.send(reads(1, 32 * MIB));
        assertThat(isReading(other)).isFalse();
        assertThat(budget.contended()).isTrue();
        third.send(reads(1, MIB));
        assertThat(volume.heldCount()).isEqualTo(3);
        volume.releaseNewest();
        assertThat(third.reply().payload()).hasSize(MIB);
        volume.releaseAll();
        second.runPending();
        assertThat(other.reply().payload()).hasSize(32 * MIB);
        assertThat(isReading(other)).isTrue();
    }

    @Test
    void aClientThatLeavesWhileItWaitsForMemoryWaitsNoMore() {
        volume.hold();
        client.send(reads(2, 32 * MIB));
        SessionClient second = connect();
        second.send(reads(2, 32 * MIB));
        SessionClient waiting = connect();
        waiting.send(
                SessionClient.requestBytes(NbdProtocol.CMD_WRITE, 0, 1, 0, 3 * MIB, new byte[9]));
        assertThat(budget.contended()).isTrue();
        waiting.close();
        assertThat(budget.contended()).isFalse();
    }

    @Test
    void aWriteThatWaitsForMemoryIsNotReadFromTheSocket() {
        volume.hold();
        client.send(reads(2, 32 * MIB));
        SessionClient second = connect();
        second.send(reads(2, 32 * MIB));
        SessionClient waiting = connect();
        byte[] data = new byte[3 * MIB];
        data[7] = 42;
        waiting.send(SessionClient.requestBytes(NbdProtocol.CMD_WRITE, 0, 1, 0, data.length, data));
        assertThat(isReading(waiting)).isFalse();
        volume.releaseAll();
        client.runPending();
        second.runPending();
        assertThat(waiting.reply().errno()).isZero();
        assertThat(waiting.read(7, 1)).containsExactly(42);
        assertThat(isReading(waiting)).isTrue();
    }

    /** One byte of the payload has come, or it comes in crumbs. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 1000})
    void memoryFollowsTheBytesThatArriveAndNotTheAnnouncedLength(int crumbBytes) {
        UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false);
        client.channel.config().setAllocator(allocator);
        client.send(SessionClient.requestBytes(NbdProtocol.CMD_WRITE, 0, 1, 0, 32 * MIB));
        int sentBytes = 0;
        while (sentBytes < 40_000) {
            ByteBuf crumb = allocator.heapBuffer(crumbBytes).writeZero(crumbBytes);
            client.send(crumb);
            sentBytes += crumbBytes;
        }
        assertThat(allocator.metric().usedHeapMemory()).isLessThan(sentBytes + (64 << 10) + 16_384);
    }

    @Test
    void aPayloadInPiecesOfEverySizeIsPutTogetherInOrder() {
        byte[] data = new byte[300_001];
        new java.util.Random(3).nextBytes(data);
        ByteBuf all =
                Unpooled.wrappedBuffer(
                        SessionClient.requestBytes(
                                NbdProtocol.CMD_WRITE, 0, 1, 11, data.length, data));
        int[] pieces = {1, 40_000, 17, 16_384, 70_000, 5, 3, 65_536, 100};
        for (int i = 0; all.isReadable(); i++) {
            client.send(
                    all.readRetainedSlice(
                            Math.min(pieces[i % pieces.length], all.readableBytes())));
        }
        assertThat(client.reply().errno()).isZero();
        assertThat(client.read(11, data.length)).isEqualTo(data);
        all.release();
    }
}
