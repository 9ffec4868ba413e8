package io.mirach.raft;

/** The command may or may not take effect: only a retry under the same identity can tell. */
public final class OutcomeUnknownException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public OutcomeUnknownException(String detail, Throwable cause) {
        super(detail, cause);
    }
}
