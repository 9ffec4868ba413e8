package io.mirach.gateway;

import io.mirach.client.MirachClient;
import io.mirach.client.OpenSnapshot;
import io.mirach.model.ClusterImage;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdExport;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiPredicate;
import java.util.stream.Stream;

/**
 * The snapshots of the volumes that a gateway may serve, as read-only exports {@code
 * VOLUME@SNAPSHOT}. Nothing is attached for them: each session reads by itself, also where the
 * volume is used elsewhere. Thread-safe; never blocks.
 */
final class SnapshotExports {
    private final MirachClient client;
    private final BiPredicate<ClusterImage, Volume> mayServe;

    /**
     * @param mayServe whether the snapshots of a volume are offered here
     */
    SnapshotExports(MirachClient client, BiPredicate<ClusterImage, Volume> mayServe) {
        this.client = client;
        this.mayServe = mayServe;
    }

    /** Those of a volume that can be read, the oldest first. */
    Stream<ExportDescription> list(ClusterImage image, Volume volume) {
        return mayServe.test(image, volume)
                ? volume.snapshots().stream()
                        .filter(snapshot -> snapshot.state() == Snapshot.State.READY)
                        .sorted(Comparator.comparing(Snapshot::id))
                        .map(snapshot -> describe(volume, snapshot))
                : Stream.empty();
    }

    /** A snapshot that is not known here may have been taken a moment ago. */
    CompletableFuture<Optional<ExportDescription>> describe(SnapshotName name) {
        Optional<ExportDescription> known = describeIn(client.image(), name);
        return known.isPresent()
                ? CompletableFuture.completedFuture(known)
                : client.newestImage().thenApply(image -> describeIn(image, name));
    }

    private Optional<ExportDescription> describeIn(ClusterImage image, SnapshotName name) {
        return image.volumeNamed(name.volume())
                .filter(volume -> mayServe.test(image, volume))
                .flatMap(
                        volume ->
                                volume.snapshotNamed(name.name())
                                        .filter(s -> s.state() == Snapshot.State.READY)
                                        .map(snapshot -> describe(volume, snapshot)));
    }

    private static ExportDescription describe(Volume volume, Snapshot snapshot) {
        return new ExportDescription(
                new SnapshotName(volume.name(), snapshot.name()).toString(),
                snapshot.sizeBytes(),
                true,
                "snapshot of a Mirach volume");
    }

    CompletableFuture<NbdExport> open(SnapshotName name) {
        return describe(name)
                .thenCompose(
                        found -> {
                            ExportDescription description =
                                    found.orElseThrow(
                                            () ->
                                                    new MirachException(
                                                            ErrorCode.NO_SUCH_SNAPSHOT,
                                                            "no export is named '" + name + "'"));
                            return client.openSnapshot(name)
                                    .thenApply(snapshot -> export(description, snapshot));
                        });
    }

    private static NbdExport export(ExportDescription description, OpenSnapshot snapshot) {
        NbdExport hold = new NbdExport(description, snapshot, left -> snapshot.close());
        snapshot.closed()
                .whenComplete(
                        (closed, failure) -> {
                            if (failure != null) {
                                hold.end(asOurs(failure));
                            }
                        });
        return hold;
    }

    private static MirachException asOurs(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof MirachException known
                ? known
                : new MirachException(ErrorCode.INTERNAL, String.valueOf(cause), cause);
    }
}
