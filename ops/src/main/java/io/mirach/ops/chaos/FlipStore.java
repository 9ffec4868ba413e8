package io.mirach.ops.chaos;

import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.PgView;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.cli.ExitCode;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/**
 * Bits of a stopped node's RocksDB files flip. Then it leads, so that clients ask it for what is
 * damaged: nothing of that may be served. It must be repaired, or the replica made anew. A node
 * that ends because of it is given a new data dir.
 */
final class FlipStore implements Fault {
    private static final int BLOCKS = 3;
    private static final int FLIPS_ANYWHERE = 5;
    private static final Duration MAINTENANCE = Duration.ofMinutes(5);
    private static final Duration LEAD_LIMIT = Duration.ofSeconds(30);
    private static final Duration REPAIR_LIMIT = Duration.ofMinutes(2);
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);

    @Override
    public String name() {
        return "flip-store";
    }

    @Override
    public String description() {
        return "bits of a stopped node's RocksDB files flip; to be repaired, and never served";
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public boolean mayLoseReplicas() {
        return true;
    }

    @Override
    public Class<? extends Workload> needs() {
        return RegistersWorkload.class;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        return new Strike(scene, scene.someNode()).run();
    }

    private static final class Strike {
        private final Scene scene;
        private final Cluster cluster;
        private final ClusterNode victim;
        // Groups of which the victim was seen to know that its replica is not intact, or was not.
        private final Set<Integer> noticed = new TreeSet<>();

        Strike(Scene scene, ClusterNode victim) {
            this.scene = scene;
            this.cluster = scene.cluster();
            this.victim = victim;
        }

        String run() throws InterruptedException {
            victim.stop();
            StoreFlips flips = new StoreFlips(victim.dataDir().resolve("store"), scene.random());
            Set<Long> blocks =
                    flips.flipBlocks(scene.needed(RegistersWorkload.class).coldBlocks(), BLOCKS);
            flips.flipAnywhere(FLIPS_ANYWHERE);
            String what = "flipped %s of %s".formatted(flips, victim.name());
            victim.start();
            victim.allowEnd();
            awaitAnswerOrEnd();
            if (victim.isAlive()) {
                lead();
                scene.workload().confirmAll();
                awaitEqual();
                flips.undo();
                awaitEqual();
            }
            victim.forbidEnd();
            if (!victim.isAlive()) {
                requireGoodEnd();
                Replacement.of(cluster, victim);
                return what + "; it ended, and was replaced";
            }
            requireNoticed(blocks, what);
            return what + "; noticed in placement groups " + noticed;
        }

        private void awaitAnswerOrEnd() throws InterruptedException {
            cluster.await(
                    victim.name() + " to answer, or to end",
                    () -> !victim.isAlive() || cluster.adminOf(victim).node().initialised());
        }

        /** Has all others hand their leaderships over, as for a maintenance. */
        private void lead() throws InterruptedException {
            List<ClusterNode> others =
                    cluster.nodes().stream().filter(node -> node != victim).toList();
            for (ClusterNode other : others) {
                maintain(other, MAINTENANCE.toMillis());
            }
            // Who has a slow disk, as the others see it, is given none: then it goes on without.
            long begun = scene.clock().nanoTime();
            cluster.await(
                    victim.name() + " to lead what it is not known to hold damaged",
                    () -> {
                        List<PgView> groups = cluster.admin().placementGroups();
                        look(groups);
                        return !victim.isAlive()
                                || groups.stream().allMatch(this::isLedOrNoticed)
                                || scene.clock().nanoTime() - begun > LEAD_LIMIT.toNanos();
                    });
            for (ClusterNode other : others) {
                maintain(other, 0);
            }
        }

        private boolean isLedOrNoticed(PgView group) {
            return group.leader().filter(victim.name()::equals).isPresent()
                    || noticed.contains(group.id())
                    || member(group).isEmpty();
        }

        private void maintain(ClusterNode node, long timeMs) throws InterruptedException {
            cluster.order(node, new NodeDutyRequest(Optional.empty(), OptionalLong.of(timeMs)));
        }

        private Optional<PgView.Member> member(PgView group) {
            return group.members().stream()
                    .filter(each -> each.node().equals(victim.name()) && !each.incoming())
                    .findFirst();
        }

        private void look(List<PgView> groups) {
            groups.stream()
                    .filter(group -> member(group).filter(Strike::isOrWasDamaged).isPresent())
                    .forEach(group -> noticed.add(group.id()));
        }

        private static boolean isOrWasDamaged(PgView.Member member) {
            return !member.damage().intact()
                    || member.damage().repairedBlocks() > 0
                    || member.lostBecause().isPresent();
        }

        /** Every replica is whole, by its digest; or the victim has ended. */
        private void awaitEqual() throws InterruptedException {
            for (int group = 1; group <= cluster.placementGroupCount(); group++) {
                long begun = scene.clock().nanoTime();
                Optional<VerificationView> view = cluster.compareReplicas(group, victim);
                while (view.filter(each -> each.verdict() != Verdict.EQUAL).isPresent()) {
                    requireRepairable(group, view.orElseThrow());
                    if (scene.clock().nanoTime() - begun > REPAIR_LIMIT.toNanos()) {
                        throw new ChaosException(
                                "placement group " + group + " is not repaired: " + view.get());
                    }
                    look(List.of(cluster.group(group)));
                    scene.clock().pause(LOOK_INTERVAL);
                    view = cluster.compareReplicas(group, victim);
                }
                look(List.of(cluster.group(group)));
            }
        }

        private static void requireRepairable(int group, VerificationView view) {
            if (view.verdict() == Verdict.DIFFERENT) {
                throw new PromiseBrokenException(
                        new Violation(
                                "the replicas of placement group "
                                        + group
                                        + " are DIFFERENT: "
                                        + view.replicas(),
                                List.of()));
            }
        }

        private void requireGoodEnd() {
            int exitCode = victim.exitCode().orElseThrow();
            if (exitCode != ExitCode.NODE_FAILED.number() && exitCode != ExitCode.USAGE.number()) {
                throw new ChaosException(victim.end());
            }
        }

        private void requireNoticed(Set<Long> blocks, String what) {
            Set<Integer> expected = new TreeSet<>();
            blocks.forEach(
                    block -> expected.add(scene.needed(RegistersWorkload.class).groupOf(block)));
            if (!noticed.containsAll(expected)) {
                throw new PromiseBrokenException(
                        new Violation(
                                "it went unnoticed in placement groups "
                                        + expected
                                        + " but for "
                                        + noticed
                                        + ": "
                                        + what,
                                List.of()));
            }
        }
    }
}
