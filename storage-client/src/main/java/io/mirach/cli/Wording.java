package io.mirach.cli;

import io.mirach.admin.PgView;
import io.mirach.model.Attachment;
import io.mirach.model.IoLimits;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** How values that are not sizes read in tables. */
final class Wording {
    private Wording() {}

    static String of(Attachment.Mode mode) {
        return switch (mode) {
            case READ_WRITE -> "rw";
            case READ_ONLY -> "ro";
            case SHARED -> "shared";
        };
    }

    /** {@code backfill 43 %, 12 MiB/s, 180 s left}. */
    static String of(PgView.Backfill backfill) {
        if (backfill.round() == 0) {
            return "waits for backfill";
        }
        long percent =
                backfill.totalBytes() == 0
                        ? 100
                        : 100 * backfill.doneBytes() / backfill.totalBytes();
        String text =
                "backfill " + percent + " %, " + ByteSize.format(backfill.bytesPerSecond()) + "/s";
        return backfill.secondsLeft() < 0
                ? text
                : text + ", " + age(1000 * Math.max(10, backfill.secondsLeft())) + " left";
    }

    /**
     * A moment in UTC, to the second.
     *
     * @param epochMs milliseconds since 1970
     */
    static String moment(long epochMs) {
        return Instant.ofEpochMilli(epochMs).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /**
     * {@code 0.4 s}, {@code 12 s}, {@code 5 min}, {@code 3 h}, {@code 9 d}, or {@code never}.
     *
     * @param ms a length of time; negative for none
     */
    static String age(long ms) {
        if (ms < 0) {
            return "never";
        }
        long seconds = ms / 1000;
        if (seconds < 10) {
            return seconds + "." + ms % 1000 / 100 + " s";
        }
        if (seconds < 120) {
            return seconds + " s";
        }
        if (seconds < 7200) {
            return seconds / 60 + " min";
        }
        return seconds < 172_800 ? seconds / 3600 + " h" : seconds / 86_400 + " d";
    }

    /** {@code none}, or what is limited. */
    static String of(IoLimits limits) {
        if (limits.none()) {
            return "none";
        }
        List<String> words = new ArrayList<>();
        add(words, "read", limits.readIops(), limits.readBytesPerSecond());
        add(words, "write", limits.writeIops(), limits.writeBytesPerSecond());
        words.add("burst " + limits.burstMs() / 1000.0 + " s");
        return String.join(", ", words);
    }

    private static void add(List<String> words, String what, long iops, long bytesPerSecond) {
        if (iops > 0) {
            words.add(what + " " + iops + "/s");
        }
        if (bytesPerSecond > 0) {
            words.add(what + " " + ByteSize.format(bytesPerSecond) + "/s");
        }
    }
}
