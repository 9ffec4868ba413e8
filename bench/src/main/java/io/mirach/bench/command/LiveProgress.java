package io.mirach.bench.command;

import java.io.PrintWriter;

/** One line on standard error that is written over. Only on a terminal. Confined to one thread. */
final class LiveProgress {
    private static final String CLEAR_LINE = "\r\033[K";

    private final PrintWriter err;
    private final boolean terminal;

    LiveProgress(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    void show(String line) {
        if (terminal) {
            err.print(CLEAR_LINE + line);
            err.flush();
        }
    }

    /** Takes the line away. */
    void clear() {
        show("");
    }
}
