package io.mirach.admin;

import java.util.List;
import java.util.Objects;

/**
 * What to do next, the most urgent first; empty if nothing is to be done.
 *
 * @param survivable the nodes of which any one may be lost now
 */
public record AdviceView(List<Item> items, List<String> survivable) {
    public AdviceView {
        items = List.copyOf(items);
        survivable = List.copyOf(survivable);
    }

    /**
     * One piece of advice.
     *
     * @param finding what is so
     * @param command what to type; empty if there is only to wait
     * @param effect what comes of it, or what happens by itself
     */
    public record Item(StatusView.Health severity, String finding, String command, String effect) {
        public Item {
            Objects.requireNonNull(severity, "severity");
            Objects.requireNonNull(finding, "finding");
            Objects.requireNonNull(command, "command");
            Objects.requireNonNull(effect, "effect");
        }
    }
}
