package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mirach.bench.command.FakeTarget.Request;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LoadRunTest {
    private static final int REGION_BYTES = 1 << 20;

    private final FakeTarget target = new FakeTarget();
    private final StampedBlocks blocks = new StampedBlocks(7);
    private final AtomicLong nanos = new AtomicLong();

    @AfterEach
    void close() {
        target.close();
    }

    private LoadRun run(LoadJob job) {
        return new LoadRun(job, target, blocks, true, REGION_BYTES, 1, nanos::get);
    }

    private <T> T onLoop(Callable<T> call) throws Exception {
        return target.loop().submit(call).get(10, TimeUnit.SECONDS);
    }

    private int requests() throws Exception {
        return onLoop(target.requests::size);
    }

    /** What a volume answers that was written before. */
    private void answer(int index) throws Exception {
        onLoop(
                () -> {
                    Request request = target.requests.get(index);
                    if (request.write()) {
                        assertThat(blocks.matches(request.data(), request.offsetBytes())).isTrue();
                        request.reply().complete(request.data());
                    } else {
                        request.reply().complete(written(request.offsetBytes()));
                    }
                    return null;
                });
    }

    private ByteBuf written(long offsetBytes) {
        ByteBuf data = Unpooled.buffer(4096);
        blocks.fill(data, offsetBytes, 4096, new SplittableRandom(3));
        return data;
    }

    @Test
    void asManyRequestsAsTheDepthAreOutstanding() throws Exception {
        LoadRun run = run(new LoadJob(true, true, 4096, 4));
        CompletableFuture<Void> ended = run.start();
        assertThat(requests()).isEqualTo(4);
        answer(2);
        assertThat(requests()).isEqualTo(5);
        run.stop();
        for (int index : new int[] {0, 1, 3}) {
            answer(index);
        }
        assertThat(ended).as("one is still outstanding").isNotDone();
        answer(4);
        ended.get(10, TimeUnit.SECONDS);
        assertThat(requests()).as("nothing is sent after the stop").isEqualTo(5);
        assertThat(run.completed()).isEqualTo(5);
    }

    @Test
    void onePassWritesTheRegionOnceFromItsStart() throws Exception {
        LoadRun run = run(new LoadJob(false, true, 128 << 10, 2));
        CompletableFuture<Void> ended = run.startOnePass();
        for (int i = 0; i < 8; i++) {
            answer(i);
        }
        ended.get(10, TimeUnit.SECONDS);
        assertThat(target.requests)
                .extracting(Request::offsetBytes)
                .containsExactly(
                        0L, 131_072L, 262_144L, 393_216L, 524_288L, 655_360L, 786_432L, 917_504L);
    }

    @Test
    void latenciesAreOfMeasuredRequestsAlone() throws Exception {
        LoadRun run = run(new LoadJob(true, false, 4096, 1));
        CompletableFuture<Void> ended = run.start();
        for (int i = 0; i < 102; i++) {
            if (i == 2) {
                run.measure();
            }
            requests();
            // The two of the warm-up take a second, then 1 us, 2 us ... 100 us.
            nanos.addAndGet(i < 2 ? 1_000_000_000L : (i - 1) * 1000L);
            answer(i);
        }
        run.stop();
        answer(102);
        ended.get(10, TimeUnit.SECONDS);
        JobResult.Latency latency = LoadSession.latency(run.latencies());
        assertThat(run.measured()).isEqualTo(100);
        assertThat(latency.p50()).isCloseTo(50, within(0.1));
        assertThat(latency.p99()).isCloseTo(99, within(0.1));
        assertThat(latency.p999()).isCloseTo(100, within(0.1));
        assertThat(latency.max()).isCloseTo(100, within(0.1));
        assertThat(latency.mean()).isCloseTo(50.5, within(0.1));
    }

    @Test
    void anotherBlocksDataEndsTheRun() throws Exception {
        CompletableFuture<Void> ended = run(new LoadJob(true, false, 4096, 1)).start();
        requests();
        onLoop(
                () -> {
                    Request request = target.requests.get(0);
                    request.reply().complete(written(request.offsetBytes() + 4096));
                    return null;
                });
        requireFailure(ended, ErrorCode.CHECKSUM_MISMATCH);
    }

    @Test
    void aShortReadEndsTheRun() throws Exception {
        CompletableFuture<Void> ended = run(new LoadJob(true, false, 4096, 1)).start();
        requests();
        onLoop(
                () -> {
                    Request request = target.requests.get(0);
                    request.reply().complete(written(request.offsetBytes()).writerIndex(4000));
                    return null;
                });
        requireFailure(ended, ErrorCode.CHECKSUM_MISMATCH);
    }

    @Test
    void aFailedRequestEndsTheRunAfterTheOthersReplied() throws Exception {
        CompletableFuture<Void> ended = run(new LoadJob(true, false, 4096, 2)).start();
        requests();
        onLoop(
                () ->
                        target.requests
                                .get(0)
                                .reply()
                                .completeExceptionally(
                                        new MirachException(ErrorCode.NO_SPACE, "full")));
        assertThat(ended).isNotDone();
        answer(1);
        requireFailure(ended, ErrorCode.NO_SPACE);
        assertThat(requests()).isEqualTo(2);
    }

    private static void requireFailure(CompletableFuture<Void> ended, ErrorCode code) {
        assertThatThrownBy(() -> ended.get(10, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code));
    }
}
