package io.mirach.server.store;

import java.util.List;

/** The tables of a placement group, as found when it was opened. */
public record StoredTables(
        List<VolumeRecord> volumes,
        List<LayerRecord> layers,
        List<SnapshotRecord> snapshots,
        List<AdmissionRecord> admissions) {
    public StoredTables {
        volumes = List.copyOf(volumes);
        layers = List.copyOf(layers);
        snapshots = List.copyOf(snapshots);
        admissions = List.copyOf(admissions);
    }
}
