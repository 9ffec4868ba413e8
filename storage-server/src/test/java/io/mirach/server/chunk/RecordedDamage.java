package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;

/** Remembers all damage that it is told of. */
final class RecordedDamage implements DamageListener {
    record Block(LayerId layer, long block, String how) {}

    final List<Block> blocks = new CopyOnWriteArrayList<>();
    final List<String> records = new CopyOnWriteArrayList<>();

    @Override
    public void damaged(UUID groupId, LayerId layer, long block, String how) {
        blocks.add(new Block(layer, block, how));
    }

    @Override
    public void recordsDamaged(UUID groupId, String how) {
        records.add(how);
    }
}
