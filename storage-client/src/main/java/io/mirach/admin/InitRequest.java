package io.mirach.admin;

import java.util.List;

/**
 * Forms a cluster of uninitialised nodes.
 *
 * @param nodes the nodes' HTTP addresses, {@code host:port}, the receiver's among them
 * @param placementGroups how many to create; 0 lets the cluster choose
 */
public record InitRequest(List<String> nodes, int placementGroups) {
    public InitRequest {
        nodes = List.copyOf(nodes);
        if (placementGroups < 0) {
            throw new IllegalArgumentException(
                    "placementGroups must not be negative: " + placementGroups);
        }
    }
}
