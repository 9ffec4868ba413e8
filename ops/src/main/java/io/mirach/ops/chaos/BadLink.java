package io.mirach.ops.chaos;

import java.util.Optional;

/** A leader's network loses packets, or is slow; towards nodes and clients alike. */
final class BadLink implements Fault {
    private final boolean lossy;

    private BadLink(boolean lossy) {
        this.lossy = lossy;
    }

    static BadLink lossy() {
        return new BadLink(true);
    }

    static BadLink slow() {
        return new BadLink(false);
    }

    @Override
    public String name() {
        return lossy ? "lossy-link" : "slow-link";
    }

    @Override
    public String description() {
        return lossy
                ? "a leader's network loses 5 to 40 % of the packets, both ways, for 4 to 8 s"
                : "a leader sends 200 to 2000 kbit/s at most, queued up to 2 s, for 4 to 8 s";
    }

    @Override
    public Optional<String> unavailable(Cluster cluster) {
        return cluster.network().cannotDegrade();
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        Network network = scene.cluster().network();
        int amount = lossy ? 5 + scene.random().nextInt(36) : 200 + scene.random().nextInt(1_801);
        try {
            if (lossy) {
                network.losePackets(leader.number(), amount);
            } else {
                network.slowDown(leader.number(), amount);
            }
            scene.pause(4_000, 8_000);
        } finally {
            network.heal();
        }
        return lossy
                ? leader.name() + " lost " + amount + " % of its packets"
                : leader.name() + " sent at most " + amount + " kbit/s";
    }
}
