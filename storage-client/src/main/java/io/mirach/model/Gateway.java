package io.mirach.model;

import java.util.List;
import java.util.Objects;

/**
 * A process that offers volumes over NBD, registered under its name.
 *
 * @param nbdUris where it listens, without an export name, e.g. {@code nbd://127.0.0.1:10809}
 */
public record Gateway(String name, String host, List<String> nbdUris) {
    public Gateway {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(host, "host");
        nbdUris = List.copyOf(nbdUris);
    }
}
