package io.mirach.server.telemetry;

import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.ExpositionFormats;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Supplier;

/**
 * All that a node measures: its JVM under the names that every Java program has, its requests, and,
 * once it belongs to a cluster, its replicas and disks. In a registry of its own, since tests run
 * several nodes in one JVM. Thread-safe.
 */
public final class NodeMetrics {
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final ExpositionFormats formats = ExpositionFormats.init();
    private final RequestMetrics requests;
    private final ReplicaMetrics replicas = new ReplicaMetrics();

    public NodeMetrics() {
        JvmMetrics.builder().register(registry);
        requests = new RequestMetrics(registry);
        registry.register(replicas);
    }

    public RequestMetrics requests() {
        return requests;
    }

    /**
     * From now on, shows replicas and disks too.
     *
     * @param source asked at each scrape
     */
    public void showReplicas(Supplier<ReplicaMetrics.Observed> source) {
        replicas.showFrom(source);
    }

    /** The answer to a scrape. */
    public record Page(String contentType, byte[] text) {}

    /**
     * Everything as of now.
     *
     * @param accept the request's Accept header, or null: OpenMetrics for who asks for it,
     *     Prometheus's text format 0.0.4 for all others
     */
    public Page page(String accept) {
        ExpositionFormatWriter writer = formats.findWriter(accept);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writer.write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Page(writer.getContentType(), out.toByteArray());
    }
}
