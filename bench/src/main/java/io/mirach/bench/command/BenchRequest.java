package io.mirach.bench.command;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What is asked for, checked.
 *
 * @param uri of the export to measure
 * @param nativeVolume the volume to attach by the native client, a temporary one if its name is
 *     empty; with neither this nor a URI, a temporary volume is served by a gateway
 * @param regionBytes a multiple of {@link #SIZE_UNIT_BYTES}
 * @param pids of the cluster's processes; empty to look for a dev cluster's
 * @param uriText as the user wrote it
 */
record BenchRequest(
        Optional<NbdUriParts> uri,
        Optional<String> nativeVolume,
        boolean overwrite,
        Optional<String> gateway,
        List<LoadJob> jobs,
        Duration runtime,
        Duration warmUp,
        long regionBytes,
        Optional<Path> disk,
        boolean skipLimits,
        List<Long> pids,
        Optional<Path> devFolder,
        Optional<String> endpoint,
        String uriText) {
    /** The largest request that a job may have. */
    static final long SIZE_UNIT_BYTES = LoadJob.MAX_REQUEST_BYTES;

    BenchRequest {
        jobs = List.copyOf(jobs);
        pids = List.copyOf(pids);
    }

    boolean isTemporary() {
        return uri.isEmpty() && nativeVolume.map(String::isEmpty).orElse(true);
    }

    boolean isNative() {
        return nativeVolume.isPresent();
    }

    boolean writes() {
        return jobs.stream().anyMatch(LoadJob::write);
    }
}
