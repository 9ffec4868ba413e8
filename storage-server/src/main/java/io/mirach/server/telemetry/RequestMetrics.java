package io.mirach.server.telemetry;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;

/** Counts native requests by opcode and outcome, and how long they take. Thread-safe. */
public final class RequestMetrics {
    private static final double[] BOUNDS_SECONDS = {
        0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10
    };

    private final Counter outcomes;
    private final Histogram durations;

    RequestMetrics(PrometheusRegistry registry) {
        outcomes =
                Counter.builder()
                        .name("mirach_requests_total")
                        .help("Native requests answered.")
                        .labelNames("opcode", "code")
                        .withoutExemplars()
                        .register(registry);
        durations =
                Histogram.builder()
                        .name("mirach_request_duration_seconds")
                        .help("Time until a native request was answered.")
                        .labelNames("opcode")
                        .classicOnly()
                        .classicUpperBounds(BOUNDS_SECONDS)
                        .withoutExemplars()
                        .register(registry);
    }

    /** One opcode's; keeps what the labels stand for, whose lookup would cost each request. */
    private final class Measured {
        private final Opcode opcode;
        private final Map<ErrorCode, CounterDataPoint> byOutcome = new ConcurrentHashMap<>();
        // Set by the first request, so that what never comes is not shown.
        private volatile DistributionDataPoint duration;

        Measured(Opcode opcode) {
            this.opcode = opcode;
        }

        void count(ErrorCode outcome, long nanos) {
            CounterDataPoint count = byOutcome.get(outcome);
            if (count == null) {
                count = outcomes.labelValues(opcode.name(), outcome.name());
                byOutcome.put(outcome, count);
            }
            count.inc();
            DistributionDataPoint mine = duration;
            if (mine == null) {
                mine = durations.labelValues(opcode.name());
                duration = mine;
            }
            mine.observe(nanos / 1e9);
        }
    }

    /** The same handler, measured. */
    public RequestHandler measured(Opcode opcode, RequestHandler handler) {
        Measured measured = new Measured(opcode);
        return body -> {
            long begun = System.nanoTime();
            CompletableFuture<ByteBuf> answer;
            try {
                answer = handler.handle(body);
            } catch (RuntimeException e) {
                measured.count(outcome(e), System.nanoTime() - begun);
                throw e;
            }
            answer.whenComplete(
                    (reply, failure) ->
                            measured.count(outcome(failure), System.nanoTime() - begun));
            return answer;
        };
    }

    private static ErrorCode outcome(Throwable failure) {
        if (failure == null) {
            return ErrorCode.OK;
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        return cause instanceof MirachException known ? known.code() : ErrorCode.INTERNAL;
    }
}
