package io.mirach.model;

import java.util.Objects;

/**
 * A head that is being sealed: not every placement group of the volume is known to have done so.
 *
 * @param snapshot the one for which it is
 * @param sealed the head so far
 * @param newHead the head from then on. While it is not the volume's {@link Volume#head}, it is
 *     closed: clients do not know it, and nothing is written to it.
 */
public record Sealing(long snapshot, LayerId sealed, LayerId newHead) {
    public Sealing {
        Objects.requireNonNull(sealed, "sealed");
        Objects.requireNonNull(newHead, "newHead");
    }
}
