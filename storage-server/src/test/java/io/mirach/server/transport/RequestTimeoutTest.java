package io.mirach.server.transport;

import static io.mirach.server.transport.ClientDataPathTest.assertFails;
import static io.mirach.server.transport.ClientDataPathTest.attach;
import static io.mirach.server.transport.ClientDataPathTest.bytesOf;
import static io.mirach.server.transport.ClientDataPathTest.config;
import static io.mirach.server.transport.ClientDataPathTest.random;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClients;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What requests become while no placement group has a leader, for a while or for longer. */
@Timeout(90)
@ExtendWith(NoLeaks.class)
class RequestTimeoutTest {
    private static final Set<Opcode> DATA =
            Set.of(Opcode.READ, Opcode.WRITE, Opcode.ZERO, Opcode.BLOCK_STATUS);
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final int LARGEST_BYTES = 32 << 20;

    private final AtomicInteger refusals = new AtomicInteger();
    private FakeCluster cluster;
    private MirachClient client;
    private AttachedVolume volume;

    @BeforeEach
    void start() throws Exception {
        cluster = new FakeCluster(1L << 30);
    }

    @AfterEach
    void stop() {
        client.close();
        cluster.close();
    }

    private void attachWithTimeout(Duration timeout) throws Exception {
        client =
                MirachClients.connect(config(cluster).withRequestTimeout(timeout))
                        .get(30, TimeUnit.SECONDS);
        volume = attach(client, Attachment.Mode.READ_WRITE);
    }

    private void loseMajority() {
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (!DATA.contains(opcode)) {
                        return real.handle(body);
                    }
                    body.release();
                    refusals.incrementAndGet();
                    return CompletableFuture.failedFuture(
                            MirachException.notLeader(Optional.empty()));
                };
    }

    private void regainMajority() {
        cluster.fault = FakeCluster.NONE;
    }

    private List<CompletableFuture<?>> oneOfEachKind() {
        return new ArrayList<>(
                List.of(
                        volume.write(0, random(new Random(1), 4096)),
                        volume.read(8192, 100).thenAccept(ByteBuf::release),
                        volume.writeZeroes(16_384, 4096, false),
                        volume.discard(24_576, 4096),
                        volume.allocation(0, 1 << 20, 10)));
    }

    @Test
    void withoutALimitRequestsWaitForTheMajority() throws Exception {
        attachWithTimeout(Duration.ZERO);
        requestsSucceedOnceTheMajorityIsBack();
    }

    @Test
    void withinTheLimitNoRequestFails() throws Exception {
        attachWithTimeout(Duration.ofSeconds(60));
        requestsSucceedOnceTheMajorityIsBack();
    }

    private void requestsSucceedOnceTheMajorityIsBack() throws Exception {
        loseMajority();
        List<CompletableFuture<?>> requests = oneOfEachKind();
        // Every member was asked, over several rounds.
        await().until(() -> refusals.get() > 30);
        requests.add(volume.flush());
        assertThat(requests).noneMatch(CompletableFuture::isDone);
        regainMajority();
        CompletableFuture.allOf(requests.toArray(CompletableFuture<?>[]::new))
                .get(30, TimeUnit.SECONDS);
    }

    @Test
    void afterTheLimitEveryKindOfRequestFails() throws Exception {
        attachWithTimeout(SHORT);
        loseMajority();
        for (CompletableFuture<?> request : oneOfEachKind()) {
            assertFails(request, ErrorCode.TIMEOUT);
        }
        // What could not be written was told, so nothing acknowledged is missing.
        volume.flush().get(10, TimeUnit.SECONDS);
        assertThat(volume.closed()).as("the attachment lives on").isNotDone();
    }

    @Test
    void theLastOfSeveralWritesToABlockStays() throws Exception {
        attachWithTimeout(SHORT);
        loseMajority();
        for (int i = 0; i < 5; i++) {
            assertFails(volume.write(0, random(new Random(i), 4096)), ErrorCode.TIMEOUT);
        }
        regainMajority();
        // The five may yet take effect, and this one waits for them: it may be late itself.
        CompletableFuture<Void> last = volume.write(0, random(new Random(99), 4096));
        volume.detach().get(30, TimeUnit.SECONDS);
        assertThat(last).isDone();
        client.close();
        attachWithTimeout(Duration.ZERO);
        byte[] expected = new byte[4096];
        new Random(99).nextBytes(expected);
        assertThat(bytesOf(volume.read(0, 4096))).isEqualTo(expected);
    }

    @Test
    void writesThatWereGivenUpHoldBoundedMemory() throws Exception {
        attachWithTimeout(SHORT);
        loseMajority();
        for (int i = 0; i < 2; i++) {
            assertFails(volume.write(0, zeroes(LARGEST_BYTES)), ErrorCode.TIMEOUT);
        }
        ByteBuf refused = zeroes(4096);
        CompletableFuture<Void> write = volume.write(1 << 28, refused);
        assertThat(write).as("at once").isCompletedExceptionally();
        assertFails(write, ErrorCode.TIMEOUT);
        assertThat(refused.refCnt()).isZero();
        regainMajority();
        await().ignoreExceptions()
                .until(
                        () -> {
                            volume.write(1 << 28, zeroes(4096)).get(10, TimeUnit.SECONDS);
                            return true;
                        });
    }

    @Test
    void aClientThatIsClosedLosesNothingOfWhatWasGivenUp() throws Exception {
        attachWithTimeout(SHORT);
        loseMajority();
        ByteBuf data = zeroes(1 << 20);
        assertFails(volume.write(0, data), ErrorCode.TIMEOUT);
        assertThat(data.refCnt()).isPositive();
        client.close();
        await().until(() -> data.refCnt() == 0);
    }

    private static ByteBuf zeroes(int bytes) {
        return PooledByteBufAllocator.DEFAULT.directBuffer(bytes, bytes).writeZero(bytes);
    }
}
