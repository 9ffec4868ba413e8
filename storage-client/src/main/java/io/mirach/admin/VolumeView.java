package io.mirach.admin;

import io.mirach.model.IoLimits;
import io.mirach.model.Volume;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * A volume.
 *
 * @param allocatedBytes bytes of blocks that are stored, before replication, as of a few seconds
 *     ago; empty while unknown
 * @param createdAtMs wall clock, milliseconds since 1970
 * @param strictReads see {@link Volume#strictReads}
 * @param placementGroups those that hold a part of it, ascending
 * @param attachments by ascending epoch
 * @param exports the orders to offer it, by gateway
 * @param snapshots how many it has
 * @param limits see {@link Volume#limits}
 */
public record VolumeView(
        long id,
        String name,
        long sizeBytes,
        int extentBytes,
        OptionalLong allocatedBytes,
        Volume.State state,
        long createdAtMs,
        boolean strictReads,
        List<Integer> placementGroups,
        List<AttachmentView> attachments,
        List<ExportView> exports,
        int snapshots,
        IoLimits limits) {
    public VolumeView {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(allocatedBytes, "allocatedBytes");
        Objects.requireNonNull(state, "state");
        placementGroups = List.copyOf(placementGroups);
        attachments = List.copyOf(attachments);
        exports = List.copyOf(exports);
        limits = Objects.requireNonNullElse(limits, IoLimits.NONE);
    }

    /** The attachment of that gateway; of several, the newest. */
    public Optional<AttachmentView> attachmentAt(String gateway) {
        return attachments.stream()
                .filter(a -> a.gateway().equals(gateway))
                .reduce((older, newer) -> newer);
    }

    /** The gateways that hold it or have the order to offer it, each once. */
    public List<String> gateways() {
        return Stream.concat(
                        attachments.stream().map(AttachmentView::gateway),
                        exports.stream().map(ExportView::gateway))
                .distinct()
                .toList();
    }
}
