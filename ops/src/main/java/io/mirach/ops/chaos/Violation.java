package io.mirach.ops.chaos;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A promise that was broken.
 *
 * @param what which, in one line
 * @param evidence the calls that show it
 */
record Violation(String what, List<Operation> evidence) {
    Violation {
        evidence = List.copyOf(evidence);
    }

    @Override
    public String toString() {
        return evidence.stream()
                .map(operation -> "\n    " + operation)
                .collect(Collectors.joining("", what, ""));
    }
}
