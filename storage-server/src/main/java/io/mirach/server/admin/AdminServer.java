package io.mirach.server.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectReader;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.ClusterView;
import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.DetachRequest;
import io.mirach.admin.ErrorView;
import io.mirach.admin.ExportRequest;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.RecoverRequest;
import io.mirach.admin.Routes;
import io.mirach.admin.ScrubRequest;
import io.mirach.admin.VolumeSettings;
import io.mirach.client.transport.NodeAddress;
import io.mirach.model.SnapshotName;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import io.mirach.server.telemetry.NodeMetrics;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the admin API over HTTP. Answers what only this node can, and passes the rest on to the
 * meta leader unless this node leads. A few threads, which requests may block.
 */
public final class AdminServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
    private static final int MAX_THREADS = 24;
    private static final int MIN_THREADS = 2;
    private static final int IDLE_MS = 30_000;
    private static final int MAX_REQUEST_BYTES = 1 << 20;
    private static final ObjectReader READER =
            Json.mapper().reader().with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    /** A node's place in a cluster, once it has one. */
    public record Membership(ClusterAdmin admin, LeaderForwarding forwarding) {}

    /** Answers on the meta leader. */
    private interface LeaderHandler {
        void handle(ClusterAdmin admin, Context request) throws InterruptedException;
    }

    private final NodeControl node;
    private final ClusterFormation formation;
    private final Supplier<Optional<Membership>> membership;
    private final NodeMetrics metrics;
    private final Javalin javalin;

    private AdminServer(
            NodeControl node,
            ClusterFormation formation,
            Supplier<Optional<Membership>> membership,
            NodeMetrics metrics) {
        this.node = node;
        this.formation = formation;
        this.membership = membership;
        this.metrics = metrics;
        this.javalin = Javalin.create(this::configure);
    }

    /**
     * Listens; fails with IOException if it cannot.
     *
     * @param membership empty until the node is initialised
     * @param metrics what {@code /metrics} shows
     */
    public static AdminServer start(
            NodeAddress address,
            NodeControl node,
            ClusterFormation formation,
            Supplier<Optional<Membership>> membership,
            NodeMetrics metrics)
            throws IOException {
        AdminServer server = new AdminServer(node, formation, membership, metrics);
        try {
            server.javalin.start(address.host(), address.port());
            return server;
        } catch (RuntimeException e) {
            server.close();
            throw new IOException("cannot listen on " + address + ": " + rootMessage(e), e);
        }
    }

    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getMessage();
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.http.maxRequestSize = MAX_REQUEST_BYTES;
        config.http.prefer405over404 = true;
        QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, MIN_THREADS, IDLE_MS);
        threads.setName("mirach-http");
        threads.setDaemon(true);
        config.jetty.threadPool = threads;
        routes(config);
        errors(config);
    }

    private void routes(JavalinConfig config) {
        config.routes.get("/healthz", request -> request.result("ok\n"));
        config.routes.get(
                "/metrics",
                request -> {
                    NodeMetrics.Page page = metrics.page(request.header("Accept"));
                    request.contentType(page.contentType()).result(page.text());
                });
        config.routes.get(Routes.NODE, request -> answer(request, node.view()));
        config.routes.post(
                Routes.NODE_INIT,
                request -> answer(request, node.initialise(body(request, NodeInitRequest.class))));
        config.routes.post(
                Routes.CLUSTER_INIT,
                request -> answer(request, formation.form(body(request, InitRequest.class))));
        config.routes.get(Routes.CLUSTER, request -> answer(request, cluster()));
        reads(config);
        changes(config);
    }

    private void reads(JavalinConfig config) {
        get(config, Routes.STATUS, (admin, request) -> answer(request, admin.status()));
        get(config, Routes.DF, (admin, request) -> answer(request, admin.observedReports().df()));
        get(
                config,
                Routes.NODES,
                (admin, request) -> answer(request, admin.observedReports().nodes()));
        get(
                config,
                Routes.NODE_LOSS,
                (admin, request) -> answer(request, admin.nodeAdmin().loss(nodeName(request))));
        get(config, Routes.ADVICE, (admin, request) -> answer(request, admin.nodeAdmin().advice()));
        get(
                config,
                Routes.PGS,
                (admin, request) -> answer(request, admin.observedReports().placementGroups()));
        get(
                config,
                Routes.PG_VERIFICATION,
                (admin, request) ->
                        answer(
                                request,
                                admin.verification(
                                        pg(request), number(request, "digest", Long.MAX_VALUE))));
        get(
                config,
                Routes.PG_RECOVERY,
                (admin, request) ->
                        answer(
                                request,
                                admin.recoveryAdmin()
                                        .look(
                                                pg(request),
                                                Optional.ofNullable(request.queryParam("from")))));
        get(config, Routes.VOLUMES, (admin, request) -> answer(request, admin.volumes()));
        get(
                config,
                Routes.VOLUME,
                (admin, request) -> answer(request, admin.volume(volumeName(request))));
        get(
                config,
                Routes.SNAPSHOTS,
                (admin, request) -> answer(request, admin.snapshotAdmin().all()));
        get(
                config,
                Routes.VOLUME_SNAPSHOTS,
                (admin, request) -> answer(request, admin.snapshotAdmin().of(volumeName(request))));
        get(
                config,
                Routes.SNAPSHOT,
                (admin, request) ->
                        answer(request, admin.snapshotAdmin().one(snapshotName(request))));
        get(
                config,
                Routes.ATTACHMENTS,
                (admin, request) -> answer(request, admin.reports().attachments()));
        get(
                config,
                Routes.GATEWAYS,
                (admin, request) -> answer(request, admin.reports().gateways()));
    }

    private void changes(JavalinConfig config) {
        post(
                config,
                Routes.NODES,
                (admin, request) ->
                        answer(
                                request,
                                admin.nodeAdmin().add(body(request, AddNodeRequest.class))));
        post(
                config,
                Routes.NODE_DUTY,
                (admin, request) ->
                        answer(
                                request,
                                admin.nodeAdmin()
                                        .setDuty(
                                                nodeName(request),
                                                body(request, NodeDutyRequest.class))));
        delete(
                config,
                Routes.NODE_OF_CLUSTER,
                (admin, request) -> {
                    admin.nodeAdmin().remove(nodeName(request));
                    request.status(204);
                });
        post(
                config,
                Routes.PGS_SCRUB,
                (admin, request) -> {
                    admin.scrub(body(request, ScrubRequest.class));
                    request.status(204);
                });
        post(
                config,
                Routes.PG_VERIFY,
                (admin, request) -> answer(request, admin.verify(pg(request))));
        post(
                config,
                Routes.PG_RECOVERY,
                (admin, request) ->
                        answer(
                                request,
                                admin.recoveryAdmin()
                                        .recover(
                                                pg(request), body(request, RecoverRequest.class))));
        delete(
                config,
                Routes.PG_RECOVERY,
                (admin, request) -> {
                    admin.recoveryAdmin().discard(pg(request));
                    request.status(204);
                });
        post(
                config,
                Routes.VOLUMES,
                (admin, request) ->
                        answer(
                                request,
                                admin.createVolume(body(request, CreateVolumeRequest.class))));
        post(
                config,
                Routes.VOLUME_SETTINGS,
                (admin, request) ->
                        answer(
                                request,
                                admin.changeVolume(
                                        volumeName(request), body(request, VolumeSettings.class))));
        delete(
                config,
                Routes.VOLUME,
                (admin, request) -> {
                    admin.deleteVolume(
                            volumeName(request),
                            "true".equals(request.queryParam("with-snapshots")));
                    request.status(204);
                });
        post(
                config,
                Routes.VOLUME_SNAPSHOTS,
                (admin, request) ->
                        answer(
                                request,
                                admin.snapshotAdmin()
                                        .create(
                                                volumeName(request),
                                                body(request, CreateSnapshotRequest.class))));
        post(
                config,
                Routes.VOLUME_EXPORT,
                (admin, request) ->
                        answer(
                                request,
                                admin.export(
                                        volumeName(request), body(request, ExportRequest.class))));
        delete(
                config,
                Routes.VOLUME_EXPORT,
                (admin, request) -> {
                    admin.removeExport(
                            volumeName(request),
                            Optional.ofNullable(request.queryParam("gateway")));
                    request.status(204);
                });
        post(
                config,
                Routes.VOLUME_DETACH,
                (admin, request) -> {
                    admin.detach(volumeName(request), body(request, DetachRequest.class));
                    request.status(204);
                });
    }

    private void get(JavalinConfig config, String path, LeaderHandler handler) {
        config.routes.get(path, request -> onLeader(request, handler));
    }

    private void post(JavalinConfig config, String path, LeaderHandler handler) {
        config.routes.post(path, request -> onLeader(request, handler));
    }

    private void delete(JavalinConfig config, String path, LeaderHandler handler) {
        config.routes.delete(path, request -> onLeader(request, handler));
    }

    private void onLeader(Context request, LeaderHandler handler) throws InterruptedException {
        Membership member =
                membership
                        .get()
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                        ErrorCode.NOT_INITIALISED,
                                                        "this node belongs to no cluster yet")
                                                .withRemedy(
                                                        "mirach cluster init --endpoint"
                                                                + " HOST:PORT,HOST:PORT,HOST:PORT"));
        if (member.admin().leads()) {
            handler.handle(member.admin(), request);
        } else if (request.header(LeaderForwarding.HOP_HEADER) != null) {
            throw MirachException.notLeader(Optional.empty());
        } else {
            member.forwarding().pass(request);
        }
    }

    private ClusterView cluster() {
        return membership
                .get()
                .map(member -> member.admin().cluster())
                .orElseGet(
                        () ->
                                new ClusterView(
                                        Optional.empty(),
                                        false,
                                        Optional.empty(),
                                        0,
                                        List.of(),
                                        List.of()));
    }

    private static String volumeName(Context request) {
        String name = request.pathParam("name");
        if (!VolumeName.isValid(name)) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "'" + name + "' is not a volume name");
        }
        return name;
    }

    private static SnapshotName snapshotName(Context request) {
        String text = volumeName(request) + "@" + request.pathParam("snapshot");
        return SnapshotName.parse(text)
                .orElseThrow(
                        () ->
                                new MirachException(
                                        ErrorCode.INVALID_ARGUMENT,
                                        "'" + text + "' does not name a snapshot"));
    }

    private static int pg(Context request) {
        return (int) number(request, "id", Integer.MAX_VALUE);
    }

    private static String nodeName(Context request) {
        return request.pathParam("name");
    }

    /** A path parameter, from 0 on. */
    private static long number(Context request, String name, long max) {
        String text = request.pathParam(name);
        try {
            long number = Long.parseLong(text);
            if (number >= 0 && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            LOG.debug("not a number in {}", request.path(), e);
        }
        throw new MirachException(
                ErrorCode.INVALID_ARGUMENT, name + ": not a number: '" + text + "'");
    }

    private static <T> T body(Context request, Class<T> type) {
        byte[] bytes = request.bodyAsBytes();
        try {
            T read = READER.forType(type).readValue(bytes);
            if (bytes.length > 0 && read != null) {
                return read;
            }
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "the request's body must be a " + type.getSimpleName() + " in JSON");
        } catch (JsonMappingException e) {
            e.clearLocation();
            Throwable cause = e.getCause() instanceof IllegalArgumentException why ? why : e;
            String detail =
                    cause instanceof JsonProcessingException json
                            ? json.getOriginalMessage()
                            : cause.getMessage();
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, detail, e);
        } catch (JsonProcessingException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, "unreadable body: " + e, e);
        }
    }

    private static void answer(Context request, Object view) {
        try {
            request.contentType("application/json").result(Json.mapper().writeValueAsBytes(view));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + view, e);
        }
    }

    private void errors(JavalinConfig config) {
        config.routes.exception(
                HttpResponseException.class,
                (e, request) -> {
                    request.status(e.getStatus());
                    refuse(
                            request,
                            new ErrorView(
                                    ErrorCode.INVALID_ARGUMENT.name(),
                                    request.method() + " " + request.path() + ": " + e.getMessage(),
                                    "see the routes in the documentation of the admin API"));
                });
        config.routes.exception(
                Exception.class,
                (e, request) -> {
                    MirachException failure;
                    if (e instanceof MirachException known) {
                        failure = known;
                    } else if (e instanceof InterruptedException) {
                        failure =
                                new MirachException(
                                        ErrorCode.SHUTTING_DOWN, "this node is stopping");
                    } else {
                        LOG.error("{} {} failed", request.method(), request.path(), e);
                        failure =
                                new MirachException(
                                        ErrorCode.INTERNAL, "internal error; see this node's log");
                    }
                    request.status(ErrorView.httpStatusOf(failure.code()));
                    refuse(request, ErrorView.of(failure));
                });
    }

    private static void refuse(Context request, ErrorView error) {
        answer(request, error);
    }

    @Override
    public void close() {
        javalin.stop();
    }
}
