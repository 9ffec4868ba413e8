package io.mirach.ops.chaos;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/**
 * Every call of a run. Its ticks count begins and ends in the order in which they were told: a call
 * is begun before anything is sent, and ended after the answer came, so that "ended before another
 * began" is never claimed wrongly. Thread-safe.
 */
final class History {
    private static final int SHOWN_VIOLATIONS = 20;

    private final LongSupplier nanoClock;
    private final long startNanos;

    // All guarded by this.
    private final List<Operation> ended = new ArrayList<>();
    private final Map<Long, Call> open = new HashMap<>();
    private final List<Violation> seenAtOnce = new ArrayList<>();
    // By the epoch whose grant revoked all lower ones.
    private final NavigableMap<Long, Long> fenceTicks = new TreeMap<>();
    private long lastTick;
    private long lastNumber;
    private long lastValue = Operation.INITIAL;
    private long acknowledgedWrites;
    private long answeredReads;
    private long markNanos;
    private long longestWriteNanos;

    History(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
        this.startNanos = nanoClock.getAsLong();
    }

    /** A call under way. One that is neither answered nor dropped is of unknown outcome. */
    final class Call {
        private final long number;
        private final String client;
        private final long epoch;
        private final long register;
        private final Operation.Kind kind;
        private final long value;
        private final long startTick;
        private final long startNanos;

        private Call(String client, long epoch, long register, Operation.Kind kind, long value) {
            this.number = ++lastNumber;
            this.client = client;
            this.epoch = epoch;
            this.register = register;
            this.kind = kind;
            this.value = value;
            this.startTick = ++lastTick;
            this.startNanos = now();
        }

        /** What a write writes. */
        long value() {
            return value;
        }

        /** The write was acknowledged. */
        void acknowledged() {
            synchronized (History.this) {
                if (open.remove(number) == null) {
                    return;
                }
                acknowledgedWrites++;
                long now = now();
                longestWriteNanos =
                        Math.max(longestWriteNanos, now - Math.max(startNanos, markNanos));
                ended.add(operation(value, true, ++lastTick, now));
            }
        }

        /** The read returned a value; empty if the block was none that anybody wrote. */
        void returned(OptionalLong read) {
            synchronized (History.this) {
                if (open.remove(number) == null) {
                    return;
                }
                answeredReads++;
                Operation operation = operation(read.orElse(-1), true, ++lastTick, now());
                if (read.isPresent()) {
                    ended.add(operation);
                } else {
                    seenAtOnce.add(
                            new Violation(
                                    "a torn or misplaced block was read", List.of(operation)));
                }
            }
        }

        /**
         * The write was refused for good: it was not done and never will be, and whoever reads its
         * value proves otherwise.
         */
        void refused() {
            dropped();
        }

        /** A read was not answered, or a write was never sent: it says nothing. */
        void dropped() {
            synchronized (History.this) {
                open.remove(number);
            }
        }

        /** The answer itself breaks a promise. */
        void broke(String what) {
            synchronized (History.this) {
                Operation operation = operation(value, true, lastTick + 1, now());
                seenAtOnce.add(new Violation(what, List.of(operation)));
            }
        }

        private Operation operation(
                long itsValue, boolean acknowledged, long endTick, long endNanos) {
            return new Operation(
                    number,
                    client,
                    epoch,
                    register,
                    kind,
                    itsValue,
                    acknowledged,
                    startTick,
                    endTick,
                    startNanos,
                    endNanos);
        }
    }

    private long now() {
        return nanoClock.getAsLong() - startNanos;
    }

    synchronized Call beginRead(String client, long epoch, long register) {
        return begin(new Call(client, epoch, register, Operation.Kind.READ, -1));
    }

    /** Draws the value, which no other write has. */
    synchronized Call beginWrite(String client, long epoch, long register) {
        return begin(new Call(client, epoch, register, Operation.Kind.WRITE, ++lastValue));
    }

    private Call begin(Call call) {
        open.put(call.number, call);
        return call;
    }

    /** The attachment of {@code epoch} was granted just now: every lower one is fenced. */
    synchronized void granted(long epoch) {
        fenceTicks.put(epoch, ++lastTick);
    }

    synchronized long acknowledgedWrites() {
        return acknowledgedWrites;
    }

    synchronized long answeredReads() {
        return answeredReads;
    }

    synchronized long unknownWrites() {
        return open.values().stream().filter(call -> call.kind == Operation.Kind.WRITE).count();
    }

    /**
     * The longest that an acknowledged write took since this was last asked; what of it was before
     * does not count.
     */
    synchronized long takeLongestWriteNanos() {
        long longest = longestWriteNanos;
        longestWriteNanos = 0;
        markNanos = now();
        return longest;
    }

    /** All that ended, and the writes that did not (yet). */
    synchronized List<Operation> operations() {
        List<Operation> all = new ArrayList<>(ended);
        for (Call call : open.values()) {
            if (call.kind == Operation.Kind.WRITE) {
                all.add(call.operation(call.value, false, Operation.NEVER, -1));
            }
        }
        return all;
    }

    /** Judges all that was recorded so far; any moment is a fair one. */
    List<Violation> violations() {
        List<Operation> all;
        List<Violation> found;
        NavigableMap<Long, Long> fences;
        synchronized (this) {
            all = operations();
            found = new ArrayList<>(seenAtOnce);
            fences = new TreeMap<>(fenceTicks);
        }
        Set<Long> sentTooLate = new HashSet<>();
        Map<Long, List<Operation>> byRegister = new HashMap<>();
        for (Operation operation : all) {
            Optional<Long> fence = fenceOf(operation, fences);
            if (fence.isPresent() && operation.startTick() > fence.get()) {
                sentTooLate.add(operation.value());
                if (operation.acknowledged()) {
                    found.add(
                            new Violation("a fenced attachment was answered", List.of(operation)));
                }
                continue;
            }
            // What began before the fence took effect before it, or never.
            Operation bounded =
                    fence.isPresent() && fence.get() < operation.endTick()
                            ? operation.endingBy(fence.get())
                            : operation;
            byRegister.computeIfAbsent(operation.register(), key -> new ArrayList<>()).add(bounded);
        }
        for (List<Operation> operations : byRegister.values()) {
            fencedWriteThatWasRead(operations, sentTooLate)
                    .or(() -> LinearizabilityChecker.check(operations))
                    .ifPresent(found::add);
        }
        return found.subList(0, Math.min(found.size(), SHOWN_VIOLATIONS));
    }

    private static Optional<Long> fenceOf(Operation operation, NavigableMap<Long, Long> fences) {
        // Grants come in order of their epochs: the next higher one was the first to revoke it.
        return Optional.ofNullable(fences.higherEntry(operation.epoch())).map(Map.Entry::getValue);
    }

    private static Optional<Violation> fencedWriteThatWasRead(
            List<Operation> operations, Set<Long> sentTooLate) {
        return operations.stream()
                .filter(each -> !each.isWrite() && sentTooLate.contains(each.value()))
                .findFirst()
                .map(
                        read ->
                                new Violation(
                                        "a write that a fenced attachment sent took effect",
                                        List.of(read)));
    }

    /** Writes it down, one call a line. */
    void save(Path file) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            out.write("number client epoch kind block value acknowledged startTick endTick");
            out.write(" startNanos endNanos\n");
            for (Operation each : operations()) {
                out.write(
                        "%d %s %d %s %d %d %b %d %d %d %d%n"
                                .formatted(
                                        each.number(),
                                        each.client(),
                                        each.epoch(),
                                        each.kind(),
                                        each.register(),
                                        each.value(),
                                        each.acknowledged(),
                                        each.startTick(),
                                        each.endTick(),
                                        each.startNanos(),
                                        each.endNanos()));
            }
            synchronized (this) {
                for (Map.Entry<Long, Long> fence : fenceTicks.entrySet()) {
                    out.write(
                            "# epoch %d granted at tick %d%n"
                                    .formatted(fence.getKey(), fence.getValue()));
                }
            }
        }
    }
}
