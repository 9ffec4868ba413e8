package io.mirach.raft;

import java.util.Objects;
import java.util.Set;
import java.util.UUID;

/**
 * Who belongs to a group, as one replica knows it.
 *
 * @param voters those whose votes and copies count
 * @param learners those who only follow
 * @param changing whether a change is under way: then these are the members it leads to, and a
 *     majority of the voters before counts too
 */
public record Members(Set<UUID> voters, Set<UUID> learners, boolean changing) {
    public static final Members NONE = new Members(Set.of(), Set.of(), false);

    public Members {
        Objects.requireNonNull(voters, "voters");
        Objects.requireNonNull(learners, "learners");
        voters = Set.copyOf(voters);
        learners = Set.copyOf(learners);
    }
}
