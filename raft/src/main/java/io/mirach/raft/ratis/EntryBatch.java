package io.mirach.raft.ratis;

import io.mirach.raft.OutcomeUnknownException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The commands that travel as one Raft entry, and who waits for them. It is completed once, by
 * whichever comes first: its apply, or the news that its leadership ended. Thread-safe.
 *
 * @param <R> the reply type of the state machine
 */
final class EntryBatch<R> {
    private final byte[] entry;
    private final long election;
    private final List<CompletableFuture<R>> replies;
    private final Runnable done;
    private final AtomicBoolean completed = new AtomicBoolean();
    // Set under the log's lock just before the entry gets its index. While it is false the entry
    // is certainly not in the log; from then on its outcome is unknown until it is applied.
    private volatile boolean mayBeAppended;

    /**
     * @param entry the encoded commands
     * @param election which of this replica's elections allowed it: it must not be appended in a
     *     later one, whose wait for older leases may not have ended
     * @param replies one per command, in order
     * @param done runs once, after the replies are completed
     */
    EntryBatch(byte[] entry, long election, List<CompletableFuture<R>> replies, Runnable done) {
        this.entry = entry;
        this.election = election;
        this.replies = replies;
        this.done = done;
    }

    byte[] entry() {
        return entry;
    }

    long election() {
        return election;
    }

    void appending() {
        mayBeAppended = true;
    }

    boolean mayBeAppended() {
        return mayBeAppended;
    }

    boolean isCompleted() {
        return completed.get();
    }

    /** Hands each command its reply; the entry is committed and applied. */
    void applied(List<R> results) {
        if (!completed.compareAndSet(false, true)) {
            return;
        }
        for (int i = 0; i < replies.size(); i++) {
            replies.get(i).complete(results.get(i));
        }
        done.run();
    }

    /**
     * Fails every command: with {@code refused} if the entry was certainly not appended, else with
     * {@link OutcomeUnknownException}.
     */
    void failed(RuntimeException refused, Throwable cause) {
        if (!completed.compareAndSet(false, true)) {
            return;
        }
        RuntimeException outcome =
                mayBeAppended
                        ? new OutcomeUnknownException("the entry may or may not be applied", cause)
                        : refused;
        replies.forEach(reply -> reply.completeExceptionally(outcome));
        done.run();
    }
}
