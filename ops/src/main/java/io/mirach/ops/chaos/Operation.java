package io.mirach.ops.chaos;

import java.util.Objects;

/**
 * One call on one register (a block), as a client saw it. Times are ticks of {@link History}: a
 * call whose end is below another's start was over before that one began.
 *
 * @param number unique in the history
 * @param client who called, for people
 * @param epoch the attachment that it was made under
 * @param register the block
 * @param value unique per write; {@link #INITIAL} is what a register holds that was never written
 * @param startTick before anything was sent
 * @param acknowledged whether it was answered; a write that was not may take effect or not
 * @param endTick after the answer came. For a write that was not acknowledged, when it can take
 *     effect no more: {@link #NEVER}, or when its attachment was fenced
 * @param startNanos when it began, from the start of the run
 * @param endNanos when it ended; -1 if never
 */
record Operation(
        long number,
        String client,
        long epoch,
        long register,
        Kind kind,
        long value,
        boolean acknowledged,
        long startTick,
        long endTick,
        long startNanos,
        long endNanos) {
    static final long INITIAL = 0;
    static final long NEVER = Long.MAX_VALUE;

    /** What was called. */
    enum Kind {
        READ,
        WRITE
    }

    Operation {
        Objects.requireNonNull(client, "client");
        Objects.requireNonNull(kind, "kind");
        if (endTick <= startTick) {
            throw new IllegalArgumentException("ends before it starts: " + number);
        }
        if (kind == Kind.READ && !acknowledged) {
            throw new IllegalArgumentException("a read without an answer says nothing: " + number);
        }
        if (kind == Kind.WRITE && value == INITIAL) {
            throw new IllegalArgumentException("no write writes the initial value: " + number);
        }
    }

    boolean isWrite() {
        return kind == Kind.WRITE;
    }

    /**
     * The same call, which took effect by {@code tick} if it did.
     *
     * @param tick after its start, before its end
     */
    Operation endingBy(long tick) {
        return new Operation(
                number,
                client,
                epoch,
                register,
                kind,
                value,
                acknowledged,
                startTick,
                tick,
                startNanos,
                endNanos);
    }

    @Override
    public String toString() {
        String end = endNanos < 0 ? "never" : "%.6f".formatted(endNanos / 1e9);
        return "#%d %s epoch %d %s block %d value %d, %.6f to %s s"
                .formatted(number, client, epoch, kind, register, value, startNanos / 1e9, end);
    }
}
