package io.mirach.ops.chaos;

import static io.mirach.ops.chaos.Operation.INITIAL;
import static io.mirach.ops.chaos.Operation.Kind.READ;
import static io.mirach.ops.chaos.Operation.Kind.WRITE;
import static io.mirach.ops.chaos.Operation.NEVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LinearizabilityCheckerTest {
    /** Fixed, so that a build means the same everywhere; {@code -Dmirach.seed} tries others. */
    private static final long SEED = Long.getLong("mirach.seed", 20261124);

    private static final int HISTORIES = 20_000;

    @Test
    void sequentialReadsSeeTheLastWrite() {
        assertThat(accepts(write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7))).isTrue();
        assertThat(accepts(write(1, 0, 1), write(2, 2, 3), read(1, 4, 5))).isFalse();
    }

    @Test
    void whatWasNeverWrittenReadsAsInitialUntilAWriteEnds() {
        assertThat(accepts(read(INITIAL, 0, 1))).isTrue();
        assertThat(accepts(write(1, 0, 5), read(INITIAL, 1, 2), read(1, 3, 4))).isTrue();
        assertThat(accepts(write(1, 0, 1), read(INITIAL, 2, 3))).isFalse();
        assertThat(accepts(write(1, 0, 5), read(1, 1, 2), read(INITIAL, 3, 4))).isFalse();
    }

    @Test
    void aValueThatCameBackIsAViolation() {
        // What a late copy of write 1 does.
        assertThat(accepts(write(1, 0, 1), write(2, 2, 3), read(2, 4, 5), read(1, 6, 7))).isFalse();
    }

    @Test
    void concurrentWritesTakeEffectInEitherOrderButOnlyOne() {
        assertThat(accepts(write(1, 0, 10), write(2, 1, 9), read(1, 11, 12))).isTrue();
        assertThat(accepts(write(1, 0, 10), write(2, 1, 9), read(2, 11, 12))).isTrue();
        assertThat(accepts(write(1, 0, 10), write(2, 1, 9), read(2, 11, 12), read(1, 13, 14)))
                .isFalse();
    }

    @Test
    void aWriteWithoutAnEndTakesEffectOnceOrNever() {
        assertThat(accepts(write(1, 0, NEVER), read(INITIAL, 1, 2), read(1, 30, 31))).isTrue();
        assertThat(accepts(write(1, 0, NEVER), read(INITIAL, 30, 31))).isTrue();
        assertThat(accepts(write(1, 0, NEVER), read(1, 1, 2), read(INITIAL, 3, 4))).isFalse();
        assertThat(
                        accepts(
                                write(1, 0, NEVER),
                                read(1, 1, 2),
                                write(2, 3, 4),
                                read(2, 5, 6),
                                read(1, 7, 8)))
                .isFalse();
    }

    @Test
    void aWriteThatWasFencedTakesEffectBeforeTheFenceOrNever() {
        Operation fenced = operation(0, WRITE, 1, false, 0, 10);
        assertThat(accepts(fenced, read(INITIAL, 20, 21))).isTrue();
        assertThat(accepts(fenced, read(1, 20, 21))).isTrue();
        assertThat(accepts(fenced, read(INITIAL, 20, 21), read(1, 22, 23))).isFalse();
        assertThat(accepts(fenced, write(2, 12, 13), read(1, 20, 21))).isFalse();
        assertThat(accepts(fenced, write(2, 8, 13), read(2, 14, 15))).isTrue();
    }

    @Test
    void aValueOutOfNowhereOrFromTheFutureIsAViolation() {
        assertThat(accepts(read(7, 0, 1))).isFalse();
        assertThat(accepts(read(7, 0, 1), write(7, 2, 3))).isFalse();
    }

    @Test
    void aViolationShowsTheCallsThatProveIt() {
        List<Operation> operations = List.of(write(1, 0, 1), write(2, 2, 3), read(1, 4, 5));
        Violation violation = LinearizabilityChecker.check(operations).orElseThrow();
        assertThat(LinearizabilityChecker.check(violation.evidence())).isPresent();
    }

    @Test
    void twoWritesOfOneValueAreAMistakeOfTheWorkload() {
        assertThatThrownBy(
                        () -> LinearizabilityChecker.check(List.of(write(1, 0, 1), write(1, 2, 3))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void historiesOfARealRegisterAreAccepted() {
        Random random = new Random(SEED);
        for (int i = 0; i < HISTORIES; i++) {
            List<Operation> history = realHistory(random);
            assertThat(LinearizabilityChecker.check(history))
                    .as("seed %d, history %d: %s", SEED, i, history)
                    .isEmpty();
            assertThat(BruteForceChecker.isLinearizable(history)).isTrue();
        }
    }

    @Test
    void agreesWithBruteForceOnMutatedHistories() {
        Random random = new Random(SEED + 1);
        int rejected = 0;
        for (int i = 0; i < HISTORIES; i++) {
            List<Operation> history = mutated(realHistory(random), random);
            boolean linearizable = BruteForceChecker.isLinearizable(history);
            assertThat(LinearizabilityChecker.check(history).isEmpty())
                    .as("seed %d, history %d: %s", SEED, i, history)
                    .isEqualTo(linearizable);
            rejected += linearizable ? 0 : 1;
        }
        // Both answers must have been asked for often.
        assertThat(rejected).isBetween(HISTORIES / 20, HISTORIES * 19 / 20);
    }

    @Test
    void agreesWithBruteForceOnRandomHistories() {
        Random random = new Random(SEED + 2);
        int rejected = 0;
        for (int i = 0; i < HISTORIES; i++) {
            List<Operation> history = randomHistory(random);
            boolean linearizable = BruteForceChecker.isLinearizable(history);
            assertThat(LinearizabilityChecker.check(history).isEmpty())
                    .as("seed %d, history %d: %s", SEED, i, history)
                    .isEqualTo(linearizable);
            rejected += linearizable ? 0 : 1;
        }
        assertThat(rejected).isBetween(HISTORIES / 20, HISTORIES * 19 / 20);
    }

    @Test
    void aLongHistoryIsCheckedInNearLinearTime() {
        // Would not end within the build's patience if it were quadratic.
        Random random = new Random(SEED + 3);
        List<Operation> history = realHistory(random, 400_000);
        assertThat(LinearizabilityChecker.check(history)).isEmpty();
    }

    // ---- Histories ----

    private static List<Operation> realHistory(Random random) {
        return realHistory(random, 2 + random.nextInt(9));
    }

    /**
     * Each call takes effect at a point of its own, in order of those points, and is stretched
     * around it; some writes never end, and some of these never take effect.
     */
    private static List<Operation> realHistory(Random random, int calls) {
        long spread = 1L + random.nextInt(5);
        double reads = random.nextDouble();
        double unended = random.nextDouble() * 0.4;
        long[] ticks = ticksAround(random, calls, spread);
        List<Operation> history = new ArrayList<>();
        long held = INITIAL;
        for (int i = 0; i < calls; i++) {
            long start = ticks[2 * i];
            long end = ticks[2 * i + 1];
            if (random.nextDouble() < reads) {
                history.add(operation(i, READ, held, start, end));
                continue;
            }
            boolean ends = random.nextDouble() >= unended;
            boolean happens = ends || random.nextBoolean();
            // Also one that is known to be impossible later, such as by a fence.
            long latest = ends || random.nextBoolean() ? end : NEVER;
            history.add(operation(i, WRITE, i + 1L, ends, start, latest));
            if (happens) {
                held = i + 1L;
            }
        }
        Collections.shuffle(history, random);
        return history;
    }

    /** For each of n points in order a start before it and an end after it, all different. */
    private static long[] ticksAround(Random random, int calls, long spread) {
        double[] times = new double[2 * calls];
        for (int i = 0; i < calls; i++) {
            times[2 * i] = i - random.nextDouble() * spread;
            times[2 * i + 1] = i + random.nextDouble() * spread;
        }
        Integer[] order = new Integer[2 * calls];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Double.compare(times[a], times[b]));
        long[] ticks = new long[2 * calls];
        for (int rank = 0; rank < order.length; rank++) {
            ticks[order[rank]] = rank;
        }
        return ticks;
    }

    /** A read sees another value, two calls swap their times, or an end is forgotten. */
    private static List<Operation> mutated(List<Operation> history, Random random) {
        List<Operation> changed = new ArrayList<>(history);
        int mutations = 1 + random.nextInt(2);
        for (int i = 0; i < mutations; i++) {
            int at = random.nextInt(changed.size());
            Operation was = changed.get(at);
            Operation other = changed.get(random.nextInt(changed.size()));
            switch (random.nextInt(3)) {
                case 0 -> {
                    if (!was.isWrite()) {
                        changed.set(
                                at,
                                operation(
                                        was.number(),
                                        READ,
                                        other.value(),
                                        was.startTick(),
                                        was.endTick()));
                    }
                }
                case 1 -> swapTimes(changed, at, changed.indexOf(other));
                default -> {
                    if (was.isWrite()) {
                        long latest = random.nextBoolean() ? was.endTick() : NEVER;
                        changed.set(
                                at,
                                operation(
                                        was.number(),
                                        WRITE,
                                        was.value(),
                                        false,
                                        was.startTick(),
                                        latest));
                    }
                }
            }
        }
        return changed;
    }

    private static void swapTimes(List<Operation> history, int a, int b) {
        Operation first = history.get(a);
        Operation second = history.get(b);
        if (first.acknowledged() && second.acknowledged()) {
            history.set(a, timed(first, second));
            history.set(b, timed(second, first));
        }
    }

    private static Operation timed(Operation what, Operation when) {
        return operation(
                what.number(), what.kind(), what.value(), when.startTick(), when.endTick());
    }

    private static List<Operation> randomHistory(Random random) {
        int calls = 2 + random.nextInt(5);
        List<Long> ticks = new ArrayList<>(LongStream.range(0, 2L * calls).boxed().toList());
        Collections.shuffle(ticks, random);
        int writes = 1 + random.nextInt(calls);
        List<Operation> history = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            long start = Math.min(ticks.get(2 * i), ticks.get(2 * i + 1));
            long end = Math.max(ticks.get(2 * i), ticks.get(2 * i + 1));
            if (i < writes) {
                boolean ends = random.nextInt(4) > 0;
                long latest = ends || random.nextBoolean() ? end : NEVER;
                history.add(operation(i, WRITE, i + 1L, ends, start, latest));
            } else {
                history.add(operation(i, READ, random.nextInt(writes + 1), start, end));
            }
        }
        return history;
    }

    private static boolean accepts(Operation... operations) {
        boolean accepted = LinearizabilityChecker.check(List.of(operations)).isEmpty();
        assertThat(BruteForceChecker.isLinearizable(List.of(operations))).isEqualTo(accepted);
        return accepted;
    }

    private static Operation write(long value, long start, long end) {
        return operation(start, WRITE, value, start, end);
    }

    private static Operation read(long value, long start, long end) {
        return operation(start, READ, value, start, end);
    }

    private static Operation operation(
            long number, Operation.Kind kind, long value, long start, long end) {
        return operation(number, kind, value, end != NEVER, start, end);
    }

    private static Operation operation(
            long number,
            Operation.Kind kind,
            long value,
            boolean acknowledged,
            long start,
            long end) {
        return new Operation(
                number, "test", 1, 0, kind, value, acknowledged, start, end, start, end);
    }
}
