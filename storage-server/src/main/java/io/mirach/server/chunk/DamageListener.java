package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import java.util.UUID;

/** Told when a replica meets something of its own that is not intact. Must not block. */
public interface DamageListener {
    /** This replica's copy is damaged and is not served; another one may have a good copy. */
    void damaged(UUID groupId, LayerId layer, long block, String how);

    /** Records of this replica cannot be read: which blocks it has is not certain any more. */
    void recordsDamaged(UUID groupId, String how);
}
