package io.mirach.gateway;

import io.mirach.client.AttachOptions;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.OpenSnapshot;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.Slot;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.nbd.SparseVolume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.cluster.EndedExport;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** A cluster of volumes in memory, and the client that a gateway has of it. */
final class FakeCluster implements MirachClient {
    static final long SIZE_BYTES = 16L << 20;

    private final Map<VolumeId, Volume> volumes = new HashMap<>();
    private final Map<VolumeId, VolumeAccess> access = new HashMap<>();
    private final Map<String, SparseVolume> contents = new HashMap<>();
    private final List<Consumer<ClusterImage>> listeners = new CopyOnWriteArrayList<>();
    private final List<String> events = new ArrayList<>();
    private final List<Gateway> announcements = new ArrayList<>();
    private final List<Runnable> heldAttaches = new ArrayList<>();
    private ClusterImage image;
    private ClusterImage newest;
    private FakeSnapshot openedSnapshot;
    private boolean holdingAttaches;
    private ErrorCode attachFailure = ErrorCode.OK;
    private boolean unreachable;
    private boolean closed;
    private long nextId = 1;
    private long version;
    private long lastOrder;
    private List<EndedExport> endedExports = List.of();

    FakeCluster() {
        publish();
    }

    synchronized void addVolume(String name) {
        VolumeId id = new VolumeId(nextId++);
        volumes.put(
                id,
                new Volume(
                        id,
                        name,
                        SIZE_BYTES,
                        Volume.DEFAULT_EXTENT_BYTES,
                        Collections.nCopies(Slot.COUNT, new PlacementGroupId(1)),
                        new LayerId(1),
                        Volume.State.AVAILABLE,
                        0));
        contents.put(name, newContent(name, false));
        publish();
    }

    private static SparseVolume newContent(String name, boolean readOnly) {
        return new SparseVolume(name, SIZE_BYTES, readOnly, Runnable::run);
    }

    synchronized void deleteVolume(String name) {
        volumes.remove(idOf(name));
        publish();
    }

    synchronized void order(String volume, String gateway, Attachment.Mode mode) {
        VolumeId id = idOf(volume);
        access.put(id, accessTo(id).withExport(new Export(id, gateway, mode, ++lastOrder)));
        publish();
    }

    synchronized void withdraw(String volume) {
        VolumeId id = idOf(volume);
        access.put(id, accessTo(id).withoutExports(export -> true));
        publish();
    }

    /** An attachment that a former life of a gateway left. */
    synchronized void leaveAttachment(String volume, String gateway, Attachment.Mode mode) {
        VolumeId id = idOf(volume);
        access.put(
                id,
                accessTo(id)
                        .withAttachments(
                                List.of(
                                        new Attachment(
                                                id,
                                                new Epoch(1),
                                                mode,
                                                gateway,
                                                "host",
                                                "hash",
                                                Attachment.State.LIVE,
                                                0,
                                                ""))));
        publish();
    }

    private VolumeAccess accessTo(VolumeId id) {
        return access.getOrDefault(id, VolumeAccess.none(id));
    }

    private VolumeId idOf(String name) {
        return image.volumeNamed(name).orElseThrow().id();
    }

    private void publish() {
        image =
                new ClusterImage(
                        ++version,
                        new UUID(0, 1),
                        new UUID(0, 2),
                        new ReplicaSet(0, List.of()),
                        Map.of(),
                        Map.of(),
                        volumes,
                        access,
                        Map.of());
        newest = image;
        listeners.forEach(listener -> listener.accept(image));
    }

    synchronized SparseVolume content(String volume) {
        return contents.get(volume);
    }

    /** What the gateway did to volumes, in order. */
    synchronized List<String> events() {
        return List.copyOf(events);
    }

    synchronized List<Gateway> announcements() {
        return List.copyOf(announcements);
    }

    /** What the gateway last said was taken from it. */
    synchronized List<EndedExport> endedExports() {
        return endedExports;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    synchronized void failAttaches(ErrorCode code) {
        attachFailure = code;
    }

    synchronized void holdAttaches() {
        holdingAttaches = true;
    }

    void releaseAttaches() {
        List<Runnable> held;
        synchronized (this) {
            holdingAttaches = false;
            held = List.copyOf(heldAttaches);
            heldAttaches.clear();
        }
        held.forEach(Runnable::run);
    }

    synchronized void setUnreachable(boolean unreachableNow) {
        unreachable = unreachableNow;
    }

    @Override
    public synchronized ClusterImage image() {
        return image;
    }

    /** Makes a volume of which the gateway's map learns only when it asks for the newest. */
    synchronized void addVolumeUnseen(String name) {
        ClusterImage seen = image;
        addVolume(name);
        newest = image;
        image = seen;
    }

    @Override
    public synchronized CompletableFuture<ClusterImage> newestImage() {
        if (unreachable) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.UNREACHABLE, "no meta leader"));
        }
        if (newest.version() > image.version()) {
            image = newest;
        }
        return CompletableFuture.completedFuture(image);
    }

    @Override
    public AutoCloseable onImage(Consumer<ClusterImage> listener) {
        listeners.add(listener);
        listener.accept(image());
        return () -> listeners.remove(listener);
    }

    @Override
    public CompletableFuture<AttachedVolume> attach(String volume, AttachOptions options) {
        CompletableFuture<AttachedVolume> outcome = new CompletableFuture<>();
        Runnable attach = () -> attach(volume, options.mode(), outcome);
        synchronized (this) {
            if (holdingAttaches) {
                heldAttaches.add(attach);
                return outcome;
            }
        }
        attach.run();
        return outcome;
    }

    private void attach(
            String volume, Attachment.Mode mode, CompletableFuture<AttachedVolume> outcome) {
        SparseVolume attached;
        synchronized (this) {
            if (attachFailure != ErrorCode.OK) {
                outcome.completeExceptionally(
                        new MirachException(attachFailure, "attached by another"));
                return;
            }
            events.add("attach " + volume + " " + mode);
            attached = newContent(volume, mode == Attachment.Mode.READ_ONLY);
            contents.put(volume, attached);
        }
        attached.closed().thenRun(() -> note("detach " + volume));
        outcome.complete(attached);
    }

    /** A snapshot of a volume that is there. */
    synchronized void addSnapshot(String volume, String name, Snapshot.State state) {
        Volume before = volumes.get(idOf(volume));
        LayerId sealed = before.head();
        List<Snapshot> snapshots = new ArrayList<>(before.snapshots());
        snapshots.add(new Snapshot(sealed.value(), name, sealed, before.sizeBytes() / 2, state, 0));
        volumes.put(
                before.id(),
                before.with(new LayerId(1000 + nextId++), snapshots, Optional.empty()));
        publish();
    }

    /** The snapshot that was opened last. */
    synchronized FakeSnapshot openedSnapshot() {
        return openedSnapshot;
    }

    @Override
    public synchronized CompletableFuture<OpenSnapshot> openSnapshot(SnapshotName name) {
        events.add("open " + name);
        openedSnapshot =
                new FakeSnapshot(newContent(name.toString(), true), () -> note("close " + name));
        return CompletableFuture.completedFuture(openedSnapshot);
    }

    private synchronized void note(String event) {
        events.add(event);
    }

    @Override
    public synchronized CompletableFuture<Void> registerGateway(
            Gateway gateway, List<EndedExport> ended) {
        if (unreachable) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.UNREACHABLE, "no node answers"));
        }
        announcements.add(gateway);
        endedExports = List.copyOf(ended);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
