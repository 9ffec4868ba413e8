package io.mirach.gateway;

import io.mirach.client.MirachClient;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.model.VolumeName;
import io.mirach.nbd.ExportCatalog;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdExport;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.cluster.EndedExport;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a gateway offers: the volumes that the cluster map orders it to export and, with
 * auto-attach, every other one as long as someone uses it; of each also the snapshots. Only opening
 * a volume, and an order, attach. Thread-safe; never blocks.
 */
final class GatewayExports implements ExportCatalog {
    private static final Logger LOG = LoggerFactory.getLogger(GatewayExports.class);

    private static final int MAX_ENDED_TOLD = 64;

    private final MirachClient client;
    private final String gateway;
    private final boolean autoAttach;
    private final Map<VolumeId, ServedVolume> served = new ConcurrentHashMap<>();
    private final SnapshotExports snapshots;
    private volatile boolean closing;

    GatewayExports(MirachClient client, String gateway, boolean autoAttach) {
        this.client = client;
        this.gateway = gateway;
        this.autoAttach = autoAttach;
        this.snapshots = new SnapshotExports(client, this::servesSnapshotsOf);
    }

    /** Does what a newer cluster map orders. Called with ascending versions, by one thread. */
    void follow(ClusterImage image) {
        if (closing) {
            return;
        }
        for (VolumeAccess access : image.access().values()) {
            Volume volume = image.volumes().get(access.volume());
            access.exportAt(gateway)
                    .filter(export -> isAvailable(volume))
                    .ifPresent(export -> served(volume).order(export.mode(), export.order()));
        }
        served.forEach(
                (id, volume) -> {
                    if (!isAvailable(image.volumes().get(id))) {
                        volume.withdraw("the volume is gone");
                    } else if (volume.isOrdered() && !isOrdered(image, id)) {
                        volume.withdraw("it is no longer ordered");
                    }
                });
        served.entrySet()
                .removeIf(
                        entry ->
                                entry.getValue().isIdle()
                                        && !isAvailable(image.volumes().get(entry.getKey())));
    }

    private static boolean isAvailable(Volume volume) {
        return volume != null && volume.state() == Volume.State.AVAILABLE;
    }

    private boolean isOrdered(ClusterImage image, VolumeId id) {
        return image.accessTo(id).exportAt(gateway).isPresent();
    }

    private ServedVolume served(Volume volume) {
        return served.computeIfAbsent(volume.id(), id -> new ServedVolume(client, volume));
    }

    /** Tries again to attach what was ordered and could not be attached. */
    void retryOrders() {
        if (!closing) {
            served.values().forEach(ServedVolume::attachIfOrdered);
        }
    }

    /**
     * Gives back what a former life of this auto-attaching gateway held when it was killed. Its
     * clients are gone with it; should one come back first, it keeps the volume attached.
     */
    void releaseLeftovers() {
        ClusterImage image = client.image();
        for (VolumeAccess access : image.access().values()) {
            Volume volume = image.volumes().get(access.volume());
            Attachment attachment = access.heldBy(gateway).orElse(null);
            if (attachment != null && isAvailable(volume) && !isOrdered(image, volume.id())) {
                LOG.info(
                        "giving back {}, held since {} by a former life of this gateway",
                        volume.name(),
                        attachment.epoch());
                served(volume).resumeAndRelease(attachment.mode());
            }
        }
    }

    @Override
    public List<ExportDescription> list() {
        ClusterImage image = client.image();
        return image.volumes().values().stream()
                .sorted(Comparator.comparing(Volume::name))
                .flatMap(
                        volume ->
                                Stream.concat(
                                        Stream.of(volume)
                                                .filter(v -> isOffered(image, v))
                                                .map(v -> describe(image, v)),
                                        snapshots.list(image, volume)))
                .toList();
    }

    @Override
    public CompletableFuture<Optional<ExportDescription>> describe(String name) {
        return SnapshotName.parse(name)
                .map(snapshots::describe)
                .orElseGet(() -> find(name, this::describe));
    }

    /**
     * What {@code view} makes of the offered volume of that name. A name that is not known here may
     * be of a volume made a moment ago: then the meta leader's map decides.
     */
    private <T> CompletableFuture<Optional<T>> find(
            String name, BiFunction<ClusterImage, Volume, T> view) {
        Optional<T> known = findIn(client.image(), name, view);
        if (known.isPresent() || !VolumeName.isValid(name)) {
            return CompletableFuture.completedFuture(known);
        }
        return client.newestImage().thenApply(image -> findIn(image, name, view));
    }

    private <T> Optional<T> findIn(
            ClusterImage image, String name, BiFunction<ClusterImage, Volume, T> view) {
        return image.volumeNamed(name)
                .filter(volume -> isOffered(image, volume))
                .map(volume -> view.apply(image, volume));
    }

    private boolean isOffered(ClusterImage image, Volume volume) {
        if (!isAvailable(volume)) {
            return false;
        }
        ServedVolume known = served.get(volume.id());
        return isOrdered(image, volume.id()) ? known == null || !known.isFenced() : autoAttach;
    }

    /** Also of a volume that was taken from this gateway: its snapshots are as they were. */
    private boolean servesSnapshotsOf(ClusterImage image, Volume volume) {
        return isAvailable(volume) && (autoAttach || isOrdered(image, volume.id()));
    }

    private ExportDescription describe(ClusterImage image, Volume volume) {
        boolean readOnly =
                image.accessTo(volume.id())
                        .exportAt(gateway)
                        .filter(export -> export.mode() == Attachment.Mode.READ_ONLY)
                        .isPresent();
        return new ExportDescription(
                volume.name(),
                volume.sizeBytes(),
                readOnly,
                readOnly ? "Mirach volume, read-only" : "Mirach volume");
    }

    @Override
    public CompletableFuture<NbdExport> open(String name) {
        Optional<SnapshotName> snapshot = SnapshotName.parse(name);
        if (snapshot.isPresent()) {
            return closing ? shuttingDown() : snapshots.open(snapshot.get());
        }
        return find(name, (image, volume) -> volume).thenCompose(found -> open(name, found));
    }

    private CompletableFuture<NbdExport> open(String name, Optional<Volume> volume) {
        if (closing) {
            return shuttingDown();
        }
        if (volume.isEmpty()) {
            return CompletableFuture.failedFuture(
                    new MirachException(
                            ErrorCode.NO_SUCH_VOLUME, "no export is named '" + name + "'"));
        }
        return served(volume.get()).open();
    }

    private static CompletableFuture<NbdExport> shuttingDown() {
        return CompletableFuture.failedFuture(
                new MirachException(ErrorCode.SHUTTING_DOWN, "the gateway is shutting down"));
    }

    /**
     * After the last session: detaches what was attached for clients. What is ordered stays
     * attached, to be resumed by the next life of this gateway.
     */
    CompletableFuture<Void> close() {
        closing = true;
        return CompletableFuture.allOf(
                served.values().stream()
                        .map(ServedVolume::settle)
                        .toArray(CompletableFuture<?>[]::new));
    }

    /** The exports that were taken from this gateway and are not offered again. */
    List<EndedExport> ended() {
        return served.values().stream()
                .flatMap(volume -> volume.ended().stream())
                .sorted(Comparator.comparing(EndedExport::volume))
                .limit(MAX_ENDED_TOLD)
                .toList();
    }

    /** Ends orders that come, and opens, before the sessions are ended. */
    void refuseOpens() {
        closing = true;
    }
}
