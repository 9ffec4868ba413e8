package io.mirach.client;

import io.mirach.client.routing.ExtentMapper.Part;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Sends a byte range part by part: each part waits for its bytes of the budget, and only so many of
 * one range are on their way, however long it is. After a failure no further part is sent. The run
 * ends when every part that was sent has settled, so that nothing of it is still on its way when
 * its failure is reported.
 *
 * <p>Thread-safe: whoever finds it idle runs it, and what happens meanwhile (a grant, a reply)
 * makes that thread go round once more. So it neither locks nor nests.
 */
final class PartRun {
    /** Cuts the first part off a range. */
    interface Cutter {
        Part firstPart(long offsetBytes, long endBytes);
    }

    /** Sends a part; {@code index} counts the parts of the run from 0. */
    interface Sender {
        CompletableFuture<Void> send(Part part, int index);
    }

    /** What a part costs of the budget, in bytes. */
    interface Cost {
        long ofPart(Part part);
    }

    static final int MAX_PARTS_IN_FLIGHT = 64;

    private final Cutter cutter;
    private final Sender sender;
    private final Cost cost;
    private final ByteBudget budget;
    private final long endBytes;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    private final AtomicInteger work = new AtomicInteger();
    private final AtomicInteger settled = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean acquiring;
    private volatile Part granted;

    // Touched only by the thread that runs it.
    private long nextOffsetBytes;
    private int sent;

    PartRun(
            long offsetBytes,
            long endBytes,
            Cutter cutter,
            Cost cost,
            ByteBudget budget,
            Sender sender) {
        this.nextOffsetBytes = offsetBytes;
        this.endBytes = endBytes;
        this.cutter = cutter;
        this.cost = cost;
        this.budget = budget;
        this.sender = sender;
    }

    /** Starts it. Completes once every part has settled; fails with the first failure. */
    CompletableFuture<Void> start() {
        run();
        return ended;
    }

    private void run() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            step();
            seen = work.addAndGet(-seen);
        } while (seen != 0);
    }

    private void step() {
        Part ready = granted;
        if (ready != null) {
            granted = null;
            if (failure.get() == null) {
                CompletableFuture<Void> settling = sender.send(ready, sent++);
                settling.whenComplete((ok, e) -> settled(ready, e));
            } else {
                budget.release(cost.ofPart(ready));
            }
        }
        if (acquiring || granted != null) {
            return;
        }
        boolean stopped = failure.get() != null || nextOffsetBytes >= endBytes;
        if (stopped) {
            if (settled.get() == sent) {
                end();
            }
        } else if (sent - settled.get() < MAX_PARTS_IN_FLIGHT) {
            Part part = cutter.firstPart(nextOffsetBytes, endBytes);
            nextOffsetBytes = part.endBytes();
            acquiring = true;
            budget.acquire(cost.ofPart(part), () -> granted(part));
        }
    }

    private void granted(Part part) {
        granted = part;
        acquiring = false;
        run();
    }

    private void settled(Part part, Throwable e) {
        if (e != null) {
            failure.compareAndSet(null, e);
        }
        settled.incrementAndGet();
        run();
        // After this run had its turn: then the next in line is whoever waited first.
        budget.release(cost.ofPart(part));
    }

    private void end() {
        Throwable first = failure.get();
        if (first != null) {
            ended.completeExceptionally(first);
        } else {
            ended.complete(null);
        }
    }
}
