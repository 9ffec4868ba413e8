package io.mirach.client.transport;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Gathers what any thread has to write to a channel and writes it on the channel's event loop, many
 * at a time with one flush: one wake-up and one system call for all that came meanwhile. Items come
 * out in the order in which they were added. What bounds its length is whoever adds.
 */
public final class WriteBatch<T> {
    // Then other channels of the loop get a turn.
    private static final int MAX_PER_TURN = 256;

    private final Queue<T> items = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean scheduled = new AtomicBoolean();
    private final Executor loop;
    private final Consumer<T> write;
    private final Runnable flush;
    private final Consumer<T> refused;

    /**
     * @param write called on the loop; must not throw
     * @param flush called on the loop after some writes
     * @param refused gets what can no longer be written because the loop has ended; any thread
     */
    public WriteBatch(Executor loop, Consumer<T> write, Runnable flush, Consumer<T> refused) {
        this.loop = loop;
        this.write = write;
        this.flush = flush;
        this.refused = refused;
    }

    /** Any thread, also the loop's: there the write comes after what the loop is doing now. */
    public void add(T item) {
        items.add(item);
        schedule();
    }

    private void schedule() {
        if (!scheduled.compareAndSet(false, true)) {
            return;
        }
        try {
            loop.execute(this::drain);
        } catch (RejectedExecutionException e) {
            scheduled.set(false);
            for (T item = items.poll(); item != null; item = items.poll()) {
                refused.accept(item);
            }
        }
    }

    private void drain() {
        // Before the queue is read: whoever adds after it was found empty schedules again.
        scheduled.set(false);
        int written = 0;
        for (T item = items.poll(); item != null; item = items.poll()) {
            write.accept(item);
            if (++written == MAX_PER_TURN) {
                if (!items.isEmpty()) {
                    schedule();
                }
                break;
            }
        }
        if (written > 0) {
            flush.run();
        }
    }
}
