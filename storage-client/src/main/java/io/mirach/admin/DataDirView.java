package io.mirach.admin;

import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * A data dir as its node sees it.
 *
 * @param id empty until the node is initialised
 * @param path on the node
 * @param raftAddress {@code host:port}
 * @param capacityBytes of the file system that it lies on
 * @param availableBytes free on that file system
 */
public record DataDirView(
        Optional<UUID> id,
        String path,
        String raftAddress,
        long capacityBytes,
        long availableBytes) {
    public DataDirView {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(raftAddress, "raftAddress");
    }
}
