package io.mirach.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A node's HTTP side without a node: answers each call with what the test laid out for it, in turn,
 * the last answer again and again. A call that nothing is laid out for is answered with 404 and no
 * JSON, as a foreign server would.
 */
public final class FakeAdminServer implements AutoCloseable {
    /**
     * What came in.
     *
     * @param call method and path, e.g. {@code GET /v1/status}
     */
    public record Received(String call, Optional<JsonNode> body) {}

    private record Answer(int status, String body, boolean hangUp) {}

    private final HttpServer server;
    private final Map<String, Deque<Answer>> answers = new ConcurrentHashMap<>();
    private final List<Received> received = new CopyOnWriteArrayList<>();

    public FakeAdminServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    public HttpEndpoint endpoint() {
        return new HttpEndpoint("127.0.0.1", server.getAddress().getPort());
    }

    public List<Received> received() {
        return received;
    }

    public List<String> calls() {
        return received.stream().map(Received::call).toList();
    }

    /** Lays out a 200 with the record as JSON; 204 for the empty string. */
    public FakeAdminServer on(String call, Object answer) {
        if (answer.equals("")) {
            return add(call, new Answer(204, "", false));
        }
        try {
            return add(call, new Answer(200, Json.mapper().writeValueAsString(answer), false));
        } catch (IOException e) {
            throw new IllegalArgumentException(e);
        }
    }

    public FakeAdminServer refuse(String call, String code, String detail, String remedy) {
        try {
            String body = Json.mapper().writeValueAsString(new ErrorView(code, detail, remedy));
            return add(call, new Answer(409, body, false));
        } catch (IOException e) {
            throw new IllegalArgumentException(e);
        }
    }

    public FakeAdminServer raw(String call, int status, String body) {
        return add(call, new Answer(status, body, false));
    }

    /** Lays out that the connection is closed once the call has been read. */
    public FakeAdminServer hangUp(String call) {
        return add(call, new Answer(0, "", true));
    }

    private FakeAdminServer add(String call, Answer answer) {
        answers.computeIfAbsent(call, c -> new ArrayDeque<>()).add(answer);
        return this;
    }

    private void answer(HttpExchange exchange) throws IOException {
        String call = exchange.getRequestMethod() + " " + exchange.getRequestURI();
        byte[] body = exchange.getRequestBody().readAllBytes();
        received.add(
                new Received(
                        call,
                        body.length == 0
                                ? Optional.empty()
                                : Optional.of(Json.mapper().readTree(body))));
        Answer answer = next(call);
        if (answer.hangUp()) {
            exchange.close();
            return;
        }
        byte[] bytes = answer.body().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private Answer next(String call) {
        Deque<Answer> queue = answers.get(call);
        if (queue == null) {
            return new Answer(404, "not found", false);
        }
        synchronized (queue) {
            return queue.size() > 1 ? queue.poll() : queue.peek();
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
