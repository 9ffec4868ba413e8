package io.mirach.server.admin;

import io.mirach.admin.ClusterView;
import io.mirach.admin.InitRequest;

/** Forms a cluster of nodes that belong to none. Blocks. Thread-safe. */
public interface ClusterFormation {
    /** Safe to repeat after an interruption, at the same node. */
    ClusterView form(InitRequest request);
}
