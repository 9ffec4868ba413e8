package io.mirach.admin;

import io.mirach.model.SnapshotName;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The paths of the admin API. A path parameter stands in braces, as routers want it; {@link #path}
 * fills it in.
 */
public final class Routes {
    /** GET {@link NodeView}. Answered before the node is initialised too. */
    public static final String NODE = "/v1/node";

    /** POST {@link NodeInitRequest} -> {@link NodeView}. From node to node. */
    public static final String NODE_INIT = "/v1/node/init";

    /** POST {@link InitRequest} -> {@link ClusterView}. */
    public static final String CLUSTER_INIT = "/v1/cluster/init";

    /** GET {@link ClusterView}. */
    public static final String CLUSTER = "/v1/cluster";

    /** GET {@link StatusView}. */
    public static final String STATUS = "/v1/status";

    /** GET {@link DfView}. */
    public static final String DF = "/v1/df";

    /** GET array of {@link NodeSummary}; POST {@link AddNodeRequest} -> NodeSummary. */
    public static final String NODES = "/v1/nodes";

    /** DELETE -> 204. */
    public static final String NODE_OF_CLUSTER = "/v1/nodes/{name}";

    /** POST {@link NodeDutyRequest} -> {@link NodeSummary}. */
    public static final String NODE_DUTY = "/v1/nodes/{name}/duty";

    /** GET {@link LossView}. */
    public static final String NODE_LOSS = "/v1/nodes/{name}/loss";

    /** GET {@link AdviceView}. */
    public static final String ADVICE = "/v1/advice";

    /** GET array of {@link PgView}. */
    public static final String PGS = "/v1/pgs";

    /** POST -> {@link VerificationOrder}. Ids are as in {@link PgView}. */
    public static final String PG_VERIFY = "/v1/pgs/{id}/verify";

    /** GET {@link VerificationView}. */
    public static final String PG_VERIFICATION = "/v1/pgs/{id}/verify/{digest}";

    /**
     * GET {@link RecoveryView}, also with {@code ?from=}; POST {@link RecoverRequest} ->
     * RecoveryView; DELETE -> 204: what is left of before may be deleted.
     */
    public static final String PG_RECOVERY = "/v1/pgs/{id}/recovery";

    /** POST {@link ScrubRequest} -> 204. */
    public static final String PGS_SCRUB = "/v1/pgs/scrub";

    /** GET array of {@link VolumeView}; POST {@link CreateVolumeRequest} -> VolumeView. */
    public static final String VOLUMES = "/v1/volumes";

    /**
     * GET {@link VolumeView}; DELETE, also with {@code ?with-snapshots=true} -> 204. Without it, a
     * volume that has snapshots is not deleted.
     */
    public static final String VOLUME = "/v1/volumes/{name}";

    /** POST {@link VolumeSettings} -> {@link VolumeView}. */
    public static final String VOLUME_SETTINGS = "/v1/volumes/{name}/settings";

    /**
     * POST {@link ExportRequest} -> {@link ExportView}; DELETE, also with {@code ?gateway=} -> 204.
     */
    public static final String VOLUME_EXPORT = "/v1/volumes/{name}/export";

    /** POST {@link DetachRequest} -> 204. */
    public static final String VOLUME_DETACH = "/v1/volumes/{name}/detach";

    /** GET array of {@link SnapshotView}, of all volumes. */
    public static final String SNAPSHOTS = "/v1/snapshots";

    /** GET array of {@link SnapshotView}; POST {@link CreateSnapshotRequest} -> SnapshotView. */
    public static final String VOLUME_SNAPSHOTS = "/v1/volumes/{name}/snapshots";

    /** GET {@link SnapshotView}. */
    public static final String SNAPSHOT = "/v1/volumes/{name}/snapshots/{snapshot}";

    /** GET array of {@link AttachmentView}. */
    public static final String ATTACHMENTS = "/v1/attachments";

    /** GET array of {@link GatewayView}. */
    public static final String GATEWAYS = "/v1/gateways";

    private Routes() {}

    /** The order of one gateway: {@link #VOLUME_EXPORT} with the gateway that it names. */
    public static String export(String volumeName, Optional<String> gateway) {
        return path(VOLUME_EXPORT, volumeName)
                + gateway.map(g -> "?gateway=" + URLEncoder.encode(g, StandardCharsets.UTF_8))
                        .orElse("");
    }

    /** {@link #PG_VERIFY} of one placement group. */
    public static String verify(int pg) {
        return PG_VERIFY.replace("{id}", Integer.toString(pg));
    }

    /** {@link #PG_RECOVERY} of one placement group. */
    public static String recovery(int pg) {
        return PG_RECOVERY.replace("{id}", Integer.toString(pg));
    }

    /** The same, from a node's replica. */
    public static String recovery(int pg, Optional<String> from) {
        return recovery(pg)
                + from.map(node -> "?from=" + URLEncoder.encode(node, StandardCharsets.UTF_8))
                        .orElse("");
    }

    /** {@link #PG_VERIFICATION} of one order. */
    public static String verification(VerificationOrder order) {
        return PG_VERIFICATION
                .replace("{id}", Integer.toString(order.pg()))
                .replace("{digest}", Long.toString(order.digest()));
    }

    /** Fills {@code {name}} in. The name is a valid volume name, so it needs no escaping. */
    public static String path(String route, String volumeName) {
        return route.replace("{name}", io.mirach.model.VolumeName.check(volumeName));
    }

    /** {@link #VOLUME} for a DELETE. */
    public static String deletion(String volumeName, boolean withSnapshots) {
        return path(VOLUME, volumeName) + (withSnapshots ? "?with-snapshots=true" : "");
    }

    /** {@link #SNAPSHOT} of one snapshot. */
    public static String of(SnapshotName snapshot) {
        return path(SNAPSHOT, snapshot.volume()).replace("{snapshot}", snapshot.name());
    }

    /** Fills {@code {name}} in with a node's name. */
    public static String ofNode(String route, String node) {
        return route.replace("{name}", URLEncoder.encode(node, StandardCharsets.UTF_8));
    }
}
