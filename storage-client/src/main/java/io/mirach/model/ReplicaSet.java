package io.mirach.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The members of a placement group (or of the meta group) at a version of its membership.
 *
 * @param version grows by one with every change
 * @param move a replica that is being moved: what it moves to is no member yet
 */
public record ReplicaSet(long version, List<Replica> replicas, Optional<ReplicaMove> move) {
    public ReplicaSet {
        replicas = List.copyOf(replicas);
        // Written before there were moves.
        move = Objects.requireNonNullElse(move, Optional.empty());
    }

    public ReplicaSet(long version, List<Replica> replicas) {
        this(version, replicas, Optional.empty());
    }

    public Optional<Replica> ofDataDir(UUID dataDir) {
        return replicas.stream().filter(r -> r.dataDir().equals(dataDir)).findFirst();
    }

    /** The members, and what one of them moves to. */
    public List<Replica> holders() {
        List<Replica> holders = new ArrayList<>(replicas);
        move.ifPresent(m -> holders.add(m.to()));
        return List.copyOf(holders);
    }

    /** The members, and of one that is moved what it moves to. */
    public List<Replica> target() {
        return move.map(m -> replicas.stream().map(r -> r.equals(m.from()) ? m.to() : r).toList())
                .orElse(replicas);
    }

    /** The next version, with a move begun. */
    public ReplicaSet moving(ReplicaMove begun) {
        return new ReplicaSet(version + 1, replicas, Optional.of(begun));
    }

    /** The next version, with the move done. */
    public ReplicaSet moved() {
        return new ReplicaSet(version + 1, target());
    }

    /** The next version, with the move given up. */
    public ReplicaSet settled() {
        return new ReplicaSet(version + 1, replicas);
    }
}
