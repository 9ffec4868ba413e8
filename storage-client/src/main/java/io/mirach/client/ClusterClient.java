package io.mirach.client;

import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.routing.RoutedRequest;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.AttachReply;
import io.mirach.protocol.cluster.AttachRequest;
import io.mirach.protocol.cluster.DetachRequest;
import io.mirach.protocol.cluster.EndedExport;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.RegisterGateway;
import io.mirach.protocol.cluster.RenewAttachments;
import io.mirach.protocol.cluster.Renewal;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** The native client: one per process and cluster, made by {@link MirachClients}. */
final class ClusterClient implements MirachClient {
    // Announcing is repeated every few seconds: a late one is of no use.
    private static final Duration REGISTER_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration RENEW_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration NEWEST_MAP_TIMEOUT = Duration.ofSeconds(5);

    private final MirachClientConfig config;
    private final EventLoops loops;
    private final boolean ownsLoops;
    private final MapFollower map;
    private final NodeConnections connections;
    private final EventLoop timer;
    private final ClusterRouting routing;
    private final ByteBufAllocator allocator = ByteBufAllocator.DEFAULT;
    private final Set<AttachmentLife> attached = ConcurrentHashMap.newKeySet();
    private final Set<SnapshotLife> snapshots = ConcurrentHashMap.newKeySet();
    private final AtomicLong abandonedBytes = new AtomicLong();
    private final AttachmentRenewals renewals;
    private volatile boolean closed;

    ClusterClient(MirachClientConfig config, EventLoops loops, boolean ownsLoops) {
        this.config = config;
        this.loops = loops;
        this.ownsLoops = ownsLoops;
        this.map = new MapFollower(config.endpoints());
        this.connections =
                new NodeConnections(loops, config.transport(), config.gateway(), map::clusterId);
        this.timer = loops.next();
        this.routing = new ClusterRouting(map::image, connections, timer, config.routing());
        this.renewals =
                new AttachmentRenewals(
                        config.gateway(), config.ownerSecret(), attached, this::renew, timer);
    }

    /** Completes with this client once the first cluster map has come; else closes it. */
    CompletableFuture<MirachClient> start() {
        return map.start(connections, config.connectTimeout())
                .<MirachClient>thenApply(first -> this)
                .whenComplete(
                        (client, failure) -> {
                            if (failure != null) {
                                close();
                            } else {
                                map.onImage(this::observe);
                            }
                        });
    }

    private void observe(ClusterImage image) {
        attached.forEach(life -> life.observe(image));
        snapshots.forEach(life -> life.observe(image));
    }

    @Override
    public ClusterImage image() {
        return map.image();
    }

    @Override
    public CompletableFuture<ClusterImage> newestImage() {
        return meta(
                        Opcode.GET_MAP,
                        GetMap.newest(map.image().version()),
                        NEWEST_MAP_TIMEOUT,
                        NEWEST_MAP_TIMEOUT)
                .thenCompose(map::adopt);
    }

    @Override
    public AutoCloseable onImage(Consumer<ClusterImage> listener) {
        return map.onImage(listener);
    }

    @Override
    public CompletableFuture<AttachedVolume> attach(String volume, AttachOptions options) {
        AttachRequest request =
                new AttachRequest(
                        volume,
                        options.mode(),
                        config.gateway(),
                        config.host(),
                        config.ownerSecret(),
                        options.force(),
                        options.migrationWindow().toMillis());
        CompletableFuture<AttachedVolume> result = new CompletableFuture<>();
        // One attempt as long as all may take: asking again would start over with a new epoch.
        meta(Opcode.ATTACH, request, config.attachTimeout(), config.attachTimeout())
                .thenApply(reply -> JsonBody.decode(reply, AttachReply.class))
                .thenCompose(this::begin)
                .whenComplete(
                        (session, failure) -> {
                            if (failure != null) {
                                result.completeExceptionally(asOurs(failure));
                            } else {
                                result.complete(session);
                            }
                        });
        return result;
    }

    /** Our map may be older than the grant, and its head one that is sealed by now. */
    private CompletableFuture<AttachedVolume> begin(AttachReply granted) {
        Attachment attachment = granted.attachment();
        map.refresh();
        return map.await(image -> image.version() >= granted.mapVersion())
                .orTimeout(config.attachTimeout().toMillis(), TimeUnit.MILLISECONDS)
                .thenApply(image -> open(attachment, image));
    }

    private static Throwable asOurs(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        return cause instanceof TimeoutException
                ? new MirachException(
                        ErrorCode.TIMEOUT,
                        "the cluster map that names the attachment has not come yet",
                        cause)
                : cause;
    }

    private AttachedVolume open(Attachment attachment, ClusterImage image) {
        Volume volume = image.volumes().get(attachment.volume());
        if (volume == null) {
            throw new MirachException(
                    ErrorCode.NO_SUCH_VOLUME, "the volume was deleted while it was attached");
        }
        AttachmentLife life = new AttachmentLife(attachment, volume, image.version());
        attached.add(life);
        // Until then the map has something to tell it.
        life.explanation().thenRun(() -> attached.remove(life));
        VolumeCalls calls = new VolumeCalls(life, routing, map, timer, config.routing());
        AttachedSession session =
                new AttachedSession(
                        life,
                        calls,
                        config,
                        allocator,
                        timer,
                        abandonedBytes,
                        () -> giveBack(attachment));
        if (closed) {
            life.end(new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"));
        }
        // What the map said between the two looks at it.
        life.observe(map.image());
        renewals.begin();
        return session;
    }

    @Override
    public CompletableFuture<OpenSnapshot> openSnapshot(SnapshotName name) {
        // By the newest map: under the same name there may have been another one.
        return newestImage().thenApply(image -> open(image, name));
    }

    private OpenSnapshot open(ClusterImage image, SnapshotName name) {
        Volume volume =
                image.volumeNamed(name.volume())
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_VOLUME,
                                                "there is no volume '" + name.volume() + "'"));
        Snapshot snapshot =
                volume.snapshotNamed(name.name())
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_SNAPSHOT,
                                                "there is no snapshot '" + name + "'"));
        if (snapshot.state() != Snapshot.State.READY) {
            throw new MirachException(
                    ErrorCode.SNAPSHOT_NOT_READY, "snapshot '" + name + "' is still being taken");
        }
        SnapshotLife life = new SnapshotLife(volume, snapshot, image.version());
        snapshots.add(life);
        life.explanation().thenRun(() -> snapshots.remove(life));
        VolumeCalls calls = new VolumeCalls(life, routing, map, timer, config.routing());
        if (closed) {
            life.end(new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"));
        }
        life.observe(map.image());
        return new SnapshotSession(life, calls, config, allocator, timer, abandonedBytes);
    }

    private CompletableFuture<Void> giveBack(Attachment attachment) {
        return meta(
                        Opcode.DETACH,
                        new DetachRequest(
                                attachment.volume(), attachment.epoch(), config.ownerSecret()),
                        config.attachTimeout(),
                        config.attachTimeout())
                .thenAccept(ByteBuf::release);
    }

    private CompletableFuture<Renewal> renew(RenewAttachments request) {
        return meta(Opcode.RENEW_ATTACHMENTS, request, RENEW_TIMEOUT, RENEW_TIMEOUT)
                .thenApply(reply -> JsonBody.decode(reply, Renewal.class));
    }

    @Override
    public CompletableFuture<Void> registerGateway(Gateway gateway, List<EndedExport> ended) {
        return meta(
                        Opcode.REGISTER_GATEWAY,
                        new RegisterGateway(gateway, ended),
                        REGISTER_TIMEOUT,
                        REGISTER_TIMEOUT)
                .thenAccept(ByteBuf::release);
    }

    private CompletableFuture<ByteBuf> meta(
            Opcode opcode, Object message, Duration deadline, Duration attemptTimeout) {
        if (closed) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"));
        }
        return routing.meta().call(new MetaRequest(opcode, message, attemptTimeout), deadline);
    }

    private final class MetaRequest implements RoutedRequest {
        private final Opcode opcode;
        private final Object message;
        private final Duration attemptTimeout;

        MetaRequest(Opcode opcode, Object message, Duration attemptTimeout) {
            this.opcode = opcode;
            this.message = message;
            this.attemptTimeout = attemptTimeout;
        }

        @Override
        public Opcode opcode() {
            return opcode;
        }

        @Override
        public ByteBuf encode() {
            return JsonBody.encode(message, allocator);
        }

        @Override
        public Duration attemptTimeout(Duration usual) {
            return attemptTimeout;
        }

        @Override
        public Optional<MirachException> abandoned() {
            return closed
                    ? Optional.of(new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"))
                    : Optional.empty();
        }
    }

    @Override
    public void close() {
        closed = true;
        MirachException reason = new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed");
        attached.forEach(life -> life.end(reason));
        snapshots.forEach(life -> life.end(reason));
        map.close();
        connections.close();
        if (ownsLoops) {
            loops.close();
        }
    }
}
