package io.mirach.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * Learns from {@code GET /v1/cluster} which cluster this is and where its nodes serve the native
 * protocol. Only these fields are read, so that the admin API may grow. Blocks: a plain
 * HttpURLConnection on the map thread, since a client with threads of its own would be much for one
 * request at start.
 */
final class ClusterBootstrap {
    private static final int CONNECT_TIMEOUT_MS = 2000;
    private static final int READ_TIMEOUT_MS = 5000;
    private static final int MAX_ANSWER_BYTES = 16 << 20;

    /** What a node said. */
    record Found(UUID clusterId, List<String> nativeAddresses) {}

    private ClusterBootstrap() {}

    /**
     * Asks the endpoints in turn. Fails with NOT_INITIALISED if one answered and none belongs to a
     * cluster, else with UNREACHABLE that says what each did.
     */
    static Found ask(List<String> endpoints) {
        List<String> failures = new ArrayList<>();
        boolean uninitialised = false;
        for (String endpoint : endpoints) {
            try {
                JsonNode cluster = get(endpoint);
                if (!cluster.path("clusterId").isTextual()) {
                    uninitialised = true;
                    failures.add(endpoint + ": not initialised");
                    continue;
                }
                return new Found(
                        UUID.fromString(cluster.path("clusterId").textValue()),
                        nativeAddresses(endpoint, cluster));
            } catch (IOException | IllegalArgumentException e) {
                failures.add(endpoint + ": " + e.getMessage());
            }
        }
        String detail = String.join("; ", failures);
        if (uninitialised) {
            throw new MirachException(ErrorCode.NOT_INITIALISED, detail)
                    .withRemedy("run 'mirach cluster init' first");
        }
        throw new MirachException(ErrorCode.UNREACHABLE, "no endpoint answers: " + detail)
                .withRemedy("check the endpoints, and that the nodes run");
    }

    private static List<String> nativeAddresses(String endpoint, JsonNode cluster) {
        List<String> addresses = new ArrayList<>();
        for (JsonNode node : cluster.path("nodes")) {
            if (node.path("nativeAddress").isTextual()) {
                addresses.add(node.path("nativeAddress").textValue());
            }
        }
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException(endpoint + " names no node");
        }
        return List.copyOf(addresses);
    }

    private static JsonNode get(String endpoint) throws IOException {
        HttpURLConnection http =
                (HttpURLConnection)
                        URI.create("http://" + endpoint + "/v1/cluster").toURL().openConnection();
        try {
            http.setConnectTimeout(CONNECT_TIMEOUT_MS);
            http.setReadTimeout(READ_TIMEOUT_MS);
            http.setRequestProperty("Accept", "application/json");
            int status = http.getResponseCode();
            if (status != HttpURLConnection.HTTP_OK) {
                throw new IOException("HTTP status " + status);
            }
            try (InputStream in = http.getInputStream()) {
                byte[] answer = in.readNBytes(MAX_ANSWER_BYTES);
                return Json.mapper().readTree(answer);
            }
        } catch (JsonProcessingException e) {
            throw new IOException("not a cluster's description: " + e.getOriginalMessage(), e);
        } finally {
            http.disconnect();
        }
    }
}
