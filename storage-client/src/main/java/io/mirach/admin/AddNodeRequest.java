package io.mirach.admin;

import java.util.Objects;

/**
 * Makes a node that belongs to no cluster a member of this one.
 *
 * @param httpAddress where it serves the admin API, {@code host:port}
 * @param replace a node of that name has lost its data dirs, or some of them, and comes back with
 *     empty ones in their place: what those held is made anew
 */
public record AddNodeRequest(String httpAddress, boolean replace) {
    public AddNodeRequest {
        Objects.requireNonNull(httpAddress, "httpAddress");
    }
}
