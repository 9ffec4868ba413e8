package io.mirach.ops.chaos;

/** The operating system refused something. */
final class ShellException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ShellException(String detail, Throwable cause) {
        super(detail, cause);
    }
}
