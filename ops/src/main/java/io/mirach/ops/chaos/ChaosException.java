package io.mirach.ops.chaos;

/** The cluster did not do what it must between faults, or the run could not go on. */
final class ChaosException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ChaosException(String detail) {
        super(detail);
    }

    ChaosException(String detail, Throwable cause) {
        super(detail, cause);
    }
}
