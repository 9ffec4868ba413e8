package io.mirach.server.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mirach.admin.ClusterView;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeView;
import io.mirach.client.transport.NodeAddress;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import io.mirach.server.telemetry.NodeMetrics;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an uninitialised node answers, and how bad requests end. */
class AdminServerTest {
    private static final NodeView VIEW =
            new NodeView(
                    "node-1",
                    "test",
                    false,
                    Optional.empty(),
                    "h:1",
                    "h:2",
                    "",
                    "",
                    Map.of(),
                    List.of(),
                    1);

    private static final class FakeNode implements NodeControl {
        @Override
        public NodeView view() {
            return VIEW;
        }

        @Override
        public NodeView initialise(NodeInitRequest request) {
            throw new IllegalStateException("a defect");
        }
    }

    private static ClusterView refuse(InitRequest request) {
        throw new MirachException(ErrorCode.NOT_ENOUGH_NODES, "only " + request.nodes().size())
                .withRemedy("name more");
    }

    private AdminServer server;
    private String base;

    @BeforeEach
    void start() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        base = "http://127.0.0.1:" + port;
        server =
                AdminServer.start(
                        new NodeAddress("127.0.0.1", port),
                        new FakeNode(),
                        AdminServerTest::refuse,
                        Optional::empty,
                        new NodeMetrics());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private HttpResponse<String> call(String method, String path, String body) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(base + path))
                                .method(method, HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private void assertRefused(String method, String path, String body, int status, ErrorCode code)
            throws Exception {
        HttpResponse<String> answer = call(method, path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        JsonNode error = Json.mapper().readTree(answer.body());
        assertThat(error.path("code").asText()).isEqualTo(code.name());
        assertThat(error.path("detail").asText()).isNotEmpty().doesNotContain("Exception");
        assertThat(error.has("remedy")).isTrue();
    }

    @Test
    void whatNeedsNoClusterIsAnswered() throws Exception {
        assertThat(call("GET", "/healthz", "").body()).isEqualTo("ok\n");
        assertThat(call("GET", "/metrics", "").body()).contains("jvm_threads_current");
        assertThat(Json.mapper().readValue(call("GET", "/v1/node", "").body(), NodeView.class))
                .isEqualTo(VIEW);
        JsonNode cluster = Json.mapper().readTree(call("GET", "/v1/cluster", "").body());
        assertThat(cluster.path("initialised").asBoolean()).isFalse();
        assertThat(cluster.path("clusterId").isNull()).isTrue();
    }

    @Test
    void allElseSaysThatThereIsNoCluster() throws Exception {
        for (String path : List.of("/v1/status", "/v1/df", "/v1/nodes", "/v1/pgs", "/v1/volumes")) {
            assertRefused("GET", path, "", 409, ErrorCode.NOT_INITIALISED);
        }
        assertRefused("DELETE", "/v1/volumes/vm1", "", 409, ErrorCode.NOT_INITIALISED);
    }

    @Test
    void badRequestsAreRefusedWithACode() throws Exception {
        assertRefused("POST", "/v1/cluster/init", "", 400, ErrorCode.INVALID_ARGUMENT);
        assertRefused("POST", "/v1/cluster/init", "{", 400, ErrorCode.INVALID_ARGUMENT);
        assertRefused("POST", "/v1/cluster/init", "null", 400, ErrorCode.INVALID_ARGUMENT);
        assertRefused(
                "POST", "/v1/cluster/init", "{\"knots\":[]}", 400, ErrorCode.INVALID_ARGUMENT);
        assertRefused(
                "POST",
                "/v1/cluster/init",
                "{\"nodes\":[],\"placementGroups\":-1}",
                400,
                ErrorCode.INVALID_ARGUMENT);
        assertRefused("GET", "/v1/nowhere", "", 404, ErrorCode.INVALID_ARGUMENT);
        assertRefused("DELETE", "/v1/node", "", 405, ErrorCode.INVALID_ARGUMENT);
    }

    @Test
    void refusalsKeepTheirCodeAndDefectsAreNotShown() throws Exception {
        assertRefused(
                "POST",
                "/v1/cluster/init",
                "{\"nodes\":[\"a:1\"],\"placementGroups\":0}",
                409,
                ErrorCode.NOT_ENOUGH_NODES);
        assertRefused(
                "POST",
                "/v1/node/init",
                "{\"clusterId\":\"00000000-0000-0001-0000-000000000001\","
                        + "\"metaGroupId\":\"00000000-0000-0001-0000-000000000002\","
                        + "\"dataDirIds\":[],\"metaMembers\":[]}",
                500,
                ErrorCode.INTERNAL);
    }
}
