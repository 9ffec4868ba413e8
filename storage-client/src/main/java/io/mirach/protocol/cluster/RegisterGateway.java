package io.mirach.protocol.cluster;

import io.mirach.model.Gateway;
import java.util.List;
import java.util.Objects;

/**
 * A gateway announces itself, at start and every few seconds while it lives.
 *
 * @param ended the exports that were taken from it, until it offers them again
 */
public record RegisterGateway(Gateway gateway, List<EndedExport> ended) {
    public RegisterGateway {
        Objects.requireNonNull(gateway, "gateway");
        ended = List.copyOf(ended);
    }
}
