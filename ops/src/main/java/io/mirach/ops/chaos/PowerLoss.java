package io.mirach.ops.chaos;

import java.util.List;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.IntUnaryOperator;

/** The power of nodes fails at the same moment: their disks forget what was not synced. */
final class PowerLoss implements Fault {
    private final String name;
    private final String whom;
    private final IntUnaryOperator count;

    private PowerLoss(String name, String whom, IntUnaryOperator count) {
        this.name = name;
        this.whom = whom;
        this.count = count;
    }

    static PowerLoss ofOne() {
        return new PowerLoss("power-loss", "a leader", all -> 1);
    }

    static PowerLoss ofAll() {
        return new PowerLoss("power-loss-all", "all nodes", all -> all);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return "the power of "
                + whom
                + " fails: all that was not synced may be lost or torn; started again";
    }

    @Override
    public Set<Gear> gear() {
        return Set.of(Gear.POWER_LOSS);
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        List<ClusterNode> victims = scene.someNodes(count);
        for (ClusterNode victim : victims) {
            victim.beginPowerCut(scene.random().nextLong(Long.MAX_VALUE));
        }
        StringJoiner losses = new StringJoiner("; ");
        try {
            for (ClusterNode victim : victims) {
                losses.add(victim.name() + " " + victim.endPowerCut());
            }
            scene.pause(0, 3_000);
        } finally {
            victims.forEach(ClusterNode::start);
        }
        for (ClusterNode victim : victims) {
            scene.cluster().awaitAnswer(victim);
        }
        return "cut the power: " + losses;
    }
}
