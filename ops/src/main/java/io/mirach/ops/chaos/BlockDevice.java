package io.mirach.ops.chaos;

/**
 * A disk of blocks of 4 KiB, as a file system sees it: a write may be lost or come later until it
 * is flushed, unless it is a durable one. Methods block; they fail with {@link DeviceGoneException}
 * once the disk is gone, and then it is not known whether the call took effect.
 */
interface BlockDevice {
    byte[] read(long block) throws InterruptedException;

    /**
     * @param durable when this returns (FUA)
     */
    void write(long block, byte[] content, boolean durable) throws InterruptedException;

    /** All writes that returned are durable when this returns (FLUSH). */
    void flush() throws InterruptedException;

    /** The disk went away: it may be found again. */
    final class DeviceGoneException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        DeviceGoneException(String detail, Throwable cause) {
            super(detail, cause);
        }
    }
}
