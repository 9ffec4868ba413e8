package io.mirach.server.admin;

import io.mirach.model.ClusterImage;
import io.mirach.server.placement.ClusterSight;

/** The cluster as the meta leader's plans see it. Thread-safe. */
public interface Outlook {
    ClusterSight sight(ClusterImage image);

    /** How long a node may be away before it is replaced; 0: as long as it likes. */
    long replaceAfterMs();
}
