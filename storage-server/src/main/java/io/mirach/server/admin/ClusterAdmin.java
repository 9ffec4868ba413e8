package io.mirach.server.admin;

import io.mirach.admin.ClusterView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.DetachRequest;
import io.mirach.admin.ExportRequest;
import io.mirach.admin.ExportView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.ScrubRequest;
import io.mirach.admin.StatusView;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VolumeSettings;
import io.mirach.admin.VolumeView;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.cluster.ClusterMap;
import io.mirach.server.cluster.ClusterService;
import io.mirach.server.cluster.HeartbeatReply;
import io.mirach.server.cluster.MetaGroup;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.cluster.StoredBytesSurvey;
import io.mirach.server.maintenance.Scrubs;
import io.mirach.server.maintenance.Verification;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaReply;
import io.mirach.server.placement.SlotAssignment;
import java.time.Clock;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The admin API of a node that belongs to a cluster. Everything but {@link #cluster} is for the
 * meta leader. Blocks: called on the HTTP server's threads only. Thread-safe.
 */
public final class ClusterAdmin {
    // Below what the CLI waits for a change, so that the reason reaches the user.
    private static final long CHANGE_TIMEOUT_MS = 80_000;
    private static final long SETTLE_TIMEOUT_MS = 60_000;
    private static final long READY_TIMEOUT_MS = 5_000;
    private static final long POLL_HEARTBEATS_MS = 100;
    private static final long SURVEY_TIMEOUT_MS = 10_000;

    private final ClusterMap map;
    private final MetaGroup meta;
    private final NodeObservations observations;
    private final AttachmentTerms terms;
    private final ClusterService service;
    private final StoredBytesSurvey survey;
    private final Verification verification;
    private final Scrubs scrubs;
    private final NodeAdmin nodeAdmin;
    private final RecoveryAdmin recoveryAdmin;
    private final SnapshotAdmin snapshotAdmin;
    private final Supplier<Optional<HeartbeatReply>> lastAnswer;
    private final Clock clock;

    /**
     * @param lastAnswer what the meta leader last said to this node
     */
    public ClusterAdmin(
            ClusterMap map,
            MetaGroup meta,
            NodeObservations observations,
            AttachmentTerms terms,
            ClusterService service,
            StoredBytesSurvey survey,
            Verification verification,
            Scrubs scrubs,
            Outlook outlook,
            Supplier<Optional<HeartbeatReply>> lastAnswer,
            Clock clock) {
        this.map = map;
        this.meta = meta;
        this.observations = observations;
        this.terms = terms;
        this.service = service;
        this.survey = survey;
        this.verification = verification;
        this.scrubs = scrubs;
        this.lastAnswer = lastAnswer;
        this.clock = clock;
        this.nodeAdmin = new NodeAdmin(this, outlook, clock);
        this.recoveryAdmin = new RecoveryAdmin(this, observations, clock, UUID::randomUUID);
        this.snapshotAdmin = new SnapshotAdmin(this, clock);
    }

    NodeAdmin nodeAdmin() {
        return nodeAdmin;
    }

    RecoveryAdmin recoveryAdmin() {
        return recoveryAdmin;
    }

    SnapshotAdmin snapshotAdmin() {
        return snapshotAdmin;
    }

    boolean leads() {
        return meta.leads();
    }

    /** The cluster as this node knows it. */
    public ClusterView cluster() {
        ClusterImage image = map.image();
        Map<String, Long> seen = lastAnswer.get().map(HeartbeatReply::lastSeenMs).orElse(Map.of());
        List<NodeSummary> nodes =
                image.nodes().values().stream()
                        .sorted(Comparator.comparing(StorageNode::name))
                        .map(node -> summary(image, node, seen.get(node.name())))
                        .toList();
        return new ClusterView(
                Optional.of(image.clusterId()),
                true,
                metaLeader(image),
                image.version(),
                image.metaReplicas().replicas().stream().map(Replica::node).sorted().toList(),
                nodes);
    }

    private NodeSummary summary(ClusterImage image, StorageNode node, Long lastSeenMs) {
        return ClusterReports.summary(
                image,
                node,
                lastSeenMs != null && lastSeenMs <= NodeObservations.NODE_DOWN_MS,
                lastSeenMs == null ? OptionalLong.empty() : OptionalLong.of(lastSeenMs),
                clock.millis());
    }

    private Optional<String> metaLeader(ClusterImage image) {
        return meta.leader().flatMap(image::nodeOfDataDir).map(StorageNode::name);
    }

    // ---- reads ----

    ClusterReports reports() {
        awaitReady();
        return reports(map.image());
    }

    ClusterReports reports(ClusterImage image) {
        return new ClusterReports(image, observations, terms, scrubs::progress, clock.millis());
    }

    /** As {@link #reports}, once the nodes have been heard by this leader. */
    ClusterReports observedReports() throws InterruptedException {
        awaitObserved();
        return reports();
    }

    StatusView status() throws InterruptedException {
        awaitObserved();
        awaitReady();
        ClusterImage image = map.image();
        return HealthReport.of(image, reports(image), metaLeader(image));
    }

    List<VolumeView> volumes() {
        awaitReady();
        ClusterImage image = map.image();
        return reports(image).volumes(stored(image, image.volumes().values()));
    }

    VolumeView volume(String name) {
        awaitReady();
        ClusterImage image = map.image();
        Volume volume = ClusterService.requireVolume(image, name);
        return reports(image).volume(volume, stored(image, List.of(volume)));
    }

    private Map<VolumeId, Long> stored(ClusterImage image, Collection<Volume> volumes) {
        return join(survey.take(image, volumes), SURVEY_TIMEOUT_MS);
    }

    /** The newest map, on the leader only. */
    ClusterImage readyImage() {
        awaitReady();
        return map.image();
    }

    private void awaitReady() {
        join(meta.ready(), READY_TIMEOUT_MS);
        if (map.image().version() == 0) {
            throw new MirachException(
                            ErrorCode.NOT_INITIALISED, "the cluster is still being formed")
                    .withRemedy("repeat 'mirach cluster init' if it was interrupted");
        }
    }

    /** A new leader has heard nobody yet; it would call every node down. */
    void awaitObserved() throws InterruptedException {
        while (meta.leads() && !observations.complete(map.image())) {
            observations.awaitNews(POLL_HEARTBEATS_MS);
        }
    }

    // ---- verification ----

    /** Has a placement group's replicas hash what they hold. */
    VerificationOrder verify(int pg) {
        awaitReady();
        PlacementGroup group = requireGroup(pg);
        return new VerificationOrder(pg, join(verification.begin(group), CHANGE_TIMEOUT_MS));
    }

    VerificationView verification(int pg, long digest) throws InterruptedException {
        awaitObserved();
        awaitReady();
        return join(verification.look(requireGroup(pg), digest), SURVEY_TIMEOUT_MS);
    }

    void scrub(ScrubRequest request) {
        awaitReady();
        List<PlacementGroupId> groups =
                request.pgs().isEmpty()
                        ? List.copyOf(map.image().placementGroups().keySet())
                        : request.pgs().stream().map(this::requireGroup).map(g -> g.id()).toList();
        change(new MetaCommand.OrderScrub(groups, clock.millis()));
    }

    PlacementGroup requireGroup(int pg) {
        if (pg == 0) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "this is for placement groups; the meta group holds no blocks")
                    .withRemedy("name a placement group of 'mirach pg ls', e.g. pg1");
        }
        return Optional.ofNullable(map.image().placementGroups().get(new PlacementGroupId(pg)))
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                                                "there is no pg" + pg)
                                        .withRemedy("mirach pg ls"));
    }

    // ---- changes ----

    VolumeView createVolume(CreateVolumeRequest request) {
        awaitReady();
        ClusterImage before = map.image();
        if (before.volumeNamed(request.name()).isPresent()) {
            throw new MirachException(
                    ErrorCode.VOLUME_EXISTS, "there is a volume '" + request.name() + "' already");
        }
        MetaReply created =
                change(
                        new MetaCommand.CreateVolume(
                                request.name(),
                                request.sizeBytes(),
                                request.extentBytes(),
                                SlotAssignment.forNewVolume(before),
                                clock.millis(),
                                request.strictReads()));
        VolumeId id = new VolumeId(created.id());
        // If its groups take longer, the answer says CREATING.
        ClusterImage image =
                settled(
                        current ->
                                current.volumes().get(id) == null
                                        || current.volumes().get(id).state()
                                                != Volume.State.CREATING);
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            throw new MirachException(
                    ErrorCode.NO_SUCH_VOLUME,
                    "volume " + request.name() + " was deleted while it was being created");
        }
        return reports(image).volume(volume, Map.of());
    }

    VolumeView changeVolume(String name, VolumeSettings settings) {
        awaitReady();
        VolumeId id = ClusterService.requireVolume(map.image(), name).id();
        if (settings.strictReads().isPresent()) {
            change(new MetaCommand.SetStrictReads(id, settings.strictReads().get()));
        }
        if (settings.limits().isPresent()) {
            change(new MetaCommand.SetIoLimits(id, settings.limits().get()));
        }
        ClusterImage image = map.image();
        return reports(image).volume(ClusterService.requireVolume(image, name), Map.of());
    }

    /** Returns once its blocks are gone, or are sure to go. */
    void deleteVolume(String name, boolean withSnapshots) {
        awaitReady();
        VolumeId id = ClusterService.requireVolume(map.image(), name).id();
        change(
                withSnapshots
                        ? new MetaCommand.DeleteVolumeAndSnapshots(id)
                        : new MetaCommand.DeleteVolume(id));
        settled(image -> !image.volumes().containsKey(id));
    }

    ExportView export(String name, ExportRequest request) {
        awaitReady();
        ClusterImage image = map.image();
        Volume volume = ClusterService.requireVolume(image, name);
        String gateway = request.gateway().orElseGet(() -> onlyGateway(image));
        Export export = new Export(volume.id(), gateway, request.mode(), 0);
        change(
                new MetaCommand.SetExport(
                        export,
                        request.force(),
                        migrationWindowMs(request),
                        service.expired(volume.id())));
        return reports(map.image()).export(export);
    }

    private static long migrationWindowMs(ExportRequest request) {
        long windowMs = request.migrationWindowMs().orElse(0L);
        if (windowMs < 0 || windowMs > ClusterService.MAX_MIGRATION_WINDOW_MS) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "a migration window is at most "
                            + ClusterService.MAX_MIGRATION_WINDOW_MS / 1000
                            + " s");
        }
        if (windowMs > 0 && request.force()) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "an attachment is taken over either by force or by a migration");
        }
        return windowMs;
    }

    private static String onlyGateway(ClusterImage image) {
        if (image.gateways().size() == 1) {
            return image.gateways().keySet().iterator().next();
        }
        throw image.gateways().isEmpty()
                ? new MirachException(ErrorCode.NO_SUCH_GATEWAY, "no gateway is known")
                        .withRemedy("mirach gateway start --config FILE")
                : new MirachException(
                                ErrorCode.INVALID_ARGUMENT,
                                "there are "
                                        + image.gateways().size()
                                        + " gateways: name one of "
                                        + String.join(
                                                ", ",
                                                image.gateways().keySet().stream()
                                                        .sorted()
                                                        .toList()))
                        .withRemedy("add --gateway NAME");
    }

    /**
     * @param gateway whose order; may be left out if there is only one
     */
    void removeExport(String name, Optional<String> gateway) {
        awaitReady();
        ClusterImage image = map.image();
        VolumeId id = ClusterService.requireVolume(image, name).id();
        List<String> ordered =
                image.accessTo(id).exports().stream()
                        .map(Export::gateway)
                        .filter(g -> gateway.isEmpty() || g.equals(gateway.get()))
                        .toList();
        if (!ordered.isEmpty()) {
            change(new MetaCommand.RemoveExport(id, only(name, ordered)));
        }
    }

    private static String only(String volume, List<String> gateways) {
        if (gateways.size() == 1) {
            return gateways.get(0);
        }
        throw new MirachException(
                        ErrorCode.INVALID_ARGUMENT,
                        "volume "
                                + volume
                                + " is at "
                                + gateways.size()
                                + " gateways: name one of "
                                + String.join(", ", gateways))
                .withRemedy("add --gateway NAME");
    }

    void detach(String name, DetachRequest request) {
        awaitReady();
        ClusterImage image = map.image();
        Volume volume = ClusterService.requireVolume(image, name);
        VolumeAccess access = image.accessTo(volume.id());
        List<String> holders =
                access.held()
                        .map(Attachment::gateway)
                        .filter(
                                g ->
                                        request.gateway().isEmpty()
                                                || g.equals(request.gateway().get()))
                        .toList();
        if (holders.isEmpty()) {
            throw new MirachException(
                    ErrorCode.NOT_ATTACHED,
                    "volume "
                            + name
                            + " is not attached"
                            + request.gateway().map(g -> " at gateway " + g).orElse(""));
        }
        Attachment attachment = access.heldBy(only(name, holders)).orElseThrow();
        if (!request.force() && isHeard(attachment)) {
            throw new MirachException(
                            ErrorCode.VOLUME_IN_USE,
                            "gateway "
                                    + attachment.gateway()
                                    + " on "
                                    + attachment.host()
                                    + " is alive and holds volume "
                                    + name)
                    .withRemedy("disconnect its NBD clients, or add --force to fence it");
        }
        join(
                request.force()
                        ? service.revoke(
                                volume.id(),
                                attachment.gateway(),
                                "an operator detached it by force")
                        : service.release(volume.id(), attachment.epoch()),
                CHANGE_TIMEOUT_MS);
    }

    /** Whether its gateway announces itself, or its holder, which need not be one, renews it. */
    private boolean isHeard(Attachment attachment) {
        return map.image().gateways().containsKey(attachment.gateway())
                ? observations.isGatewayUp(attachment.gateway())
                : terms.leftMs(attachment.epoch()) > 0;
    }

    MetaReply change(MetaCommand command) {
        return join(meta.propose(command), CHANGE_TIMEOUT_MS).orThrow();
    }

    /** The first map of which it holds, or the newest one after a while. */
    ClusterImage settled(Predicate<ClusterImage> holds) {
        try {
            return join(map.await(holds, SETTLE_TIMEOUT_MS), CHANGE_TIMEOUT_MS);
        } catch (MirachException e) {
            if (e.code() == ErrorCode.TIMEOUT) {
                return map.image();
            }
            throw e;
        }
    }

    static <T> T join(CompletableFuture<T> future, long timeoutMs) {
        try {
            return future.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new MirachException(
                    ErrorCode.UNKNOWN_OUTCOME,
                    "no outcome within " + timeoutMs / 1000 + " s; it may yet take effect",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping", e);
        } catch (ExecutionException e) {
            Throwable cause =
                    e.getCause() instanceof CompletionException wrapped
                                    && wrapped.getCause() != null
                            ? wrapped.getCause()
                            : e.getCause();
            if (cause instanceof MirachException known) {
                throw known;
            }
            throw new IllegalStateException(cause);
        }
    }
}
