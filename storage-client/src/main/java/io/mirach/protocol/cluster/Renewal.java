package io.mirach.protocol.cluster;

import io.mirach.model.Epoch;
import java.util.Map;

/**
 * Answers {@link RenewAttachments}.
 *
 * @param termMs how long the others run from now on, unless renewed: after it someone else may have
 *     the volume without asking an operator
 * @param ended those that are over for good, and why
 */
public record Renewal(long termMs, Map<Epoch, String> ended) {
    public Renewal {
        ended = Map.copyOf(ended);
    }

    /** Nothing was found ended. */
    public static Renewal of(long termMs) {
        return new Renewal(termMs, Map.of());
    }
}
