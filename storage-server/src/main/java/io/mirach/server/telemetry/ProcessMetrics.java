package io.mirach.server.telemetry;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.util.Map;

/** Metrics of this process: memory, threads, time. Any thread. */
public final class ProcessMetrics {
    private ProcessMetrics() {}

    /** In Prometheus's text format. */
    public static String text() {
        PrometheusText out = new PrometheusText();
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        out.family("mirach_heap_used_bytes", "gauge", "Heap in use.");
        out.sample("mirach_heap_used_bytes", Map.of(), heap.getUsed());
        out.family("mirach_heap_max_bytes", "gauge", "The largest heap allowed.");
        out.sample("mirach_heap_max_bytes", Map.of(), heap.getMax());
        out.family("mirach_threads", "gauge", "Live threads.");
        out.sample(
                "mirach_threads", Map.of(), ManagementFactory.getThreadMXBean().getThreadCount());
        out.family("mirach_threads_started_total", "counter", "Threads started in all.");
        out.sample(
                "mirach_threads_started_total",
                Map.of(),
                ManagementFactory.getThreadMXBean().getTotalStartedThreadCount());
        out.family("mirach_uptime_seconds", "gauge", "Since this process started.");
        out.sample(
                "mirach_uptime_seconds",
                Map.of(),
                ManagementFactory.getRuntimeMXBean().getUptime() / 1000.0);
        return out.toString();
    }
}
