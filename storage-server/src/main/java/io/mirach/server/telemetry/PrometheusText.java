package io.mirach.server.telemetry;

import java.util.Map;
import java.util.TreeMap;

/** Writes metrics in Prometheus's text format 0.0.4. Confined to one thread. */
final class PrometheusText {
    private final StringBuilder text = new StringBuilder();

    /** Begins a family; its samples follow. */
    void family(String name, String type, String help) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    void sample(String name, Map<String, String> labels, double value) {
        text.append(name);
        if (!labels.isEmpty()) {
            char separator = '{';
            for (Map.Entry<String, String> label : new TreeMap<>(labels).entrySet()) {
                text.append(separator)
                        .append(label.getKey())
                        .append("=\"")
                        .append(escaped(label.getValue()))
                        .append('"');
                separator = ',';
            }
            text.append('}');
        }
        text.append(' ');
        if (value == Math.rint(value) && Math.abs(value) < 1e15) {
            text.append((long) value);
        } else {
            text.append(value);
        }
        text.append('\n');
    }

    private static String escaped(String value) {
        return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
