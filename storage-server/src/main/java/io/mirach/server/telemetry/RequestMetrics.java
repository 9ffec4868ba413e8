package io.mirach.server.telemetry;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts native requests by opcode and outcome, and how long they take. Thread-safe. */
public final class RequestMetrics {
    private static final long[] BOUNDS_MICROS = {
        250,
        500,
        1_000,
        2_500,
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        1_000_000,
        10_000_000
    };

    private static final class Measured {
        final Map<ErrorCode, LongAdder> outcomes = new ConcurrentHashMap<>();
        final LongAdder[] buckets = new LongAdder[BOUNDS_MICROS.length + 1];
        final LongAdder totalNanos = new LongAdder();

        Measured() {
            for (int i = 0; i < buckets.length; i++) {
                buckets[i] = new LongAdder();
            }
        }

        void count(ErrorCode outcome, long nanos) {
            outcomes.computeIfAbsent(outcome, code -> new LongAdder()).increment();
            totalNanos.add(nanos);
            int bucket = 0;
            while (bucket < BOUNDS_MICROS.length && nanos > BOUNDS_MICROS[bucket] * 1000) {
                bucket++;
            }
            buckets[bucket].increment();
        }
    }

    private final Map<Opcode, Measured> byOpcode = new EnumMap<>(Opcode.class);

    public RequestMetrics() {
        for (Opcode opcode : Opcode.values()) {
            byOpcode.put(opcode, new Measured());
        }
    }

    /** The same handler, measured. */
    public RequestHandler measured(Opcode opcode, RequestHandler handler) {
        Measured measured = byOpcode.get(opcode);
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

    /** In Prometheus's text format. */
    public String text() {
        PrometheusText out = new PrometheusText();
        out.family("mirach_requests_total", "counter", "Native requests answered.");
        byOpcode.forEach(
                (opcode, measured) ->
                        measured.outcomes.forEach(
                                (code, count) ->
                                        out.sample(
                                                "mirach_requests_total",
                                                Map.of(
                                                        "opcode",
                                                        opcode.name(),
                                                        "code",
                                                        code.name()),
                                                count.sum())));
        out.family("mirach_request_seconds", "histogram", "Time until a request was answered.");
        byOpcode.forEach((opcode, measured) -> histogram(out, opcode, measured));
        return out.toString();
    }

    private static void histogram(PrometheusText out, Opcode opcode, Measured measured) {
        if (measured.outcomes.isEmpty()) {
            return;
        }
        long below = 0;
        for (int i = 0; i < BOUNDS_MICROS.length; i++) {
            below += measured.buckets[i].sum();
            out.sample(
                    "mirach_request_seconds_bucket",
                    Map.of("opcode", opcode.name(), "le", Double.toString(BOUNDS_MICROS[i] / 1e6)),
                    below);
        }
        below += measured.buckets[BOUNDS_MICROS.length].sum();
        Map<String, String> labels = Map.of("opcode", opcode.name());
        out.sample(
                "mirach_request_seconds_bucket",
                Map.of("opcode", opcode.name(), "le", "+Inf"),
                below);
        out.sample("mirach_request_seconds_sum", labels, measured.totalNanos.sum() / 1e9);
        out.sample("mirach_request_seconds_count", labels, below);
    }
}
