package io.mirach.server.admin;

import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeView;

/** What the admin API needs of the node itself. Blocks. Thread-safe. */
public interface NodeControl {
    NodeView view();

    /** Makes this node a member of a cluster and begins to serve; idempotent for one request. */
    NodeView initialise(NodeInitRequest request);
}
