package io.mirach.model;

import java.util.Optional;

/** How a snapshot is named from outside: {@code VOLUME@NAME}, both of the form of volume names. */
public record SnapshotName(String volume, String name) {
    private static final char SEPARATOR = '@';

    public SnapshotName {
        VolumeName.check(volume);
        VolumeName.check(name);
    }

    /** Empty if it has not that form. */
    public static Optional<SnapshotName> parse(String text) {
        int at = text.indexOf(SEPARATOR);
        if (at < 0) {
            return Optional.empty();
        }
        String volume = text.substring(0, at);
        String name = text.substring(at + 1);
        return VolumeName.isValid(volume) && VolumeName.isValid(name)
                ? Optional.of(new SnapshotName(volume, name))
                : Optional.empty();
    }

    @Override
    public String toString() {
        return volume + SEPARATOR + name;
    }
}
