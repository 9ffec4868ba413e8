package io.mirach.cli;

import io.mirach.protocol.ErrorCode.Handling;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Tells the user what is being waited for: a line on standard error each time the wording changes.
 * Confined to one thread.
 */
public final class Progress {
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);

    private final PrintWriter err;
    private final CliClock clock;
    private String lastLine = "";

    public Progress(PrintWriter err, CliClock clock) {
        this.err = err;
        this.clock = clock;
    }

    /** Prints the line unless it was the last one. */
    public void tell(String line) {
        if (!line.equals(lastLine)) {
            lastLine = line;
            err.println(line);
            err.flush();
        }
    }

    /**
     * Looks until the sight is as wanted or the time is over; returns the last sight in both cases.
     * A look that fails in a way that passes (an election, a node that restarts) is repeated; if
     * the last look failed so, its failure is thrown.
     *
     * @param wording of what is still missing
     */
    public <T> T watch(
            Supplier<T> look, Predicate<T> done, Function<T, String> wording, Duration limit)
            throws InterruptedException {
        long deadline = clock.nanoTime() + limit.toNanos();
        while (true) {
            boolean late = clock.nanoTime() - deadline >= 0;
            try {
                T sight = look.get();
                if (done.test(sight) || late) {
                    return sight;
                }
                tell(wording.apply(sight));
            } catch (MirachException e) {
                if (e.code().handling() == Handling.FAIL || late) {
                    throw e;
                }
                tell("waiting: " + e.getMessage());
            }
            clock.pause(LOOK_INTERVAL);
        }
    }
}
