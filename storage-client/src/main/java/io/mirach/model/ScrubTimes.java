package io.mirach.model;

/**
 * When a placement group was scrubbed: every block of all its replicas read and found intact, and
 * the replicas found equal. Wall clock, milliseconds since 1970.
 *
 * @param scrubbedAtMs when the last scrub that found all well began; 0: never
 * @param orderedAtMs when somebody asked for one that has not come to its end; 0: nobody
 */
public record ScrubTimes(long scrubbedAtMs, long orderedAtMs) {
    public static final ScrubTimes NEVER = new ScrubTimes(0, 0);

    /** Somebody asks for a scrub; an earlier wish that stands is the same. */
    public ScrubTimes orderedAt(long nowMs) {
        return orderedAtMs > 0 ? this : new ScrubTimes(scrubbedAtMs, nowMs);
    }

    /**
     * A scrub has found all well.
     *
     * @param order the wish that stood when it began; a later one still stands
     */
    public ScrubTimes scrubbedAt(long beganAtMs, long order) {
        return new ScrubTimes(beganAtMs, orderedAtMs == order ? 0 : orderedAtMs);
    }

    /**
     * Whether a scrub should begin. A time in the future is a clock's fault, and says nothing.
     *
     * @param everyMs from one to the next; 0: only when somebody asks
     */
    public boolean isDue(long nowMs, long everyMs) {
        return orderedAtMs > 0
                || everyMs > 0 && (scrubbedAtMs > nowMs || nowMs - scrubbedAtMs >= everyMs);
    }
}
