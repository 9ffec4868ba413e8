package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write and read them, in binary units: 1 GiB = 1G = 2^30 bytes. */
public final class ByteSize {
    private static final Pattern FORM = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*([A-Za-z]*)");
    private static final String UNITS = "BKMGTPE";

    private ByteSize() {}

    /**
     * Reads {@code 10GiB}, {@code 10G}, {@code 1.5T}, {@code 4096B} or {@code 4096} (bytes). Fails
     * with INVALID_ARGUMENT; so do the decimal units KB, MB, GB..., since nobody can tell what is
     * meant by them.
     */
    public static long parse(String text) {
        Matcher matcher = FORM.matcher(text.strip());
        if (!matcher.matches()) {
            throw invalid("not a size: '" + text + "'");
        }
        String unit = matcher.group(2).toUpperCase(Locale.ROOT);
        int power = unit.isEmpty() ? 0 : UNITS.indexOf(unit.charAt(0));
        boolean binary =
                unit.length() <= 1 || (power > 0 && unit.length() == 3 && unit.endsWith("IB"));
        if (power > 0 && unit.length() == 2 && unit.endsWith("B")) {
            char letter = unit.charAt(0);
            throw invalid(
                    "'"
                            + text
                            + "' could be decimal or binary; Mirach's sizes are binary: write "
                            + matcher.group(1)
                            + letter
                            + "iB");
        }
        if (power < 0 || !binary) {
            throw invalid("unknown unit in size '" + text + "'");
        }
        BigDecimal bytes =
                new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(1L << (10 * power)));
        try {
            return bytes.longValueExact();
        } catch (ArithmeticException e) {
            throw invalid("'" + text + "' is not a whole number of bytes below 8 EiB", e);
        }
    }

    private static MirachException invalid(String detail) {
        return invalid(detail, null);
    }

    private static MirachException invalid(String detail, Throwable cause) {
        return new MirachException(ErrorCode.INVALID_ARGUMENT, detail, cause)
                .withRemedy(
                        "write e.g. 10GiB, 512MiB or 1.5T (binary units), or a number of bytes");
    }

    /** At most one decimal, rounded down: {@code 10 GiB}, {@code 1.4 GiB}, {@code 0 B}. */
    public static String format(long bytes) {
        if (bytes < 0) {
            return "-" + format(-bytes);
        }
        if (bytes < 1024) {
            return bytes + " B";
        }
        int power = (63 - Long.numberOfLeadingZeros(bytes)) / 10;
        long whole = bytes >> (10 * power);
        long tenths = ((bytes >> (10 * power - 10)) & 1023) * 10 / 1024;
        String number = whole >= 100 || tenths == 0 ? "" + whole : whole + "." + tenths;
        return number + " " + UNITS.charAt(power) + "iB";
    }
}
