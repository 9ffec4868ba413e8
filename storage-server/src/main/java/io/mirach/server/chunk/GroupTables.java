package io.mirach.server.chunk;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.server.store.AdmissionRecord;
import io.mirach.server.store.LayerRecord;
import io.mirach.server.store.SnapshotRecord;
import io.mirach.server.store.StoredTables;
import io.mirach.server.store.VolumeRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The volumes, layers, snapshots and admissions of a placement group at one log position.
 * Immutable, so that readers check against one state while the next is being made; orders are rare.
 */
final class GroupTables {
    private final Map<VolumeId, VolumeState> volumes;
    private final Map<LayerId, LayerRecord> layers;

    private GroupTables(Map<VolumeId, VolumeState> volumes, Map<LayerId, LayerRecord> layers) {
        this.volumes = volumes;
        this.layers = layers;
    }

    static GroupTables of(StoredTables stored) {
        Map<LayerId, LayerRecord> layers = new HashMap<>();
        stored.layers().forEach(layer -> layers.put(layer.layer(), layer));
        Map<VolumeId, VolumeState> volumes = new HashMap<>();
        for (VolumeRecord volume : stored.volumes()) {
            volumes.put(
                    volume.volume(),
                    new VolumeState(
                            volume,
                            AdmissionRecord.none(volume.volume()),
                            chain(layers, volume.head()),
                            snapshotsOf(stored, volume.volume())));
        }
        for (AdmissionRecord admission : stored.admissions()) {
            volumes.computeIfPresent(
                    admission.volume(), (id, state) -> state.withAdmission(admission));
        }
        return new GroupTables(volumes, layers);
    }

    private static Map<Long, LayerId> snapshotsOf(StoredTables stored, VolumeId volume) {
        return stored.snapshots().stream()
                .filter(snapshot -> snapshot.volume().equals(volume))
                .collect(Collectors.toMap(SnapshotRecord::snapshotId, SnapshotRecord::layer));
    }

    Optional<VolumeState> volume(VolumeId volume) {
        return Optional.ofNullable(volumes.get(volume));
    }

    boolean admitsReads(VolumeId volume, Epoch epoch) {
        VolumeState state = volumes.get(volume);
        return state != null && state.checkReader(epoch) == ErrorCode.OK;
    }

    Collection<VolumeState> volumes() {
        return volumes.values();
    }

    Optional<LayerRecord> layer(LayerId layer) {
        return Optional.ofNullable(layers.get(layer));
    }

    /** Whether {@code layer} may be named as the head of {@code state}'s volume. */
    ErrorCode checkHead(VolumeState state, LayerId layer) {
        if (state.volume().head().equals(layer)) {
            return ErrorCode.OK;
        }
        LayerRecord known = layers.get(layer);
        return known != null && known.volume().equals(state.volume().volume())
                ? ErrorCode.STALE_LAYER
                : ErrorCode.UNKNOWN_LAYER;
    }

    /** Whether {@code layer} may be read as a snapshot of {@code state}'s volume. */
    ErrorCode checkSnapshot(VolumeState state, LayerId layer) {
        return state.snapshots().containsValue(layer) && layers.get(layer).sealed()
                ? ErrorCode.OK
                : ErrorCode.UNKNOWN_LAYER;
    }

    /** A layer that is known, and its older ones, newest first. */
    List<LayerId> chainOf(LayerId layer) {
        return chain(layers, layer);
    }

    /** The layers that belong to a volume, without its parents'. */
    List<LayerId> layersOf(VolumeId volume) {
        return layers.values().stream()
                .filter(layer -> layer.volume().equals(volume))
                .map(LayerRecord::layer)
                .sorted()
                .toList();
    }

    /** Whether another volume's chain goes through a layer of this one. */
    boolean hasClones(VolumeId volume) {
        return layers.values().stream()
                .filter(layer -> !layer.volume().equals(volume))
                .flatMap(layer -> layer.parent().stream())
                .anyMatch(parent -> layers.get(parent).volume().equals(volume));
    }

    /** With a volume that is known sealed, and its head known as a snapshot's layer. */
    GroupTables with(VolumeRecord volume, SnapshotRecord snapshot, LayerRecord... changed) {
        GroupTables next = with(volume, changed);
        next.volumes.computeIfPresent(volume.volume(), (id, state) -> state.withSnapshot(snapshot));
        return next;
    }

    /** With a volume's record and layers replaced or added. */
    GroupTables with(VolumeRecord volume, LayerRecord... changed) {
        Map<LayerId, LayerRecord> newLayers = new HashMap<>(layers);
        for (LayerRecord layer : changed) {
            newLayers.put(layer.layer(), layer);
        }
        Map<VolumeId, VolumeState> newVolumes = new HashMap<>(volumes);
        Optional<VolumeState> known = volume(volume.volume());
        newVolumes.put(
                volume.volume(),
                new VolumeState(
                        volume,
                        known.map(VolumeState::admission)
                                .orElse(AdmissionRecord.none(volume.volume())),
                        chain(newLayers, volume.head()),
                        known.map(VolumeState::snapshots).orElse(Map.of())));
        return new GroupTables(newVolumes, newLayers);
    }

    /** With another admission of a volume that is known. */
    GroupTables with(AdmissionRecord admission) {
        Map<VolumeId, VolumeState> newVolumes = new HashMap<>(volumes);
        newVolumes.computeIfPresent(
                admission.volume(), (id, state) -> state.withAdmission(admission));
        return new GroupTables(newVolumes, layers);
    }

    GroupTables without(VolumeId volume) {
        Map<VolumeId, VolumeState> newVolumes = new HashMap<>(volumes);
        newVolumes.remove(volume);
        Map<LayerId, LayerRecord> newLayers = new HashMap<>(layers);
        newLayers.values().removeIf(layer -> layer.volume().equals(volume));
        return new GroupTables(newVolumes, newLayers);
    }

    private static List<LayerId> chain(Map<LayerId, LayerRecord> layers, LayerId head) {
        List<LayerId> chain = new ArrayList<>();
        Optional<LayerId> next = Optional.of(head);
        while (next.isPresent()) {
            LayerRecord layer = layers.get(next.get());
            if (layer == null || chain.size() > layers.size()) {
                throw new IllegalStateException("broken chain of layers at " + next.get());
            }
            chain.add(layer.layer());
            next = layer.parent();
        }
        return chain;
    }
}
