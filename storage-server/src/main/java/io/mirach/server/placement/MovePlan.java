package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import io.mirach.model.ReplicaMove.Reason;
import io.mirach.model.StorageNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Decides which replicas move, and where to: away from nodes that are being emptied, that stay away
 * or that lost their data dirs, and, when all is well, to where they are better spread. One move of
 * a group at a time, and one to a node, whose backfills would only wait for one another. Pure.
 */
final class MovePlan {
    private final ClusterImage image;
    private final ClusterSight sight;
    private final List<GroupInSight> groups;
    private final Load load;
    // Nodes that a replica moves to.
    private final Set<String> busy = new HashSet<>();

    private MovePlan(ClusterImage image, ClusterSight sight) {
        this.image = image;
        this.sight = sight;
        this.groups = GroupInSight.all(image, sight);
        this.load = Load.of(image);
        image.replicaSets()
                .flatMap(set -> set.move().stream())
                .forEach(move -> busy.add(move.to().node()));
    }

    static List<Step> steps(ClusterImage image, ClusterSight sight) {
        return new MovePlan(image, sight).steps();
    }

    private List<Step> steps() {
        List<Step> steps = new ArrayList<>();
        for (GroupInSight group : groups) {
            group.replicaSet()
                    .move()
                    .filter(this::isPointless)
                    .flatMap(move -> cancel(group, move))
                    .ifPresent(steps::add);
        }
        for (Reason reason : List.of(Reason.GONE, Reason.AWAY, Reason.DRAIN)) {
            for (GroupInSight group : groups) {
                evacuation(group, reason).ifPresent(steps::add);
            }
        }
        if (steps.isEmpty() && isCalm()) {
            rebalancing().ifPresent(steps::add);
        }
        return steps;
    }

    // ---- Moves under way ----

    private boolean isPointless(ReplicaMove move) {
        Optional<Reason> targetLeaves = reasonToLeave(move.to());
        boolean cameBack =
                move.reason() == Reason.AWAY
                        && sight.up().contains(move.from().node())
                        && reasonToLeave(move.from()).isEmpty();
        boolean stays = move.reason() == Reason.DRAIN && reasonToLeave(move.from()).isEmpty();
        return targetLeaves.isPresent() || cameBack || stays;
    }

    private static Optional<Step> cancel(GroupInSight group, ReplicaMove move) {
        return group.known()
                .filter(view -> !view.members().voters().contains(move.to().dataDir()))
                .map(
                        view ->
                                new Step.CancelMove(
                                        group.group(),
                                        view.leader(),
                                        move.to().dataDir(),
                                        view.members(),
                                        group.replicaSet().version()));
    }

    // ---- Away from a node ----

    private Optional<Step> evacuation(GroupInSight group, Reason reason) {
        if (group.replicaSet().move().isPresent() || group.known().isEmpty()) {
            return Optional.empty();
        }
        return group.replicaSet().replicas().stream()
                .filter(replica -> reasonToLeave(replica).filter(reason::equals).isPresent())
                .findFirst()
                .flatMap(replica -> move(group, replica, reason));
    }

    private Optional<Reason> reasonToLeave(Replica replica) {
        StorageNode node = image.nodes().get(replica.node());
        boolean exists = node != null && node.dataDir(replica.dataDir()).isPresent();
        if (!exists) {
            return Optional.of(Reason.GONE);
        }
        if (sight.away().contains(replica.node()) && isLocal()) {
            return Optional.of(Reason.AWAY);
        }
        return node.duty().state() == NodeDuty.State.DRAINING
                ? Optional.of(Reason.DRAIN)
                : Optional.empty();
    }

    /**
     * When many nodes are away it is the network or the power: copying everything to the few that
     * are left would help nobody.
     */
    private boolean isLocal() {
        return sight.away().size() <= Math.max(1, image.nodes().size() / 4);
    }

    private Optional<Step> move(GroupInSight group, Replica from, Reason reason) {
        return target(group, from)
                .map(
                        to -> {
                            busy.add(to.node());
                            load.add(to);
                            return new Step.MoveReplica(
                                    group.group(),
                                    group.replicaSet().version(),
                                    new ReplicaMove(from, to, reason));
                        });
    }

    private Optional<Replica> target(GroupInSight group, Replica from) {
        List<StorageNode> others = othersOf(group, from);
        return candidates(group, from)
                .sorted(
                        Comparator.<StorageNode>comparingInt(
                                        n -> FailureDomains.conflicts(n, others))
                                .thenComparingDouble(load::fill)
                                .thenComparing(StorageNode::name))
                .flatMap(node -> placeOn(node, from).stream())
                .findFirst();
    }

    private Optional<Replica> placeOn(StorageNode node, Replica from) {
        return load.emptiestDir(node, sight, load.meanBytes(from.dataDir(), sight))
                .map(DataDir::id)
                .map(dir -> new Replica(node.name(), dir));
    }

    /** Those that could take over a replica now. */
    private Stream<StorageNode> candidates(GroupInSight group, Replica from) {
        Set<String> taken = new HashSet<>();
        othersOf(group, from).forEach(node -> taken.add(node.name()));
        return image.nodes().values().stream()
                .filter(node -> node.duty().takesReplicas(sight.nowMs()))
                .filter(node -> sight.up().contains(node.name()))
                .filter(node -> !busy.contains(node.name()))
                .filter(node -> !taken.contains(node.name()))
                .filter(node -> node.dataDir(from.dataDir()).isEmpty());
    }

    private List<StorageNode> othersOf(GroupInSight group, Replica from) {
        return group.replicaSet().replicas().stream()
                .filter(replica -> !replica.equals(from))
                .map(replica -> image.nodes().get(replica.node()))
                .filter(node -> node != null)
                .toList();
    }

    // ---- For a better spread ----

    /** Nothing else is on, nobody is missing. */
    private boolean isCalm() {
        return groups.stream().allMatch(GroupInSight::isWhole)
                && image.nodes().keySet().stream().allMatch(sight.up()::contains);
    }

    private Optional<Step> rebalancing() {
        return spreading().or(this::levelling);
    }

    /** To fewer shared failure domains. */
    private Optional<Step> spreading() {
        record Gain(int gain, GroupInSight group, Replica from) {}
        List<Gain> gains = new ArrayList<>();
        for (GroupInSight group : groups) {
            for (Replica from : group.replicaSet().replicas()) {
                List<StorageNode> others = othersOf(group, from);
                int now = FailureDomains.conflicts(image.nodes().get(from.node()), others);
                candidates(group, from)
                        .filter(node -> placeOn(node, from).isPresent())
                        .mapToInt(node -> now - FailureDomains.conflicts(node, others))
                        .max()
                        .ifPresent(gain -> gains.add(new Gain(gain, group, from)));
            }
        }
        return gains.stream()
                .filter(each -> each.gain() > 0)
                .max(Comparator.comparingInt(Gain::gain))
                .flatMap(best -> move(best.group(), best.from(), Reason.REBALANCE));
    }

    /** From the fullest node to the emptiest, if the two are closer to one another then. */
    private Optional<Step> levelling() {
        List<StorageNode> byFill =
                image.nodes().values().stream()
                        .filter(node -> node.duty().takesReplicas(sight.nowMs()))
                        .sorted(
                                Comparator.<StorageNode>comparingDouble(load::fill)
                                        .thenComparing(StorageNode::name))
                        .toList();
        for (StorageNode emptiest : byFill) {
            for (int i = byFill.size() - 1; i >= 0; i--) {
                StorageNode fullest = byFill.get(i);
                if (load.fill(fullest, -1) < load.fill(emptiest, 1)) {
                    break;
                }
                Optional<Step> step = level(fullest, emptiest);
                if (step.isPresent()) {
                    return step;
                }
            }
        }
        return Optional.empty();
    }

    private Optional<Step> level(StorageNode fullest, StorageNode emptiest) {
        for (GroupInSight group : groups) {
            if (group.group().placementGroup().isEmpty()) {
                continue;
            }
            for (Replica from : group.replicaSet().replicas()) {
                List<StorageNode> others = othersOf(group, from);
                boolean fits =
                        from.node().equals(fullest.name())
                                && candidates(group, from).anyMatch(emptiest::equals)
                                && FailureDomains.conflicts(emptiest, others)
                                        <= FailureDomains.conflicts(fullest, others);
                Optional<Replica> to = fits ? placeOn(emptiest, from) : Optional.empty();
                if (to.isPresent()) {
                    return Optional.of(
                            new Step.MoveReplica(
                                    group.group(),
                                    group.replicaSet().version(),
                                    new ReplicaMove(from, to.get(), Reason.REBALANCE)));
                }
            }
        }
        return Optional.empty();
    }
}
