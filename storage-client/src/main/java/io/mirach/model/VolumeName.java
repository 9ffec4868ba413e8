package io.mirach.model;

import java.util.regex.Pattern;

/** The form of volume names: {@code [a-z0-9][a-z0-9._-]{0,62}}. */
public final class VolumeName {
    private static final Pattern FORM = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");

    private VolumeName() {}

    public static boolean isValid(String name) {
        return FORM.matcher(name).matches();
    }

    /** Returns {@code name}, or throws IllegalArgumentException. */
    public static String check(String name) {
        if (name == null || !isValid(name)) {
            throw new IllegalArgumentException(
                    "volume name must match [a-z0-9][a-z0-9._-]{0,62}: " + name);
        }
        return name;
    }
}
