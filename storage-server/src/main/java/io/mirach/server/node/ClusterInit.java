package io.mirach.server.node;

import io.mirach.admin.AdminClient;
import io.mirach.admin.ClusterView;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeView;
import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import io.mirach.server.admin.ClusterFormation;
import io.mirach.server.admin.NodeControl;
import io.mirach.server.metadata.MetaCommand;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forms a cluster, driven by the node that is asked to: it keeps a plan with all ids, gives every
 * node its identity (which starts the meta group), and logs the first map, from which the
 * reconciler creates the placement groups. Interrupted anywhere and asked again, it goes on with
 * the plan. Blocks; one at a time.
 */
final class ClusterInit implements ClusterFormation {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterInit.class);
    private static final String PLAN_FILE = "cluster-init.json";

    /** The cluster that this node belongs to. */
    interface Membership {
        /** The map as known here; empty before this node is initialised. */
        Optional<ClusterImage> image();

        /** Logs the first map, and waits until it is known here. */
        void log(MetaCommand.FormCluster form);

        ClusterView view();
    }

    private final NodeControl self;
    private final NodeDir planDir;
    private final Membership membership;
    private final ReentrantLock oneAtATime = new ReentrantLock();

    /**
     * @param planDir where the plan is kept
     */
    ClusterInit(NodeControl self, NodeDir planDir, Membership membership) {
        this.self = self;
        this.planDir = planDir;
        this.membership = membership;
    }

    @Override
    public ClusterView form(InitRequest request) {
        if (!oneAtATime.tryLock()) {
            throw new MirachException(
                            ErrorCode.CONFLICT, "a cluster is being formed by this node already")
                    .withRemedy("wait for it; see 'mirach cluster show'");
        }
        try {
            return formAlone(request);
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot keep the plan in " + planDir.path() + ": " + e, e);
        } finally {
            oneAtATime.unlock();
        }
    }

    private ClusterView formAlone(InitRequest request) throws IOException {
        Set<String> addresses = addresses(request);
        Optional<ClusterImage> formed = membership.image().filter(i -> i.version() > 0);
        if (formed.isPresent()) {
            planDir.delete(PLAN_FILE);
            return answerOfFormed(formed.get(), addresses);
        }
        Map<String, NodeView> views = look(addresses);
        InitPlan plan = readPlan().orElse(null);
        if (plan == null) {
            requireNew(views);
            plan =
                    InitPlanner.plan(
                            views, self.view().name(), request.placementGroups(), UUID::randomUUID);
            write(plan);
            LOG.info(
                    "forming cluster {} of {}",
                    plan.form().clusterId(),
                    plan.nodes().stream().map(InitPlan.PlannedNode::name).toList());
        } else {
            requireSameNodes(plan, addresses);
            LOG.info("going on to form cluster {}", plan.form().clusterId());
        }
        initialiseNodes(plan, views);
        membership.log(plan.form());
        planDir.delete(PLAN_FILE);
        LOG.info("cluster {} is formed", plan.form().clusterId());
        return membership.view();
    }

    private static Set<String> addresses(InitRequest request) {
        Set<String> addresses = new LinkedHashSet<>();
        for (String address : request.nodes()) {
            addresses.add(HttpEndpoint.parse(address).toString());
        }
        if (addresses.size() < 3) {
            throw new MirachException(
                            ErrorCode.NOT_ENOUGH_NODES,
                            "a cluster needs 3 nodes, and " + addresses.size() + " are named")
                    .withRemedy("name every node: --endpoint HOST:PORT,HOST:PORT,HOST:PORT");
        }
        return addresses;
    }

    /** Repeated after it was done: a success, if it asks for what there is. */
    private ClusterView answerOfFormed(ClusterImage image, Set<String> addresses) {
        Set<String> members =
                image.nodes().values().stream()
                        .map(StorageNode::httpAddress)
                        .collect(Collectors.toSet());
        boolean same =
                members.equals(addresses)
                        && look(addresses).values().stream()
                                .allMatch(
                                        v -> v.clusterId().equals(Optional.of(image.clusterId())));
        if (!same) {
            throw new MirachException(
                            ErrorCode.ALREADY_INITIALISED,
                            "this node belongs to cluster " + image.clusterId() + " of " + members)
                    .withRemedy("mirach status");
        }
        return membership.view();
    }

    private Map<String, NodeView> look(Set<String> addresses) {
        Map<String, NodeView> views = new LinkedHashMap<>();
        Map<String, String> addressOfName = new LinkedHashMap<>();
        for (String address : addresses) {
            NodeView view = client(address).node();
            String other = addressOfName.put(view.name(), address);
            if (other != null) {
                throw new MirachException(
                                ErrorCode.CONFLICT,
                                "the nodes at "
                                        + other
                                        + " and "
                                        + address
                                        + " are both named '"
                                        + view.name()
                                        + "'")
                        .withRemedy("give every node a name of its own");
            }
            views.put(address, view);
        }
        String name = self.view().name();
        if (!addressOfName.containsKey(name)) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "node '" + name + "' is asked, and not among the nodes named")
                    .withRemedy("name it by its http-address " + self.view().httpAddress());
        }
        return views;
    }

    private static AdminClient client(String address) {
        return new AdminClient(List.of(HttpEndpoint.parse(address)));
    }

    private static void requireNew(Map<String, NodeView> views) {
        views.forEach(
                (address, view) -> {
                    if (view.clusterId().isPresent()) {
                        throw new MirachException(
                                        ErrorCode.ALREADY_INITIALISED,
                                        "node '"
                                                + view.name()
                                                + "' at "
                                                + address
                                                + " belongs to cluster "
                                                + view.clusterId().map(UUID::toString).orElse("?"))
                                .withRemedy(
                                        "if an earlier 'cluster init' was interrupted, repeat it"
                                                + " with the same endpoint first; else give the node"
                                                + " empty data dirs");
                    }
                });
    }

    private static void requireSameNodes(InitPlan plan, Set<String> addresses) {
        Set<String> planned =
                plan.nodes().stream()
                        .map(InitPlan.PlannedNode::httpAddress)
                        .collect(Collectors.toCollection(LinkedHashSet::new));
        if (!planned.equals(addresses)) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "this node has begun to form a cluster of other nodes: " + planned)
                    .withRemedy(
                            "go on with --endpoint "
                                    + String.join(",", planned)
                                    + ", or give these nodes empty data dirs");
        }
    }

    private void initialiseNodes(InitPlan start, Map<String, NodeView> views) throws IOException {
        InitPlan plan = start;
        for (InitPlan.PlannedNode node : start.nodes()) {
            NodeView view = views.get(node.httpAddress());
            if (node.done() && !view.initialised()) {
                throw new MirachException(
                                ErrorCode.CONFLICT,
                                "node '"
                                        + node.name()
                                        + "' was initialised for this cluster and has lost its"
                                        + " data")
                        .withRemedy("begin anew: give all nodes empty data dirs");
            }
            if (view.name().equals(self.view().name())) {
                self.initialise(node.request());
            } else {
                client(node.httpAddress()).initNode(node.request());
            }
            plan = plan.withDone(node);
            write(plan);
        }
    }

    private void write(InitPlan plan) throws IOException {
        planDir.writeDurably(PLAN_FILE, Json.mapper().writeValueAsBytes(plan));
    }

    private Optional<InitPlan> readPlan() throws IOException {
        Optional<byte[]> bytes = planDir.read(PLAN_FILE);
        if (bytes.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(Json.mapper().readValue(bytes.get(), InitPlan.class));
    }
}
