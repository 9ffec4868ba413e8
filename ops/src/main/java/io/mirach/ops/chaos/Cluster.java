package io.mirach.ops.chaos;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.cli.CliClock;
import io.mirach.model.Volume;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A cluster of separate node processes on this machine. Confined to one thread, except {@link
 * #close}.
 */
final class Cluster implements AutoCloseable {
    /** What takes longer does not happen. */
    static final Duration LIMIT = Duration.ofMinutes(3);

    // Afterwards it is ordered anew: a replica that was restarted knows nothing of it.
    private static final Duration COMPARISON_LIMIT = Duration.ofSeconds(20);
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(50);
    private static final Duration ADMIN_READ_LIMIT = Duration.ofSeconds(3);

    private final Network network;
    private final Equipment equipment;
    private final int placementGroups;
    private final List<ClusterNode> nodes = new ArrayList<>();
    // Closed by any thread.
    private final List<Gateway> gateways = new CopyOnWriteArrayList<>();
    private final List<MountedVolume> mounts = new CopyOnWriteArrayList<>();
    private final AdminClient admin;
    private final CliClock clock;

    Cluster(
            Network network,
            int nodeCount,
            int placementGroups,
            Equipment equipment,
            CliClock clock) {
        this.network = network;
        this.equipment = equipment;
        this.placementGroups = placementGroups;
        this.clock = clock;
        for (int number = 1; number <= nodeCount; number++) {
            nodes.add(new ClusterNode(number, network, equipment));
        }
        this.admin =
                new AdminClient(
                        endpoints().stream().map(HttpEndpoint::parse).toList(),
                        ADMIN_READ_LIMIT,
                        AdminClient.CHANGE_TIMEOUT);
    }

    Network network() {
        return network;
    }

    Equipment equipment() {
        return equipment;
    }

    List<ClusterNode> nodes() {
        return List.copyOf(nodes);
    }

    AdminClient admin() {
        return admin;
    }

    CliClock clock() {
        return clock;
    }

    /** A gateway to this cluster, not started yet; it ends with the cluster. */
    Gateway newGateway() {
        Gateway gateway = new Gateway(equipment.launcher(), equipment.folder(), endpoints());
        gateways.add(gateway);
        return gateway;
    }

    /** What a gateway exports, to be mounted; it ends with the cluster. */
    MountedVolume newMount(Gateway gateway, String export) {
        MountedVolume mount =
                new MountedVolume(
                        equipment.folder(),
                        gateway.uri(export).socket().orElseThrow(),
                        export,
                        clock);
        mounts.add(mount);
        return mount;
    }

    /** The nodes' HTTP addresses. */
    List<String> endpoints() {
        return IntStream.rangeClosed(1, nodes.size()).mapToObj(network::httpAddress).toList();
    }

    /** Starts the nodes, forms a cluster of them, and waits until it serves. */
    void start() throws InterruptedException {
        nodes.forEach(ClusterNode::start);
        for (ClusterNode node : nodes) {
            awaitAnswer(node);
        }
        admin.initCluster(new InitRequest(endpoints(), placementGroups));
        awaitServing();
    }

    /** Asks one node only. */
    AdminClient adminOf(ClusterNode node) {
        return new AdminClient(
                List.of(HttpEndpoint.parse(network.httpAddress(node.number()))),
                ADMIN_READ_LIMIT,
                AdminClient.CHANGE_TIMEOUT);
    }

    void awaitAnswer(ClusterNode node) throws InterruptedException {
        AdminClient one = adminOf(node);
        await(
                node.name() + " to answer",
                () -> {
                    one.node();
                    return true;
                });
    }

    /** Waits until all nodes are up and every placement group has a leader. */
    void awaitServing() throws InterruptedException {
        await(
                "all nodes to be up and every placement group to be led",
                () -> {
                    StatusView status = admin.status();
                    return status.pgs().total() >= placementGroups
                            && status.pgs().unserved() == 0
                            && status.nodes().stream()
                                    .allMatch(node -> node.state() == NodeSummary.State.UP);
                });
    }

    void createVolume(String name, long sizeBytes, int extentBytes) throws InterruptedException {
        admin.createVolume(new CreateVolumeRequest(name, sizeBytes, extentBytes));
        await(
                "volume " + name + " to be known to every placement group",
                () -> admin.volume(name).state() == Volume.State.AVAILABLE);
    }

    /**
     * What a node's duty shall be; until a meta leader takes it: there may be none for a moment.
     */
    void order(ClusterNode node, NodeDutyRequest duty) throws InterruptedException {
        await(
                node.name() + " to get " + duty,
                () -> {
                    admin.setDuty(node.name(), duty);
                    return true;
                });
    }

    int placementGroupCount() {
        return placementGroups;
    }

    /** The node that leads one of the placement groups that hold blocks, drawn at random. */
    ClusterNode someLeader(Random random) throws InterruptedException {
        return awaitLeader(1 + random.nextInt(placementGroups));
    }

    ClusterNode awaitLeader(int group) throws InterruptedException {
        List<ClusterNode> found = new ArrayList<>();
        await(
                "placement group " + group + " to be led",
                () -> {
                    leaderOf(group).ifPresent(found::add);
                    return !found.isEmpty();
                });
        return found.get(0);
    }

    /** One of the placement groups that hold blocks, drawn at random. */
    PgView someGroup(Random random) throws InterruptedException {
        return group(1 + random.nextInt(placementGroups));
    }

    PgView group(int group) throws InterruptedException {
        List<PgView> found = new ArrayList<>();
        await(
                "an answer about placement group " + group,
                () ->
                        admin.placementGroups().stream()
                                .filter(view -> view.id() == group)
                                .anyMatch(found::add));
        return found.get(0);
    }

    /**
     * Has all replicas of all placement groups compared, by the digests of what they hold as of the
     * same entry; waits for those that lag, are lost or are made anew.
     */
    List<Violation> compareReplicas() throws InterruptedException {
        List<Violation> found = new ArrayList<>();
        for (int group = 1; group <= placementGroups; group++) {
            VerificationView view = compareReplicas(group);
            if (view.verdict() != Verdict.EQUAL) {
                found.add(
                        new Violation(
                                "the replicas of placement group "
                                        + group
                                        + " are "
                                        + view.verdict()
                                        + ": "
                                        + view.replicas(),
                                List.of()));
            }
        }
        return found;
    }

    /** Of one group: EQUAL, DIFFERENT or DAMAGED. */
    VerificationView compareReplicas(int group) throws InterruptedException {
        return new Comparison(group, () -> false).await().orElseThrow();
    }

    /**
     * Of one group, as long as a node runs that may end: EQUAL, DIFFERENT or DAMAGED; empty if it
     * has ended.
     */
    Optional<VerificationView> compareReplicas(int group, ClusterNode mayEnd)
            throws InterruptedException {
        return new Comparison(group, () -> !mayEnd.isAlive()).await();
    }

    /** Of one group's replicas; ordered anew until it ends with every replica compared. */
    private final class Comparison {
        private final int group;
        private final BooleanSupplier givenUp;
        private Optional<VerificationOrder> order = Optional.empty();
        private Optional<VerificationView> view = Optional.empty();
        private long orderedNanos;

        /**
         * @param givenUp ends it without a view
         */
        Comparison(int group, BooleanSupplier givenUp) {
            this.group = group;
            this.givenUp = givenUp;
        }

        Optional<VerificationView> await() throws InterruptedException {
            Cluster.this.await(
                    "the replicas of placement group " + group + " to be compared",
                    this::isDone,
                    () -> view.map(VerificationView::toString).orElse("nothing is known"));
            return givenUp.getAsBoolean() ? Optional.empty() : view;
        }

        private boolean isDone() {
            if (givenUp.getAsBoolean()) {
                return true;
            }
            if (order.isEmpty()) {
                view = Optional.empty();
                order = Optional.of(admin.verify(group));
                orderedNanos = clock.nanoTime();
            }
            VerificationView now = admin.verification(order.orElseThrow());
            view = Optional.of(now);
            boolean whole = now.settled() && now.verdict() != Verdict.INCOMPLETE;
            boolean late = clock.nanoTime() - orderedNanos > COMPARISON_LIMIT.toNanos();
            if (!whole && (now.settled() || late)) {
                order = Optional.empty();
            }
            return whole;
        }
    }

    private Optional<ClusterNode> leaderOf(int group) {
        return admin.placementGroups().stream()
                .filter(view -> view.id() == group)
                .map(PgView::leader)
                .flatMap(Optional::stream)
                .flatMap(name -> nodes.stream().filter(node -> node.name().equals(name)))
                .findFirst();
    }

    /** Waits; no answer counts as false. Fails when a node that should run has ended. */
    void await(String what, BooleanSupplier condition) throws InterruptedException {
        await(what, condition, () -> "not so yet");
    }

    private void await(String what, BooleanSupplier condition, Supplier<String> sight)
            throws InterruptedException {
        long deadline = clock.nanoTime() + LIMIT.toNanos();
        Optional<MirachException> last = Optional.empty();
        while (clock.nanoTime() - deadline < 0) {
            for (ClusterNode node : nodes) {
                if (node.shouldRun() && !node.isAlive()) {
                    throw new ChaosException(node.end());
                }
            }
            try {
                if (condition.getAsBoolean()) {
                    return;
                }
                last = Optional.empty();
            } catch (MirachException e) {
                last = Optional.of(e);
            }
            clock.pause(LOOK_INTERVAL);
        }
        throw new ChaosException(
                "waited "
                        + LIMIT.toSeconds()
                        + " s in vain for "
                        + what
                        + ": "
                        + last.map(MirachException::toString).orElseGet(sight));
    }

    void dumpThreads() {
        nodes.forEach(ClusterNode::dumpThreads);
    }

    /** Ends all at once; their data stays. */
    @Override
    public void close() {
        mounts.forEach(MountedVolume::close);
        gateways.forEach(Gateway::close);
        nodes.forEach(ClusterNode::destroy);
        network.close();
    }
}
