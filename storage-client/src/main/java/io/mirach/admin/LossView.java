package io.mirach.admin;

import java.util.List;
import java.util.Objects;

/**
 * What would come of the loss of a node, as things are now.
 *
 * @param safe every group would still be served, with all that was ever acknowledged
 * @param leads of how many groups it leads, each of which would pause for an election
 * @param groups those that it holds a vote of
 */
public record LossView(String node, boolean safe, int leads, List<Group> groups) {
    public LossView {
        Objects.requireNonNull(node, "node");
        groups = List.copyOf(groups);
    }

    /**
     * A group without the node.
     *
     * @param id as in {@link PgView}
     * @param left members that would be left, up and current; 0 if its members are not known now
     * @param needed so many of them make a majority
     */
    public record Group(int id, int left, int needed) {
        public boolean survives() {
            return left >= needed;
        }
    }
}
