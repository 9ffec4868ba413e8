package io.mirach.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JavaType;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.PlainHttp;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * Speaks the admin API. Blocks the caller; thread-safe. Any node answers, so the endpoints are
 * tried in turn: a read goes on to the next after any failure to answer, a change only when it is
 * certain that it was not received. Every failure is a {@link MirachException}: the node's own
 * code, detail and remedy; UNREACHABLE when no endpoint could be asked; UNKNOWN_OUTCOME when a
 * change was sent and no answer came.
 */
public final class AdminClient {
    /** How long a node may take to accept a connection. */
    public static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);

    /** How long a read may take. */
    public static final Duration READ_TIMEOUT = Duration.ofSeconds(10);

    /** How long a change may take: it waits for placement groups. */
    public static final Duration CHANGE_TIMEOUT = Duration.ofSeconds(90);

    private final List<HttpEndpoint> endpoints;
    private final Duration readTimeout;
    private final Duration changeTimeout;
    private final HttpClient http;

    public AdminClient(List<HttpEndpoint> endpoints) {
        this(endpoints, READ_TIMEOUT, CHANGE_TIMEOUT);
    }

    public AdminClient(List<HttpEndpoint> endpoints, Duration readTimeout, Duration changeTimeout) {
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("no endpoint");
        }
        this.endpoints = List.copyOf(endpoints);
        this.readTimeout = readTimeout;
        this.changeTimeout = changeTimeout;
        this.http = PlainHttp.newClient().connectTimeout(CONNECT_TIMEOUT).build();
    }

    public List<HttpEndpoint> endpoints() {
        return endpoints;
    }

    public NodeView node() {
        return one(AdminCall.get(Routes.NODE), NodeView.class);
    }

    public NodeView initNode(NodeInitRequest request) {
        return one(AdminCall.post(Routes.NODE_INIT, request), NodeView.class);
    }

    public ClusterView initCluster(InitRequest request) {
        return one(AdminCall.post(Routes.CLUSTER_INIT, request), ClusterView.class);
    }

    public ClusterView cluster() {
        return one(AdminCall.get(Routes.CLUSTER), ClusterView.class);
    }

    public StatusView status() {
        return one(AdminCall.get(Routes.STATUS), StatusView.class);
    }

    public DfView df() {
        return one(AdminCall.get(Routes.DF), DfView.class);
    }

    public List<NodeSummary> nodes() {
        return list(AdminCall.get(Routes.NODES), NodeSummary.class);
    }

    public NodeSummary addNode(AddNodeRequest request) {
        return one(AdminCall.post(Routes.NODES, request), NodeSummary.class);
    }

    public NodeSummary setDuty(String node, NodeDutyRequest request) {
        return one(
                AdminCall.post(Routes.ofNode(Routes.NODE_DUTY, node), request), NodeSummary.class);
    }

    public void removeNode(String node) {
        call(AdminCall.delete(Routes.ofNode(Routes.NODE_OF_CLUSTER, node)));
    }

    public LossView loss(String node) {
        return one(AdminCall.get(Routes.ofNode(Routes.NODE_LOSS, node)), LossView.class);
    }

    public AdviceView advice() {
        return one(AdminCall.get(Routes.ADVICE), AdviceView.class);
    }

    public List<PgView> placementGroups() {
        return list(AdminCall.get(Routes.PGS), PgView.class);
    }

    /**
     * Has the replicas of a placement group compared; {@link #verification} says what came of it.
     */
    public VerificationOrder verify(int pg) {
        return one(AdminCall.post(Routes.verify(pg)), VerificationOrder.class);
    }

    public VerificationView verification(VerificationOrder order) {
        return one(AdminCall.get(Routes.verification(order)), VerificationView.class);
    }

    /** What recovering a placement group would mean, from a node's replica or the furthest. */
    public RecoveryView recovery(int pg, Optional<String> from) {
        return one(AdminCall.get(Routes.recovery(pg, from)), RecoveryView.class);
    }

    /** Recovers a placement group with possible loss; {@link PgView#recovery} says what came. */
    public RecoveryView recover(int pg, RecoverRequest request) {
        return one(AdminCall.post(Routes.recovery(pg), request), RecoveryView.class);
    }

    /** Has what is left of a placement group as it was before its recovery deleted. */
    public void discardReplaced(int pg) {
        call(AdminCall.delete(Routes.recovery(pg)));
    }

    /** Orders scrubs; {@link PgView#scrub} says what came of them. */
    public void scrub(ScrubRequest request) {
        call(AdminCall.post(Routes.PGS_SCRUB, request));
    }

    public List<VolumeView> volumes() {
        return list(AdminCall.get(Routes.VOLUMES), VolumeView.class);
    }

    public VolumeView volume(String name) {
        return one(AdminCall.get(Routes.path(Routes.VOLUME, name)), VolumeView.class);
    }

    public VolumeView createVolume(CreateVolumeRequest request) {
        return one(AdminCall.post(Routes.VOLUMES, request), VolumeView.class);
    }

    public VolumeView changeVolume(String name, VolumeSettings settings) {
        return one(
                AdminCall.post(Routes.path(Routes.VOLUME_SETTINGS, name), settings),
                VolumeView.class);
    }

    public void deleteVolume(String name) {
        deleteVolume(name, false);
    }

    /**
     * @param withSnapshots also if it has some, which go with it
     */
    public void deleteVolume(String name, boolean withSnapshots) {
        call(AdminCall.delete(Routes.deletion(name, withSnapshots)));
    }

    /** Of all volumes. */
    public List<SnapshotView> snapshots() {
        return list(AdminCall.get(Routes.SNAPSHOTS), SnapshotView.class);
    }

    public List<SnapshotView> snapshots(String volume) {
        return list(
                AdminCall.get(Routes.path(Routes.VOLUME_SNAPSHOTS, volume)), SnapshotView.class);
    }

    public SnapshotView snapshot(SnapshotName name) {
        return one(AdminCall.get(Routes.of(name)), SnapshotView.class);
    }

    /** Returns once it can be read, or after a while. */
    public SnapshotView createSnapshot(String volume, CreateSnapshotRequest request) {
        return one(
                AdminCall.post(Routes.path(Routes.VOLUME_SNAPSHOTS, volume), request),
                SnapshotView.class);
    }

    public ExportView export(String volume, ExportRequest request) {
        return one(
                AdminCall.post(Routes.path(Routes.VOLUME_EXPORT, volume), request),
                ExportView.class);
    }

    /** Withdraws the only order to offer a volume. */
    public void removeExport(String volume) {
        removeExport(volume, Optional.empty());
    }

    /** Withdraws one gateway's order; empty: the only one. */
    public void removeExport(String volume, Optional<String> gateway) {
        call(AdminCall.delete(Routes.export(volume, gateway)));
    }

    public void detach(String volume, DetachRequest request) {
        call(AdminCall.post(Routes.path(Routes.VOLUME_DETACH, volume), request));
    }

    public List<AttachmentView> attachments() {
        return list(AdminCall.get(Routes.ATTACHMENTS), AttachmentView.class);
    }

    public List<GatewayView> gateways() {
        return list(AdminCall.get(Routes.GATEWAYS), GatewayView.class);
    }

    /** Makes the call and reads its answer as one record. */
    public <T> T one(AdminCall call, Class<T> type) {
        return parse(call, type.getSimpleName(), Json.mapper().constructType(type));
    }

    /** Makes the call and reads its answer as an array of records. */
    public <T> List<T> list(AdminCall call, Class<T> element) {
        JavaType type = Json.mapper().getTypeFactory().constructCollectionType(List.class, element);
        return parse(call, "array of " + element.getSimpleName(), type);
    }

    private <T> T parse(AdminCall call, String expected, JavaType type) {
        String body = call(call);
        try {
            T value = Json.mapper().readValue(body, type);
            if (value != null) {
                return value;
            }
        } catch (JsonProcessingException e) {
            throw new MirachException(
                            ErrorCode.MALFORMED,
                            "the answer to "
                                    + call.method()
                                    + " "
                                    + call.path()
                                    + " is no "
                                    + expected
                                    + ": "
                                    + e.getOriginalMessage(),
                            e)
                    .withRemedy("check that the endpoint is a Mirach node of the same version");
        }
        throw new MirachException(
                ErrorCode.MALFORMED, "the answer to " + call.path() + " is null, no " + expected);
    }

    /** Makes the call; returns the body of the answer if it is a success. */
    private String call(AdminCall call) {
        StringJoiner tried = new StringJoiner("; ");
        Optional<MirachException> refusal = Optional.empty();
        for (HttpEndpoint endpoint : endpoints) {
            try {
                HttpResponse<String> response = send(endpoint, call);
                if (response.statusCode() / 100 == 2) {
                    return response.body();
                }
                MirachException e = failure(endpoint, response);
                // The node answered: another one is asked only if that one may know better.
                if (!mayTryElsewhere(e.code())) {
                    throw e;
                }
                refusal = Optional.of(e);
            } catch (IOException e) {
                if (!call.isRead() && !wasNeverSent(e)) {
                    throw unknownOutcome(endpoint, call, e);
                }
                tried.add(endpoint + ": " + reason(e));
            }
        }
        throw refusal.orElseGet(() -> unreachable(tried.toString()));
    }

    private HttpResponse<String> send(HttpEndpoint endpoint, AdminCall call) throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(endpoint.uri(call.path()))
                        .timeout(call.isRead() ? readTimeout : changeTimeout)
                        .header("Accept", "application/json");
        if (call.body().isPresent()) {
            request.header("Content-Type", "application/json");
            request.method(
                    call.method(),
                    BodyPublishers.ofByteArray(Json.mapper().writeValueAsBytes(call.body().get())));
        } else {
            request.method(call.method(), BodyPublishers.noBody());
        }
        try {
            return http.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MirachException(ErrorCode.UNKNOWN_OUTCOME, "interrupted while waiting", e);
        }
    }

    private static MirachException failure(HttpEndpoint endpoint, HttpResponse<String> response) {
        try {
            return Json.mapper().readValue(response.body(), ErrorView.class).toException();
        } catch (JsonProcessingException e) {
            return new MirachException(
                            ErrorCode.INTERNAL,
                            endpoint + " answered with HTTP status " + response.statusCode(),
                            e)
                    .withRemedy("check that the endpoint is a Mirach node's HTTP address");
        }
    }

    private static boolean mayTryElsewhere(ErrorCode code) {
        return switch (code) {
            // One that has lost its disks belongs to no cluster, and others do.
            case NOT_LEADER, NOT_READY, NOT_INITIALISED, SHUTTING_DOWN -> true;
            default -> false;
        };
    }

    private static boolean wasNeverSent(IOException e) {
        return e instanceof ConnectException || e instanceof HttpConnectTimeoutException;
    }

    private static String reason(IOException e) {
        if (e instanceof HttpConnectTimeoutException) {
            return "no connection within " + CONNECT_TIMEOUT.toSeconds() + " s";
        }
        if (e instanceof HttpTimeoutException) {
            return "no answer in time";
        }
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException) {
                return "unknown host";
            }
        }
        if (e instanceof ConnectException) {
            return "connection refused";
        }
        return e.getMessage() == null ? "the connection broke" : e.getMessage();
    }

    private static MirachException unknownOutcome(
            HttpEndpoint endpoint, AdminCall call, IOException e) {
        return new MirachException(
                        ErrorCode.UNKNOWN_OUTCOME,
                        call.method()
                                + " "
                                + call.path()
                                + " was sent to "
                                + endpoint
                                + " and not answered ("
                                + reason(e)
                                + "); it may have taken effect",
                        e)
                .withRemedy("look with 'mirach status' and 'mirach volume ls' before repeating it");
    }

    private MirachException unreachable(String tried) {
        return new MirachException(ErrorCode.UNREACHABLE, "no node answered: " + tried)
                .withRemedy(
                        "check that the nodes run and that --endpoint or MIRACH_ENDPOINT names"
                                + " their HTTP addresses");
    }
}
