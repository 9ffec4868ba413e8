package io.mirach.ops.chaos;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Tries every order of the calls on one register, after J. M. Wing and C. Gong, "Testing and
 * Verifying Concurrent Objects", 1993. Exponential: for a dozen calls. Shares no thought with
 * {@link LinearizabilityChecker}, so that each judges the other.
 */
final class BruteForceChecker {
    private record State(int done, long value) {}

    private final List<Operation> operations;
    private final Set<State> deadEnds = new HashSet<>();

    private BruteForceChecker(List<Operation> operations) {
        this.operations = operations;
    }

    static boolean isLinearizable(List<Operation> operations) {
        return new BruteForceChecker(operations).search(new State(0, Operation.INITIAL));
    }

    private boolean search(State state) {
        if (onlyUnacknowledgedLeft(state.done())) {
            return true;
        }
        if (!deadEnds.add(state)) {
            return false;
        }
        long earliestEnd = Long.MAX_VALUE;
        long latestStart = Long.MIN_VALUE;
        for (int i = 0; i < operations.size(); i++) {
            if ((state.done() & 1 << i) == 0 && operations.get(i).acknowledged()) {
                earliestEnd = Math.min(earliestEnd, operations.get(i).endTick());
            }
            if ((state.done() & 1 << i) != 0) {
                latestStart = Math.max(latestStart, operations.get(i).startTick());
            }
        }
        for (int i = 0; i < operations.size(); i++) {
            Operation next = operations.get(i);
            boolean mayBeNext =
                    (state.done() & 1 << i) == 0
                            && next.startTick() < earliestEnd
                            && latestStart < next.endTick();
            if (!mayBeNext || (!next.isWrite() && next.value() != state.value())) {
                continue;
            }
            if (search(new State(state.done() | 1 << i, next.value()))) {
                return true;
            }
        }
        return false;
    }

    /** A write that was not acknowledged need not take effect. */
    private boolean onlyUnacknowledgedLeft(int done) {
        for (int i = 0; i < operations.size(); i++) {
            if ((done & 1 << i) == 0 && operations.get(i).acknowledged()) {
                return false;
            }
        }
        return true;
    }
}
