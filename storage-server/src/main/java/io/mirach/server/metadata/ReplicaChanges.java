package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaMove;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import java.util.Optional;
import java.util.UUID;

/** Changes of who holds a group's replicas, by compare-and-set on the replica set. Pure. */
final class ReplicaChanges {
    private ReplicaChanges() {}

    static MetaTransition move(MetaState state, ClusterImage image, MetaCommand.MoveReplica c) {
        Optional<ReplicaSet> set = replicaSet(image, c.placementGroup());
        if (set.isEmpty()) {
            return noGroup(state, c.placementGroup());
        }
        if (set.get().move().filter(c.move()::equals).isPresent()) {
            return MetaTransition.unchanged(state);
        }
        Optional<String> wrong = whyNot(image, set.get(), c);
        return wrong.isPresent()
                ? MetaTransition.refuse(state, ErrorCode.CONFLICT, wrong.get())
                : MetaTransition.to(
                        state, put(image, c.placementGroup(), set.get().moving(c.move())));
    }

    private static Optional<String> whyNot(
            ClusterImage image, ReplicaSet set, MetaCommand.MoveReplica c) {
        ReplicaMove move = c.move();
        StorageNode target = image.nodes().get(move.to().node());
        boolean known = target != null && target.dataDir(move.to().dataDir()).isPresent();
        if (set.version() != c.version() || set.move().isPresent()) {
            return Optional.of("the replica set was changed meanwhile");
        }
        if (!set.replicas().contains(move.from())) {
            return Optional.of(move.from() + " is no member");
        }
        if (!known) {
            return Optional.of("there is no " + move.to());
        }
        boolean doubled =
                set.replicas().stream()
                        .filter(member -> !member.equals(move.from()))
                        .anyMatch(member -> member.node().equals(move.to().node()));
        return doubled || set.ofDataDir(move.to().dataDir()).isPresent()
                ? Optional.of("node '" + move.to().node() + "' has a replica already")
                : Optional.empty();
    }

    /** What led, or should have, is led by what takes its place. */
    static MetaTransition end(MetaState state, ClusterImage image, MetaCommand.EndMove c) {
        Optional<ReplicaSet> set = replicaSet(image, c.placementGroup());
        if (set.isEmpty()) {
            return noGroup(state, c.placementGroup());
        }
        Optional<ReplicaMove> move = set.get().move();
        if (set.get().version() != c.version() || move.isEmpty()) {
            return MetaTransition.unchanged(state);
        }
        if (!c.done()) {
            return MetaTransition.to(state, put(image, c.placementGroup(), set.get().settled()));
        }
        ReplicaSet moved = set.get().moved();
        ClusterImage next =
                c.placementGroup()
                        .map(image.placementGroups()::get)
                        .filter(g -> g.preferredLeader().equals(move.get().from().dataDir()))
                        .map(g -> g.with(moved).ledBy(move.get().to().dataDir()))
                        .map(g -> ImageEdit.put(image, g))
                        .orElseGet(() -> put(image, c.placementGroup(), moved));
        return MetaTransition.to(state, next);
    }

    static MetaTransition prefer(MetaState state, ClusterImage image, MetaCommand.PreferLeader c) {
        PlacementGroup group = image.placementGroups().get(c.placementGroup());
        UUID leader = c.dataDir();
        if (group == null) {
            return noGroup(state, Optional.of(c.placementGroup()));
        }
        if (group.replicaSet().ofDataDir(leader).isEmpty()) {
            return MetaTransition.refuse(
                    state, ErrorCode.CONFLICT, leader + " is no member of " + c.placementGroup());
        }
        return group.preferredLeader().equals(leader)
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(state, ImageEdit.put(image, group.ledBy(leader)));
    }

    private static Optional<ReplicaSet> replicaSet(
            ClusterImage image, Optional<PlacementGroupId> id) {
        return id.isEmpty()
                ? Optional.of(image.metaReplicas())
                : id.map(image.placementGroups()::get).map(PlacementGroup::replicaSet);
    }

    private static ClusterImage put(
            ClusterImage image, Optional<PlacementGroupId> id, ReplicaSet set) {
        return id.map(image.placementGroups()::get)
                .map(group -> ImageEdit.put(image, group.with(set)))
                .orElseGet(() -> ImageEdit.putMeta(image, set));
    }

    private static MetaTransition noGroup(MetaState state, Optional<PlacementGroupId> id) {
        return MetaTransition.refuse(
                state,
                ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                "there is no " + id.map(PlacementGroupId::toString).orElse("meta group"));
    }
}
