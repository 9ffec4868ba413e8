package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.RoleChange;
import io.mirach.server.store.MetaStore;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One replica of the meta group: the cluster map and the counters behind it. All commands of an
 * entry and its position become one batch of the store.
 */
public final class MetadataStateMachine implements ReplicatedStateMachine<MetaReply> {
    /** Told of what happens here; never blocks. */
    public interface Listener {
        /** A newer map is applied. On the apply thread, in order of versions. */
        void applied(ClusterImage image);

        /** This replica began or ceased to lead, or knows another leader. */
        void roleChanged(RoleChange change);
    }

    private final MetaStore store;
    private final Listener listener;
    // Written by the apply thread.
    private volatile MetaState state;

    /** Takes ownership of the store; tells the listener of the map that is stored, if one is. */
    public MetadataStateMachine(MetaStore store, Listener listener) {
        this.store = store;
        this.listener = listener;
        this.state = MetaRecords.load(store);
        state.image().ifPresent(listener::applied);
    }

    /** The map as applied here; empty until the cluster is formed. Any thread. */
    public Optional<ClusterImage> image() {
        return state.image();
    }

    MetaState state() {
        return state;
    }

    @Override
    public LogPosition durablePosition() {
        return store.durablePosition();
    }

    @Override
    public LogPosition appliedPosition() {
        return store.appliedPosition();
    }

    @Override
    public List<MetaReply> apply(LogPosition position, List<ByteBuf> commands) {
        MetaState before = state;
        MetaState after = before;
        List<MetaReply> replies = new ArrayList<>(commands.size());
        List<ClusterImage> images = new ArrayList<>();
        for (ByteBuf command : commands) {
            MetaTransition transition =
                    MetaTransition.apply(after, MetaCommandCodec.decode(command.slice()));
            replies.add(transition.reply());
            if (transition.next().version() > after.version()) {
                images.add(transition.next().image().orElseThrow());
            }
            after = transition.next();
        }
        MetaRecords.Changes changes = MetaRecords.between(before, after);
        store.commit(changes.puts(), changes.deletes(), position);
        state = after;
        images.forEach(listener::applied);
        return replies;
    }

    @Override
    public void skip(LogPosition position) {
        store.commit(Map.of(), List.of(), position);
    }

    @Override
    public LogPosition checkpoint() {
        return store.checkpoint();
    }

    @Override
    public long bytesSinceCheckpoint() {
        return store.bytesSinceCheckpoint();
    }

    @Override
    public void roleChanged(RoleChange change) {
        listener.roleChanged(change);
    }

    @Override
    public void close() {
        store.close();
    }
}
