package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waiting for futures on the command's own thread. */
final class Waiting {
    private Waiting() {}

    /**
     * The value, or the failure's cause as a {@link MirachException}; TIMEOUT when it is not there
     * in time.
     *
     * @param from who is waited for, for people
     */
    static <T> T get(CompletableFuture<T> future, long limitSeconds, String from) {
        try {
            return future.get(limitSeconds, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new MirachException(
                    ErrorCode.TIMEOUT, "no reply from " + from + " in " + limitSeconds + " s", e);
        } catch (ExecutionException e) {
            throw failure(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MirachException(ErrorCode.UNKNOWN_OUTCOME, "interrupted while waiting", e);
        }
    }

    /** What a future failed with, out of its wrapping. */
    static MirachException failure(Throwable failed) {
        Throwable cause = failed;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof MirachException known
                ? known
                : new MirachException(ErrorCode.INTERNAL, "a request failed: " + cause, cause);
    }
}
