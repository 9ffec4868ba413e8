package io.mirach.model;

import java.util.Objects;
import java.util.Optional;

/** Some of a volume's {@link IoLimits} to change; what is empty stays. 0 takes a limit away. */
public record IoLimitsChange(
        Optional<Long> readIops,
        Optional<Long> writeIops,
        Optional<Long> readBytesPerSecond,
        Optional<Long> writeBytesPerSecond,
        Optional<Integer> burstMs) {
    public IoLimitsChange {
        readIops = Objects.requireNonNullElse(readIops, Optional.empty());
        writeIops = Objects.requireNonNullElse(writeIops, Optional.empty());
        readBytesPerSecond = Objects.requireNonNullElse(readBytesPerSecond, Optional.empty());
        writeBytesPerSecond = Objects.requireNonNullElse(writeBytesPerSecond, Optional.empty());
        burstMs = Objects.requireNonNullElse(burstMs, Optional.empty());
        // Fails now rather than when it is applied.
        limits(
                IoLimits.NONE,
                readIops,
                writeIops,
                readBytesPerSecond,
                writeBytesPerSecond,
                burstMs);
    }

    public IoLimits applyTo(IoLimits old) {
        return limits(old, readIops, writeIops, readBytesPerSecond, writeBytesPerSecond, burstMs);
    }

    private static IoLimits limits(
            IoLimits old,
            Optional<Long> readIops,
            Optional<Long> writeIops,
            Optional<Long> readBytesPerSecond,
            Optional<Long> writeBytesPerSecond,
            Optional<Integer> burstMs) {
        return new IoLimits(
                readIops.orElse(old.readIops()),
                writeIops.orElse(old.writeIops()),
                readBytesPerSecond.orElse(old.readBytesPerSecond()),
                writeBytesPerSecond.orElse(old.writeBytesPerSecond()),
                burstMs.orElse(old.burstMs()));
    }

    public boolean changesNothing() {
        return readIops.isEmpty()
                && writeIops.isEmpty()
                && readBytesPerSecond.isEmpty()
                && writeBytesPerSecond.isEmpty()
                && burstMs.isEmpty();
    }
}
