package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Brings the groups' members to what the map says, one step of a group at a time, so that its
 * others are a majority all along. Pure.
 */
final class MemberPlan {
    private MemberPlan() {}

    static List<Step> steps(ClusterImage image, ClusterSight sight) {
        List<Step> steps = new ArrayList<>();
        Map<UUID, GroupInSight> byRaftId = new HashMap<>();
        for (GroupInSight group : GroupInSight.all(image, sight)) {
            byRaftId.put(group.group().raftGroupId(), group);
            group.known().flatMap(view -> step(group, view)).ifPresent(steps::add);
        }
        for (ClusterSight.Held held : sight.held()) {
            // What the map does not know at all is left alone: it may be somebody's only copy.
            Optional.ofNullable(byRaftId.get(held.raftGroupId()))
                    .flatMap(group -> removal(image, group, held.dataDir()))
                    .ifPresent(steps::add);
        }
        return steps;
    }

    private static Optional<Step> step(GroupInSight group, LeaderView view) {
        return repair(group, view)
                .or(() -> group.replicaSet().move().flatMap(move -> advance(group, view, move)))
                .or(() -> dismissal(group, view));
    }

    /** Of those that stay, what is lost or missing is made anew, and votes when it is there. */
    private static Optional<Step> repair(GroupInSight group, LeaderView view) {
        LeaderView.Members members = view.members();
        Optional<UUID> leaves = group.replicaSet().move().map(move -> move.from().dataDir());
        for (Replica replica : group.replicaSet().replicas()) {
            UUID dir = replica.dataDir();
            if (leaves.filter(dir::equals).isPresent()) {
                continue;
            }
            Optional<Step> step = follow(group, view, dir);
            if (step.isPresent()) {
                return step;
            }
            if (isReady(view, dir)) {
                return Optional.of(
                        new Step.PromoteReplica(
                                group.group(), view.leader(), dir, members, Optional.empty()));
            }
        }
        return Optional.empty();
    }

    /** Has a data dir follow that does not, or that did and has nothing to go on with. */
    private static Optional<Step> follow(GroupInSight group, LeaderView view, UUID dir) {
        LeaderView.Members members = view.members();
        boolean spoiled = members.spoiled().contains(dir);
        boolean needed = members.lost().contains(dir) || !members.include(dir);
        if (!members.up().contains(dir) || !needed && !(spoiled && isDispensable(view, dir))) {
            return Optional.empty();
        }
        return view.leader().equals(dir)
                ? handOver(group, view)
                : Optional.of(new Step.RebuildReplica(group.group(), view.leader(), dir, members));
    }

    /**
     * Whether a member may be discarded: without it, there is still a majority of the voters that
     * are current and whole. Part of what is discarded may be good, and all that there is.
     */
    private static boolean isDispensable(LeaderView view, UUID dir) {
        Set<UUID> voters = view.members().voters();
        long others =
                voters.stream()
                        .filter(voter -> !voter.equals(dir))
                        .filter(view.members()::isSound)
                        .filter(view::isCurrent)
                        .count();
        return 2 * others > voters.size();
    }

    private static boolean isReady(LeaderView view, UUID dir) {
        return view.members().learners().contains(dir)
                && view.caughtUp().contains(dir)
                && view.members().isSound(dir);
    }

    private static Optional<Step> advance(GroupInSight group, LeaderView view, ReplicaMove move) {
        LeaderView.Members members = view.members();
        UUID from = move.from().dataDir();
        UUID to = move.to().dataDir();
        boolean canGo = canGo(group, view, move);
        if (members.voters().contains(to)) {
            // Who stays for the time being is dismissed once the group is complete without it.
            return members.voters().contains(from) && canGo
                    ? without(group, view, from)
                    : Optional.of(new Step.FinishMove(group.group(), group.replicaSet().version()));
        }
        if (!isReady(view, to)) {
            return follow(group, view, to);
        }
        return canGo && view.leader().equals(from)
                ? handOver(group, view)
                : Optional.of(
                        new Step.PromoteReplica(
                                group.group(),
                                view.leader(),
                                to,
                                members,
                                Optional.of(from).filter(dir -> canGo)));
    }

    /**
     * Whether the group can do without whom a move replaces. Not while another replica is missing,
     * unless it is of no use itself: it may be one of two good copies. Nor if too few voters would
     * stay: Raft refuses a change in which as many are new as are old ones.
     */
    private static boolean canGo(GroupInSight group, LeaderView view, ReplicaMove move) {
        UUID from = move.from().dataDir();
        LeaderView.Members members = view.members();
        boolean useful = view.isCurrent(from) && members.isSound(from);
        boolean complete =
                group.replicaSet().target().stream()
                        .filter(replica -> !replica.equals(move.to()))
                        .map(Replica::dataDir)
                        .allMatch(dir -> members.voters().contains(dir) && view.isCurrent(dir));
        long staying = members.voters().stream().filter(voter -> !voter.equals(from)).count();
        return (complete || !useful) && staying > 1;
    }

    /** A member that the map does not know goes, once those that it knows are there. */
    private static Optional<Step> dismissal(GroupInSight group, LeaderView view) {
        LeaderView.Members members = view.members();
        Set<UUID> known = new HashSet<>();
        group.replicaSet().holders().forEach(holder -> known.add(holder.dataDir()));
        for (UUID learner : members.learners()) {
            if (!known.contains(learner)) {
                return without(group, view, learner);
            }
        }
        boolean complete =
                group.replicaSet().replicas().stream()
                        .allMatch(replica -> members.voters().contains(replica.dataDir()));
        return members.voters().stream()
                .filter(voter -> complete && !known.contains(voter))
                .findFirst()
                .flatMap(voter -> without(group, view, voter));
    }

    private static Optional<Step> without(GroupInSight group, LeaderView view, UUID dir) {
        return view.leader().equals(dir)
                ? handOver(group, view)
                : Optional.of(
                        new Step.DismissReplica(group.group(), view.leader(), dir, view.members()));
    }

    /** A leader that is to go hands over first, to one that stays. */
    private static Optional<Step> handOver(GroupInSight group, LeaderView view) {
        return group.replicaSet().target().stream()
                .map(Replica::dataDir)
                .filter(dir -> !dir.equals(view.leader()))
                .filter(dir -> view.members().voters().contains(dir))
                .filter(view.caughtUp()::contains)
                .findFirst()
                .map(dir -> new Step.MoveLeader(group.group(), view.leader(), dir));
    }

    private static Optional<Step> removal(ClusterImage image, GroupInSight group, UUID dir) {
        boolean wanted =
                group.replicaSet().holders().stream()
                        .anyMatch(holder -> holder.dataDir().equals(dir));
        return group.known()
                .map(LeaderView::members)
                .filter(members -> !wanted && !members.include(dir))
                .filter(members -> image.nodeOfDataDir(dir).isPresent())
                .map(
                        members ->
                                new Step.RemoveReplica(
                                        group.group(), dir, members.configuration()));
    }
}
