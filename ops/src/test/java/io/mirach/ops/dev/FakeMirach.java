package io.mirach.ops.dev;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.mirach.admin.ClusterView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.ErrorView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.NodeView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VolumeView;
import io.mirach.model.IoLimits;
import io.mirach.model.NodeDuty;
import io.mirach.model.Volume;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.Json;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Stands in for a node or a gateway process where only its coming and going matters. What a real
 * cluster would agree on by Raft, these keep as files in the dev cluster's folder.
 */
public final class FakeMirach {
    private static final UUID CLUSTER = new UUID(1, 1);

    private final Path folder;
    private final JsonNode config;

    private FakeMirach(Path configFile) throws IOException {
        folder = configFile.getParent();
        config = new YAMLMapper().readTree(configFile.toFile());
    }

    public static void main(String[] args) throws IOException {
        FakeMirach fake = new FakeMirach(Path.of(args[3]));
        if (args[0].equals("node")) {
            fake.serveNode();
        } else {
            fake.serveGateway();
        }
    }

    private void serveGateway() throws IOException {
        ServerSocketChannel unix = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        unix.bind(UnixDomainSocketAddress.of(folder.resolve("nbd.sock")));
        HttpEndpoint tcp = HttpEndpoint.parse(config.at("/listen/0").asText().substring(6));
        Files.writeString(shared("gateway-up"), "");
        try (ServerSocket server = new ServerSocket()) {
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(tcp.host(), tcp.port()));
            while (true) {
                try (Socket socket = server.accept()) {
                    socket.getOutputStream()
                            .write("NBDMAGICIHAVEOPT".getBytes(StandardCharsets.US_ASCII));
                }
            }
        }
    }

    private void serveNode() throws IOException {
        Files.createDirectories(Path.of(config.at("/data-dirs/0").asText()));
        HttpEndpoint http = HttpEndpoint.parse(config.get("http-address").asText());
        HttpServer server = HttpServer.create(new InetSocketAddress(http.host(), http.port()), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    private Path shared(String name) {
        return folder.resolve("node-1").resolve(name);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String call = exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        Object answer =
                switch (call) {
                    case "GET /v1/node" -> node();
                    case "POST /v1/cluster/init" -> {
                        Files.writeString(shared("initialised"), "");
                        yield new ClusterView(
                                Optional.of(CLUSTER),
                                true,
                                Optional.empty(),
                                1,
                                List.of(),
                                List.of());
                    }
                    case "GET /v1/status" -> status();
                    case "GET /v1/volumes" -> volumes();
                    case "POST /v1/volumes" -> {
                        CreateVolumeRequest request =
                                Json.mapper().readValue(body, CreateVolumeRequest.class);
                        Files.writeString(
                                shared(request.name() + ".volume"), "" + request.sizeBytes());
                        yield volume(request.name(), request.sizeBytes());
                    }
                    case "GET /v1/gateways" -> gateways();
                    default ->
                            volumes().stream()
                                    .filter(v -> call.equals("GET /v1/volumes/" + v.name()))
                                    .map(Object.class::cast)
                                    .findFirst()
                                    .orElse(new ErrorView("NO_SUCH_VOLUME", call, ""));
                };
        byte[] bytes = Json.mapper().writeValueAsBytes(answer);
        exchange.sendResponseHeaders(answer instanceof ErrorView ? 404 : 200, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private NodeView node() {
        boolean initialised = Files.exists(shared("initialised"));
        return new NodeView(
                config.get("name").asText(),
                "fake",
                initialised,
                initialised ? Optional.of(CLUSTER) : Optional.empty(),
                config.get("native-address").asText(),
                config.get("http-address").asText(),
                "",
                "",
                Map.of(),
                List.of(),
                1);
    }

    private StatusView status() {
        List<NodeSummary> nodes = new ArrayList<>();
        nodes.add(
                new NodeSummary(
                        "node-1",
                        "a:1",
                        "a:2",
                        "",
                        "",
                        Map.of(),
                        NodeSummary.State.UP,
                        0,
                        1,
                        NodeDuty.State.IN_SERVICE,
                        0,
                        4));
        return new StatusView(
                StatusView.Health.OK,
                List.of(),
                Optional.of(CLUSTER),
                Optional.empty(),
                1,
                new StatusView.Capacity(0, 0, 0),
                nodes,
                new StatusView.PgCounts(3, 3, 0, 0),
                new StatusView.VolumeCounts(0, 0, 0),
                List.of(),
                List.of());
    }

    private List<VolumeView> volumes() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("node-1"))) {
            List<VolumeView> volumes = new ArrayList<>();
            for (Path file : files.filter(f -> f.toString().endsWith(".volume")).toList()) {
                String name = file.getFileName().toString().replace(".volume", "");
                volumes.add(volume(name, Long.parseLong(Files.readString(file))));
            }
            return volumes;
        }
    }

    private static VolumeView volume(String name, long sizeBytes) {
        return new VolumeView(
                1,
                name,
                sizeBytes,
                4 << 20,
                OptionalLong.empty(),
                Volume.State.AVAILABLE,
                0,
                false,
                List.of(1),
                List.of(),
                List.of(),
                0,
                IoLimits.NONE);
    }

    private List<GatewayView> gateways() {
        return Files.exists(shared("gateway-up"))
                ? List.of(
                        new GatewayView(
                                "dev-gateway",
                                "h",
                                List.of(),
                                GatewayView.State.UP,
                                0,
                                List.of(),
                                List.of()))
                : List.of();
    }
}
