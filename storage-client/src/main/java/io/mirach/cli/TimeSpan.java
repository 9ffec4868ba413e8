package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times as people write them in options. */
final class TimeSpan {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,6})([smh])");

    private TimeSpan() {}

    /** Reads {@code 90s}, {@code 30m} or {@code 2h}; INVALID_ARGUMENT, also for nothing at all. */
    static Duration parse(String option, String text) {
        Matcher parts = FORM.matcher(text.strip());
        long number = parts.matches() ? Long.parseLong(parts.group(1)) : 0;
        if (number == 0) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, option + ": not a time: '" + text + "'")
                    .withRemedy("write e.g. 90s, 30m or 2h");
        }
        return switch (parts.group(2)) {
            case "h" -> Duration.ofHours(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofSeconds(number);
        };
    }
}
