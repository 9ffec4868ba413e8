package io.mirach.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RequestPipelineTest {
    @Test
    void asManyAsTheDepthAreOutstandingAndNoMore() {
        RequestPipeline pipeline = new RequestPipeline(3);
        List<CompletableFuture<Void>> sent = new CopyOnWriteArrayList<>();
        CompletableFuture<Void> sender =
                CompletableFuture.runAsync(
                        () -> {
                            for (int i = 0; i < 10; i++) {
                                CompletableFuture<Void> request = new CompletableFuture<>();
                                sent.add(request);
                                submit(pipeline, request);
                            }
                        });
        for (int answered = 0; answered < 8; answered++) {
            int outstanding = answered + 3;
            await().until(() -> sent.size() == outstanding);
            assertThat(sender).isNotDone();
            sent.get(answered).complete(null);
        }
        sender.orTimeout(10, TimeUnit.SECONDS).join();
        assertThat(sent).hasSize(10);
    }

    @Test
    void drainWaitsForAllAndThePipelineGoesOn() throws Exception {
        RequestPipeline pipeline = new RequestPipeline(3);
        List<CompletableFuture<Void>> sent = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            sent.add(new CompletableFuture<>());
            pipeline.submitted(sent.get(i));
        }
        CompletableFuture<Void> drained =
                CompletableFuture.runAsync(
                        () -> {
                            try {
                                pipeline.drain();
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        });
        sent.get(0).complete(null);
        assertThat(drained).isNotDone();
        sent.get(1).complete(null);
        drained.orTimeout(10, TimeUnit.SECONDS).join();
        pipeline.submitted(new CompletableFuture<>());
        pipeline.submitted(new CompletableFuture<>());
    }

    @Test
    void aFailureIsToldAtTheNextRequest() {
        RequestPipeline pipeline = new RequestPipeline(2);
        IllegalStateException why = new IllegalStateException("lost");
        assertThatThrownBy(() -> pipeline.submitted(CompletableFuture.failedFuture(why)))
                .isInstanceOf(ExecutionException.class)
                .hasCause(why);
        assertThatThrownBy(pipeline::drain).hasCause(why);
    }

    private static void submit(RequestPipeline pipeline, CompletableFuture<Void> request) {
        try {
            pipeline.submitted(request);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
