package io.mirach.server.admin;

import io.javalin.http.Context;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.PlainHttp;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Function;

/**
 * Passes a request on to the meta leader and its answer back. One hop only: a node that is asked
 * this way and does not lead says NOT_LEADER. Blocks. Thread-safe.
 */
public final class LeaderForwarding {
    /** Says that another node has passed the request on. */
    static final String HOP_HEADER = "Mirach-Forwarded-By";

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(7);
    private static final Duration CHANGE_TIMEOUT = Duration.ofSeconds(85);
    private static final int ATTEMPTS = 2;

    private final String self;
    private final Function<Boolean, Optional<String>> leaderHttpAddress;
    private final HttpClient http;

    /**
     * @param self this node's name
     * @param leaderHttpAddress where the meta leader serves the admin API; asked with true when the
     *     answer must be fresh; may block; empty if no leader is found
     * @param executor runs the HTTP client
     */
    public LeaderForwarding(
            String self, Function<Boolean, Optional<String>> leaderHttpAddress, Executor executor) {
        this.self = self;
        this.leaderHttpAddress = leaderHttpAddress;
        this.http =
                PlainHttp.newClient().connectTimeout(CONNECT_TIMEOUT).executor(executor).build();
    }

    void pass(Context request) {
        boolean read = request.method().name().equals("GET");
        MirachException last =
                new MirachException(ErrorCode.NOT_READY, "the meta group has no leader")
                        .withRemedy("see which nodes run with 'mirach cluster show'");
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<String> leader = leaderHttpAddress.apply(attempt > 0);
            if (leader.isEmpty()) {
                throw last;
            }
            try {
                HttpResponse<byte[]> answer = send(leader.get(), request, read);
                if (answer.statusCode() != 503 || attempt == ATTEMPTS - 1) {
                    give(request, answer);
                    return;
                }
                // It no longer leads, or not yet: nothing was done.
            } catch (IOException e) {
                if (!read && !neverSent(e)) {
                    throw new MirachException(
                            ErrorCode.UNKNOWN_OUTCOME,
                            "the request was passed on to the meta leader at "
                                    + leader.get()
                                    + ", which did not answer; it may have taken effect",
                            e);
                }
                last =
                        new MirachException(
                                ErrorCode.NOT_READY,
                                "the meta leader at " + leader.get() + " cannot be reached",
                                e);
            }
        }
        throw last;
    }

    private HttpResponse<byte[]> send(String leader, Context request, boolean read)
            throws IOException {
        String query = request.queryString() == null ? "" : "?" + request.queryString();
        byte[] body = request.bodyAsBytes();
        HttpRequest.Builder onward =
                HttpRequest.newBuilder(HttpEndpoint.parse(leader).uri(request.path() + query))
                        .timeout(read ? READ_TIMEOUT : CHANGE_TIMEOUT)
                        .header(HOP_HEADER, self)
                        .header("Accept", "application/json")
                        .method(
                                request.method().name(),
                                body.length == 0
                                        ? HttpRequest.BodyPublishers.noBody()
                                        : HttpRequest.BodyPublishers.ofByteArray(body));
        if (body.length > 0) {
            onward.header("Content-Type", "application/json");
        }
        try {
            return http.send(onward.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping", e);
        }
    }

    private static void give(Context request, HttpResponse<byte[]> answer) {
        request.status(answer.statusCode());
        answer.headers().firstValue("Content-Type").ifPresent(request::contentType);
        if (answer.body().length > 0) {
            request.result(answer.body());
        }
    }

    private static boolean neverSent(IOException e) {
        return e instanceof ConnectException || e instanceof HttpConnectTimeoutException;
    }
}
