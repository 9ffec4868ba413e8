package io.mirach.model;

/**
 * How much a volume may be used. What a volume has not used lately it may use at once later, as
 * much as comes together in {@code burstMs}.
 *
 * @param readIops requests per second; 0 is no limit, as in all that follow
 * @param writeIops requests per second, of any kind that changes something
 * @param readBytesPerSecond of data
 * @param writeBytesPerSecond of data; zeroing and discarding carry none
 * @param burstMs milliseconds, {@link #MIN_BURST_MS} to {@link #MAX_BURST_MS}
 */
public record IoLimits(
        long readIops,
        long writeIops,
        long readBytesPerSecond,
        long writeBytesPerSecond,
        int burstMs) {
    public static final long MIN_BYTES_PER_SECOND = 64 << 10;
    public static final long MAX_IOPS = 1L << 30;
    public static final long MAX_BYTES_PER_SECOND = 1L << 40;
    public static final int MIN_BURST_MS = 10;
    public static final int MAX_BURST_MS = 60 * 60 * 1000;
    public static final int DEFAULT_BURST_MS = 1000;

    public static final IoLimits NONE = new IoLimits(0, 0, 0, 0, DEFAULT_BURST_MS);

    public IoLimits {
        checkIops("read", readIops);
        checkIops("write", writeIops);
        checkBytes("read", readBytesPerSecond);
        checkBytes("write", writeBytesPerSecond);
        if (burstMs < MIN_BURST_MS || burstMs > MAX_BURST_MS) {
            throw new IllegalArgumentException("the burst must be from 10 ms to 1 h: " + burstMs);
        }
    }

    private static void checkIops(String what, long perSecond) {
        if (perSecond < 0 || perSecond > MAX_IOPS) {
            throw new IllegalArgumentException(
                    "the limit of %s requests must be from 1 to %d per second, or 0 for none: %d"
                            .formatted(what, MAX_IOPS, perSecond));
        }
    }

    private static void checkBytes(String what, long perSecond) {
        if (perSecond != 0
                && (perSecond < MIN_BYTES_PER_SECOND || perSecond > MAX_BYTES_PER_SECOND)) {
            throw new IllegalArgumentException(
                    "the limit of %s bytes must be from 64 KiB to 1 TiB per second, or 0 for none: %d"
                            .formatted(what, perSecond));
        }
    }

    /** Whether nothing is limited. */
    public boolean none() {
        return readIops == 0
                && writeIops == 0
                && readBytesPerSecond == 0
                && writeBytesPerSecond == 0;
    }

    /** What each of so many equal users has. */
    public IoLimits sharedBy(int users) {
        return users <= 1
                ? this
                : new IoLimits(
                        share(readIops, users, 1),
                        share(writeIops, users, 1),
                        share(readBytesPerSecond, users, MIN_BYTES_PER_SECOND),
                        share(writeBytesPerSecond, users, MIN_BYTES_PER_SECOND),
                        burstMs);
    }

    private static long share(long limit, int users, long atLeast) {
        return limit == 0 ? 0 : Math.max(atLeast, limit / users);
    }
}
