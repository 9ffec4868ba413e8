package io.mirach.ops.chaos;

import io.mirach.admin.DfView;
import io.mirach.admin.PgView;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;

/**
 * Disks fill up with what is not Mirach's. Writes must be refused, and reads be right, until there
 * is room again; then writes go on by themselves. No node may end.
 */
final class FullDisk implements Fault {
    /** Of each node's disk. Nodes keep half of so small a one back, at most. */
    static final int DISK_MIB = 512;

    // Less than what a node keeps back, and more than its logs and flushes take meanwhile.
    private static final int LEFT_MIB = 96;

    private final String name;
    private final String whose;
    private final IntUnaryOperator count;

    private FullDisk(String name, String whose, IntUnaryOperator count) {
        this.name = name;
        this.whose = whose;
        this.count = count;
    }

    static FullDisk ofOne() {
        return new FullDisk("full-disk", "a leader's disk is", all -> 1);
    }

    static FullDisk ofAll() {
        return new FullDisk("full-disk-all", "all disks are", all -> all);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return whose + " nearly full: writes are to be refused until there is room again";
    }

    @Override
    public Set<Gear> gear() {
        return Set.of(Gear.SMALL_DISK);
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public Class<? extends Workload> needs() {
        return RegistersWorkload.class;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        Cluster cluster = scene.cluster();
        List<ClusterNode> victims = scene.someNodes(count);
        Set<String> names = victims.stream().map(ClusterNode::name).collect(Collectors.toSet());
        List<Long> pids = cluster.nodes().stream().map(ClusterNode::pid).toList();
        Set<Integer> groups = groupsOf(cluster, names);
        try {
            for (ClusterNode victim : victims) {
                SmallDisk disk = victim.smallDisk();
                disk.load(disk.usableMebibytes() - LEFT_MIB);
            }
            cluster.await(
                    names + " to say that they are full", () -> full(cluster).containsAll(names));
            awaitRefusals(scene, groups);
            scene.pause(0, 3_000);
        } finally {
            victims.stream().map(ClusterNode::smallDisk).forEach(SmallDisk::unload);
        }
        cluster.await(
                names + " to have room again", () -> Collections.disjoint(full(cluster), names));
        awaitRefusals(scene, Set.of());
        if (!cluster.nodes().stream().map(ClusterNode::pid).toList().equals(pids)) {
            throw new ChaosException("a node ended because of full disks");
        }
        return "filled the disks of " + new TreeSet<>(names);
    }

    /** Those of which a replica is on one of the nodes. */
    private static Set<Integer> groupsOf(Cluster cluster, Set<String> nodes)
            throws InterruptedException {
        Set<Integer> found = new TreeSet<>();
        for (int group = 1; group <= cluster.placementGroupCount(); group++) {
            if (cluster.group(group).members().stream()
                    .map(PgView.Member::node)
                    .anyMatch(nodes::contains)) {
                found.add(group);
            }
        }
        return found;
    }

    private static Set<String> full(Cluster cluster) {
        return cluster.admin().df().rows().stream()
                .filter(row -> row.fill() == DfView.Fill.FULL)
                .map(DfView.Row::node)
                .collect(Collectors.toSet());
    }

    /** Until writes are refused in exactly these groups. */
    private static void awaitRefusals(Scene scene, Set<Integer> groups)
            throws InterruptedException {
        long begun = scene.clock().nanoTime();
        Set<Integer> refusing = scene.needed(RegistersWorkload.class).refusingGroups();
        while (!refusing.equals(groups)) {
            if (scene.clock().nanoTime() - begun > Cluster.LIMIT.toNanos()) {
                throw new ChaosException(
                        "writes are refused in placement groups " + refusing + ", not " + groups);
            }
            refusing = scene.needed(RegistersWorkload.class).refusingGroups();
        }
    }
}
