package io.mirach.nbd;

import io.mirach.client.AttachedVolume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Offers the volumes it is given, and counts who holds them. */
public final class FixedCatalog implements ExportCatalog {
    private final Map<String, AttachedVolume> volumes = new LinkedHashMap<>();
    private final List<NbdExport> holds = new ArrayList<>();
    private final List<CompletableFuture<Void>> waitingOpens = new ArrayList<>();
    private final List<CompletableFuture<Void>> waitingDescriptions = new ArrayList<>();
    private boolean holdingOpens;
    private boolean holdingDescriptions;
    private ErrorCode openFailure = ErrorCode.OK;
    private int opens;

    public FixedCatalog(AttachedVolume... offered) {
        for (AttachedVolume volume : offered) {
            volumes.put(volume.name(), volume);
        }
    }

    @Override
    public synchronized List<ExportDescription> list() {
        return volumes.values().stream().map(FixedCatalog::describe).toList();
    }

    @Override
    public synchronized CompletableFuture<Optional<ExportDescription>> describe(String name) {
        Optional<ExportDescription> found =
                Optional.ofNullable(volumes.get(name)).map(FixedCatalog::describe);
        CompletableFuture<Void> gate = new CompletableFuture<>();
        if (holdingDescriptions) {
            waitingDescriptions.add(gate);
        } else {
            gate.complete(null);
        }
        return gate.thenApply(answered -> found);
    }

    private static ExportDescription describe(AttachedVolume volume) {
        return new ExportDescription(
                volume.name(), volume.sizeBytes(), volume.readOnly(), "a volume in memory");
    }

    @Override
    public synchronized CompletableFuture<NbdExport> open(String name) {
        opens++;
        if (openFailure != ErrorCode.OK) {
            return CompletableFuture.failedFuture(new MirachException(openFailure, "made to fail"));
        }
        CompletableFuture<Void> gate = new CompletableFuture<>();
        if (holdingOpens) {
            waitingOpens.add(gate);
        } else {
            gate.complete(null);
        }
        return gate.thenApply(opened -> hold(volumes.get(name)));
    }

    private synchronized NbdExport hold(AttachedVolume volume) {
        NbdExport export = new NbdExport(describe(volume), volume, this::left);
        holds.add(export);
        return export;
    }

    private synchronized void left(NbdExport export) {
        holds.remove(export);
    }

    public synchronized List<NbdExport> holds() {
        return List.copyOf(holds);
    }

    public synchronized int opens() {
        return opens;
    }

    public synchronized void failOpens(ErrorCode code) {
        openFailure = code;
    }

    public synchronized void holdOpens() {
        holdingOpens = true;
    }

    public synchronized void holdDescriptions() {
        holdingDescriptions = true;
    }

    /** Answers those that wait and come: with what is known, or if {@code code} is not OK fails. */
    public void releaseDescriptions(ErrorCode code) {
        List<CompletableFuture<Void>> gates;
        synchronized (this) {
            holdingDescriptions = false;
            gates = List.copyOf(waitingDescriptions);
            waitingDescriptions.clear();
        }
        for (CompletableFuture<Void> gate : gates) {
            if (code == ErrorCode.OK) {
                gate.complete(null);
            } else {
                gate.completeExceptionally(new MirachException(code, "made to fail"));
            }
        }
    }

    public void releaseOpens() {
        List<CompletableFuture<Void>> gates;
        synchronized (this) {
            holdingOpens = false;
            gates = List.copyOf(waitingOpens);
            waitingOpens.clear();
        }
        gates.forEach(gate -> gate.complete(null));
    }
}
