package io.mirach.transfer;

import io.mirach.cli.ByteSize;
import io.mirach.cli.CliClock;
import java.io.PrintWriter;
import java.time.Duration;

/** Says every second how far a transfer is, on standard error. Confined to one thread. */
final class TransferProgress {
    private static final long INTERVAL_NANOS = Duration.ofSeconds(1).toNanos();

    private final PrintWriter err;
    private final CliClock clock;
    private final String what;
    private final long totalBytes;
    private final long startNanos;
    private long toldNanos;

    /**
     * @param totalBytes 0 if not known
     */
    TransferProgress(PrintWriter err, CliClock clock, String what, long totalBytes) {
        this.err = err;
        this.clock = clock;
        this.what = what;
        this.totalBytes = totalBytes;
        this.startNanos = clock.nanoTime();
        this.toldNanos = startNanos;
    }

    /** So many bytes of the volume are done, holes included. */
    void at(long doneBytes) {
        long now = clock.nanoTime();
        if (now - toldNanos < INTERVAL_NANOS) {
            return;
        }
        toldNanos = now;
        long perSecond = (long) (doneBytes / ((now - startNanos) / 1e9));
        StringBuilder line =
                new StringBuilder(what).append(": ").append(ByteSize.format(doneBytes));
        if (totalBytes > 0) {
            line.append(" of ").append(ByteSize.format(totalBytes));
        }
        line.append(", ").append(ByteSize.format(perSecond)).append("/s");
        if (totalBytes > 0 && perSecond > 0) {
            line.append(", ").append((totalBytes - doneBytes) / perSecond).append(" s left");
        }
        err.println(line);
        err.flush();
    }
}
