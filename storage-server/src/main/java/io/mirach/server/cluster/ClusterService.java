package io.mirach.server.cluster;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Gateway;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.AttachReply;
import io.mirach.protocol.cluster.AttachRequest;
import io.mirach.protocol.cluster.DetachRequest;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import io.mirach.protocol.cluster.RegisterGateway;
import io.mirach.protocol.cluster.RenewAttachments;
import io.mirach.protocol.cluster.Renewal;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaReply;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the native requests about the cluster as a whole. Any node gives its map; all else is the
 * meta leader's. Thread-safe; never blocks.
 */
public final class ClusterService {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterService.class);
    // Below what clients wait for an attachment, so that they learn the reason.
    private static final long SETTLE_TIMEOUT_MS = 55_000;
    private static final int MAX_NAME_CHARS = 255;

    /** Longer than any migration should take. */
    public static final long MAX_MIGRATION_WINDOW_MS = 3_600_000;

    private final StorageNode self;
    private final ClusterMap map;
    private final MetaGroup meta;
    private final NodeObservations observations;
    private final AttachmentTerms terms;
    private final Clock clock;

    public ClusterService(
            StorageNode self,
            ClusterMap map,
            MetaGroup meta,
            NodeObservations observations,
            AttachmentTerms terms,
            Clock clock) {
        this.self = self;
        this.map = map;
        this.meta = meta;
        this.observations = observations;
        this.terms = terms;
        this.clock = clock;
    }

    /** The opcodes that this service answers. */
    public Map<Opcode, RequestHandler> handlers() {
        Map<Opcode, RequestHandler> handlers = new EnumMap<>(Opcode.class);
        handlers.put(Opcode.GET_MAP, on(GetMap.class, this::getMap));
        handlers.put(Opcode.ATTACH, on(AttachRequest.class, this::attach));
        handlers.put(Opcode.DETACH, on(DetachRequest.class, this::detach));
        handlers.put(Opcode.RENEW_ATTACHMENTS, on(RenewAttachments.class, this::renew));
        handlers.put(Opcode.REGISTER_GATEWAY, on(RegisterGateway.class, this::register));
        handlers.put(Opcode.HEARTBEAT, on(NodeHeartbeat.class, this::heartbeat));
        handlers.put(Opcode.META_CHANGE, on(MetaCommand.class, meta::propose));
        return handlers;
    }

    /** A handler of JSON; an absent answer is an empty body. */
    private static <Q, R> RequestHandler on(
            Class<Q> type, Function<Q, CompletableFuture<R>> action) {
        return body -> action.apply(JsonBody.decode(body, type)).thenApply(ClusterService::body);
    }

    private static ByteBuf body(Object answer) {
        return answer == null
                ? Unpooled.EMPTY_BUFFER
                : JsonBody.encode(answer, ByteBufAllocator.DEFAULT);
    }

    private CompletableFuture<MapUpdate> getMap(GetMap request) {
        return request.newest()
                ? meta.ready().thenCompose(ready -> map.poll(request))
                : map.poll(request);
    }

    // ---- attachments ----

    private CompletableFuture<AttachReply> attach(AttachRequest request) {
        requireName("gateway", request.gateway());
        requireName("host", request.host());
        if (request.ownerSecret().isEmpty()) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "an attachment needs an owner's secret");
        }
        if (request.migrationWindowMs() < 0
                || request.migrationWindowMs() > MAX_MIGRATION_WINDOW_MS) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "a migration window is at most " + MAX_MIGRATION_WINDOW_MS / 1000 + " s");
        }
        return meta.ready()
                .thenCompose(
                        ready -> {
                            Volume volume = requireVolume(map.image(), request.volume());
                            return meta.propose(
                                            new MetaCommand.Attach(
                                                    volume.id(),
                                                    request.mode(),
                                                    request.gateway(),
                                                    request.host(),
                                                    sha256(request.ownerSecret()),
                                                    request.force(),
                                                    request.migrationWindowMs(),
                                                    expired(volume.id()),
                                                    clock.millis()))
                                    .thenApply(MetaReply::orThrow)
                                    .thenCompose(
                                            reply -> settled(volume.id(), new Epoch(reply.id())));
                        });
    }

    /** Those of a volume that were not renewed in time, as of now. */
    public List<Epoch> expired(VolumeId volume) {
        return terms.expired(map.image().accessTo(volume));
    }

    private CompletableFuture<AttachReply> settled(VolumeId volume, Epoch epoch) {
        LOG.info("attaching {} as {}", volume, epoch);
        return map.await(
                        image ->
                                image.accessTo(volume)
                                        .attachment(epoch)
                                        .filter(a -> a.state() == Attachment.State.PENDING)
                                        .isEmpty(),
                        SETTLE_TIMEOUT_MS)
                .thenApply(
                        image -> {
                            Optional<Attachment> settled = image.accessTo(volume).attachment(epoch);
                            Attachment granted =
                                    settled.filter(a -> a.state() == Attachment.State.LIVE)
                                            .orElseThrow(() -> revokedBeforehand(settled));
                            return new AttachReply(granted, image.version());
                        });
    }

    private static MirachException revokedBeforehand(Optional<Attachment> attachment) {
        String why =
                attachment
                        .map(Attachment::revokedBecause)
                        .filter(reason -> !reason.isEmpty())
                        .map(reason -> ": " + reason)
                        .orElse("");
        return new MirachException(
                ErrorCode.FENCED, "the attachment was revoked before it was granted" + why);
    }

    private CompletableFuture<Void> detach(DetachRequest request) {
        String proof = sha256(request.ownerSecret());
        return meta.ready()
                .thenCompose(
                        ready -> {
                            requireOwner(request.volume(), request.epoch(), proof);
                            return release(request.volume(), request.epoch());
                        });
    }

    /** An epoch that is gone is nobody's. */
    private void requireOwner(VolumeId volume, Epoch epoch, String proof) {
        boolean others =
                map.image()
                        .accessTo(volume)
                        .attachment(epoch)
                        .filter(a -> !a.ownerProofSha256().equals(proof))
                        .isPresent();
        if (others) {
            throw new MirachException(
                    ErrorCode.NOT_ATTACHED, epoch + " of " + volume + " is another owner's");
        }
    }

    /** Ends an attachment, and completes once no placement group admits it any longer. */
    public CompletableFuture<Void> release(VolumeId volume, Epoch epoch) {
        return meta.propose(new MetaCommand.Release(volume, epoch))
                .thenApply(MetaReply::orThrow)
                .thenCompose(reply -> gone(volume, a -> a.epoch().equals(epoch)));
    }

    /**
     * Takes a volume, and the order to offer it, from a gateway; completes once no placement group
     * admits it any longer.
     */
    public CompletableFuture<Void> revoke(VolumeId volume, String gateway, String reason) {
        return meta.propose(new MetaCommand.Revoke(volume, gateway, reason))
                .thenApply(MetaReply::orThrow)
                .thenCompose(reply -> gone(volume, a -> a.gateway().equals(gateway)));
    }

    private CompletableFuture<Void> gone(VolumeId volume, Predicate<Attachment> which) {
        return map.await(
                        image -> image.accessTo(volume).attachments().stream().noneMatch(which),
                        SETTLE_TIMEOUT_MS)
                .thenApply(image -> null);
    }

    private CompletableFuture<Renewal> renew(RenewAttachments request) {
        // Only a leader whose map is complete may say that something is over.
        return meta.ready().thenApply(ready -> renewed(request));
    }

    private Renewal renewed(RenewAttachments request) {
        ClusterImage image = map.image();
        String proof = sha256(request.ownerSecret());
        List<Epoch> held = new ArrayList<>();
        Map<Epoch, String> ended = new HashMap<>();
        for (RenewAttachments.Held each : request.attachments()) {
            Optional<Attachment> attachment =
                    image.accessTo(each.volume())
                            .attachment(each.epoch())
                            .filter(a -> a.gateway().equals(request.gateway()))
                            .filter(a -> a.ownerProofSha256().equals(proof));
            if (attachment.filter(Attachment::held).isPresent()) {
                held.add(each.epoch());
            } else {
                ended.put(
                        each.epoch(),
                        image.accessTo(each.volume()).takenBecause(each.epoch()).orElse(""));
            }
        }
        terms.renewed(held);
        return new Renewal(terms.termMs(), ended);
    }

    /** The volume of that name; NO_SUCH_VOLUME otherwise. */
    public static Volume requireVolume(ClusterImage image, String name) {
        return image.volumeNamed(name)
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_VOLUME,
                                                "there is no volume '" + name + "'")
                                        .withRemedy("mirach volume ls"));
    }

    private static void requireName(String what, String name) {
        if (name.isEmpty() || name.length() > MAX_NAME_CHARS) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    what + ": a name has 1 to " + MAX_NAME_CHARS + " characters");
        }
    }

    private static String sha256(String secret) {
        try {
            return HexFormat.of()
                    .formatHex(
                            MessageDigest.getInstance("SHA-256")
                                    .digest(secret.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    // ---- signs of life ----

    private CompletableFuture<Void> register(RegisterGateway request) {
        Gateway gateway = request.gateway();
        requireName("gateway", gateway.name());
        requireLeader();
        observations.heardGateway(gateway.name(), request.ended());
        if (gateway.equals(map.image().gateways().get(gateway.name()))) {
            return CompletableFuture.completedFuture(null);
        }
        return meta.propose(new MetaCommand.AddGateway(gateway))
                .thenApply(MetaReply::orThrow)
                .thenApply(reply -> null);
    }

    private CompletableFuture<HeartbeatReply> heartbeat(NodeHeartbeat heartbeat) {
        requireLeader();
        observations.heard(heartbeat);
        ClusterImage image = map.image();
        StorageNode known = image.nodes().get(heartbeat.node().name());
        if (image.version() > 0 && known != null && !known.equals(heartbeat.node())) {
            update(heartbeat.node());
        }
        Map<String, Long> lastSeenMs = new HashMap<>();
        for (String node : image.nodes().keySet()) {
            observations.lastSeenMs(node).ifPresent(ms -> lastSeenMs.put(node, ms));
        }
        // Nodes serve by the version that it says: one that leads no more must not say an old one.
        return meta.ready()
                .thenApply(
                        ready ->
                                new HeartbeatReply(
                                        self.name(),
                                        self.httpAddress(),
                                        map.image().version(),
                                        lastSeenMs));
    }

    private void update(StorageNode node) {
        meta.propose(new MetaCommand.UpdateNode(node))
                .thenApply(MetaReply::orThrow)
                .whenComplete(
                        (reply, failure) -> {
                            if (failure == null) {
                                LOG.info("node {} has changed: {}", node.name(), node);
                            } else {
                                LOG.warn(
                                        "node {} differs from what the cluster knows: {}",
                                        node.name(),
                                        failure.getMessage());
                            }
                        });
    }

    private void requireLeader() {
        if (!meta.leads()) {
            throw MirachException.notLeader(meta.leader());
        }
    }
}
