package io.mirach.ops.chaos;

import io.mirach.ops.chaos.Network.Plane;
import java.util.List;
import java.util.Optional;

/** Loses packets between a leader and all other nodes; clients still reach every node. */
final class CutOffLeader implements Fault {
    private final String name;
    private final String description;
    private final boolean outbound;
    private final boolean inbound;
    private final List<Plane> planes;

    private CutOffLeader(
            String name,
            String description,
            boolean outbound,
            boolean inbound,
            List<Plane> planes) {
        this.name = name;
        this.description = description;
        this.outbound = outbound;
        this.inbound = inbound;
        this.planes = planes;
    }

    static CutOffLeader bothWays() {
        return new CutOffLeader(
                "isolate-leader",
                "cut a leader off from the other nodes, not from clients",
                true,
                true,
                List.of(Plane.values()));
    }

    static CutOffLeader outbound() {
        return new CutOffLeader(
                "mute-leader",
                "lose what a leader sends to the other nodes; it still hears them",
                true,
                false,
                List.of(Plane.values()));
    }

    static CutOffLeader inbound() {
        return new CutOffLeader(
                "deafen-leader",
                "lose what the other nodes send to a leader; they still hear it",
                false,
                true,
                List.of(Plane.values()));
    }

    /**
     * The case for which a new leader waits: the followers, who hear nothing by Raft, elect another
     * one, and have confirmed the old one's lease up to their vote.
     */
    static CutOffLeader raftOnly() {
        return new CutOffLeader(
                "cut-raft",
                "cut a leader's replication, while its read lease is still renewed",
                true,
                true,
                List.of(Plane.RAFT));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Optional<String> unavailable(Cluster cluster) {
        return cluster.network().cannotCut();
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        Network network = scene.cluster().network();
        try {
            for (ClusterNode other : scene.cluster().nodes()) {
                if (other == leader) {
                    continue;
                }
                for (Plane plane : planes) {
                    if (outbound) {
                        network.cut(leader.number(), other.number(), plane);
                    }
                    if (inbound) {
                        network.cut(other.number(), leader.number(), plane);
                    }
                }
            }
            scene.pause(3_000, 5_000);
        } finally {
            network.heal();
        }
        return name + " " + leader.name();
    }
}
