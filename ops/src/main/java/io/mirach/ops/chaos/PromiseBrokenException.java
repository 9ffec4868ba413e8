package io.mirach.ops.chaos;

/** A fault saw a promise broken that the clients' calls do not show. */
final class PromiseBrokenException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Violation violation;

    PromiseBrokenException(Violation violation) {
        super(violation.what());
        this.violation = violation;
    }

    Violation violation() {
        return violation;
    }
}
