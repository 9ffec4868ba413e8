package io.mirach.ops.dev;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.GatewayView;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.NodeView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VolumeView;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliClock;
import io.mirach.cli.Progress;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Brings the processes of a dev cluster up and down. {@link #stop} may be called by another thread
 * while {@link #start} runs, which then starts nothing more; otherwise confined to one thread.
 */
final class DevCluster {
    private static final Duration STEP_LIMIT = Duration.ofSeconds(90);
    private static final Duration GATEWAY_STOP_LIMIT = Duration.ofSeconds(15);
    private static final Duration NODE_STOP_LIMIT = Duration.ofSeconds(30);

    private final DevFolder folder;
    private final DevSettings settings;
    private final String command;
    private final Path launcher;
    private final Progress progress;
    private final List<DevProcess> nodes = new ArrayList<>();
    private final DevProcess gateway;
    private final AdminClient admin;

    /** Those that this command started. */
    private final Map<DevProcess, Process> started = new HashMap<>();

    private boolean stopping;

    /**
     * @param command how the user names this cluster, e.g. {@code mirach dev}
     */
    DevCluster(
            DevFolder folder,
            DevSettings settings,
            Path launcher,
            Progress progress,
            CliClock clock,
            String command) {
        this.folder = folder;
        this.command = command;
        this.launcher = launcher;
        this.settings = settings;
        this.progress = progress;
        for (int node = 1; node <= settings.nodes(); node++) {
            nodes.add(
                    new DevProcess(
                            launcher,
                            folder.path(),
                            "node-" + node,
                            List.of("node", "start"),
                            clock));
        }
        gateway =
                new DevProcess(
                        launcher, folder.path(), "gateway", List.of("gateway", "start"), clock);
        admin = new AdminClient(HttpEndpoint.parseList(settings.endpoints()));
    }

    DevSettings settings() {
        return settings;
    }

    /**
     * @param number 1 to the number of nodes; INVALID_ARGUMENT otherwise
     */
    DevProcess node(int number) {
        if (number < 1 || number > nodes.size()) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "there is no node "
                                    + number
                                    + ": this dev cluster has nodes 1 to "
                                    + nodes.size())
                    .withRemedy("name a node from 1 to " + nodes.size());
        }
        return nodes.get(number - 1);
    }

    DevProcess gateway() {
        return gateway;
    }

    /** Nodes, then the gateway. */
    List<DevProcess> processes() {
        List<DevProcess> all = new ArrayList<>(nodes);
        all.add(gateway);
        return all;
    }

    /** Starts all, none of which runs, and returns once the volume is served. */
    void start(String volume, long sizeBytes) throws InterruptedException {
        PortCheck.requireFree(settings.ports());
        folder.writeConfigs(settings, command, launcher);
        progress.tell("starting " + settings.nodes() + " nodes");
        for (DevProcess node : nodes) {
            launch(node);
        }
        for (int node = 1; node <= nodes.size(); node++) {
            awaitNode(node);
        }
        initIfNew();
        awaitPlacementGroups();
        ensureVolume(volume, sizeBytes);
        startGateway();
    }

    /** Starts one node again and waits until it answers. */
    void startNode(int number) throws InterruptedException {
        launch(node(number));
        awaitNode(number);
    }

    /** Asks a node to end, starts it again, and waits until it answers. */
    void restartNode(int number) throws InterruptedException {
        stop(node(number), NODE_STOP_LIMIT);
        startNode(number);
    }

    /** Starts the gateway and waits until it greets NBD clients and the cluster knows it. */
    void startGateway() throws InterruptedException {
        try {
            // Its former self is gone, so nobody listens on this.
            Files.deleteIfExists(folder.socket());
        } catch (IOException e) {
            throw folder.unusable(e);
        }
        progress.tell("starting the gateway");
        launch(gateway);
        await(
                List.of(gateway),
                () ->
                        NbdGreeting.isGiven(settings.basePort())
                                && NbdGreeting.isAccepted(folder.socket()),
                "the gateway to greet NBD clients");
        await(
                List.of(gateway),
                () -> admin.gateways().stream().anyMatch(g -> g.state() == GatewayView.State.UP),
                "the gateway to be known to the cluster");
    }

    private synchronized void launch(DevProcess process) {
        if (stopping) {
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "being stopped");
        }
        started.put(process, process.start());
    }

    private void awaitNode(int number) throws InterruptedException {
        DevProcess process = node(number);
        AdminClient client =
                new AdminClient(List.of(HttpEndpoint.parse(settings.httpAddress(number))));
        await(
                List.of(process),
                () -> {
                    client.node();
                    return true;
                },
                process.name() + " to answer");
    }

    private void initIfNew() {
        List<NodeView> views = new ArrayList<>();
        for (String address : settings.httpAddresses()) {
            views.add(new AdminClient(List.of(HttpEndpoint.parse(address))).node());
        }
        if (views.stream().allMatch(NodeView::initialised)) {
            return;
        }
        progress.tell("forming a new cluster");
        try {
            admin.initCluster(
                    new InitRequest(settings.httpAddresses(), settings.placementGroups()));
        } catch (MirachException e) {
            throw new MirachException(e.code(), "cannot form the cluster: " + e.getMessage(), e)
                    .withRemedy(
                            "start anew with 'mirach dev --data " + folder.path() + " --reset'");
        }
    }

    private void awaitPlacementGroups() throws InterruptedException {
        await(
                nodes,
                () -> {
                    StatusView status = admin.status();
                    return status.pgs().total() > 0
                            && status.pgs().unserved() == 0
                            && status.nodes().stream()
                                    .allMatch(n -> n.state() == NodeSummary.State.UP);
                },
                "every placement group to have a leader");
    }

    /** Creates the volume unless there is one of that name. */
    void ensureVolume(String name, long sizeBytes) throws InterruptedException {
        boolean exists =
                admin.volumes().stream()
                        .anyMatch(v -> v.name().equals(name) && v.state() != Volume.State.DELETING);
        if (!exists) {
            progress.tell("creating volume " + name + ", " + ByteSize.format(sizeBytes) + ", thin");
            admin.createVolume(new CreateVolumeRequest(name, sizeBytes, 0));
        }
        await(
                nodes,
                () -> {
                    VolumeView volume = admin.volume(name);
                    return volume.state() == Volume.State.AVAILABLE;
                },
                "volume " + name + " to be known to every placement group");
    }

    /**
     * Waits until the condition holds, or fails with the log's last lines when one of the processes
     * ends before.
     */
    private void await(List<DevProcess> needed, BooleanSupplier condition, String what)
            throws InterruptedException {
        Boolean holds =
                progress.watch(
                        () -> {
                            needed.forEach(this::requireRunning);
                            return condition.getAsBoolean();
                        },
                        held -> held,
                        held -> "waiting for " + what,
                        STEP_LIMIT);
        if (!holds) {
            throw withLog(
                    ErrorCode.TIMEOUT,
                    "waited " + STEP_LIMIT.toSeconds() + " s in vain for " + what,
                    needed.get(0));
        }
    }

    private synchronized void requireRunning(DevProcess process) {
        Process child = started.get(process);
        if (child != null && !child.isAlive()) {
            throw withLog(
                    ErrorCode.INTERNAL,
                    process.name() + " ended with exit code " + child.exitValue(),
                    process);
        }
    }

    private static MirachException withLog(ErrorCode code, String detail, DevProcess process) {
        List<String> lines = process.lastLogLines();
        return new MirachException(
                        code,
                        detail
                                + (lines.isEmpty()
                                        ? "; it logged nothing"
                                        : "; the last lines of its log:\n  "
                                                + String.join("\n  ", lines)))
                .withRemedy("read " + process.log());
    }

    /** Stops the gateway, then the nodes. Data is kept. */
    void stop() throws InterruptedException {
        synchronized (this) {
            stopping = true;
        }
        if (gateway.running().isPresent()) {
            progress.tell("stopping the gateway");
        }
        stop(gateway, GATEWAY_STOP_LIMIT);
        List<DevProcess> alive = nodes.stream().filter(n -> n.running().isPresent()).toList();
        if (!alive.isEmpty()) {
            progress.tell("stopping " + alive.size() + " nodes");
        }
        // All are asked at once, so that none waits for a leader elsewhere that is going too.
        alive.forEach(node -> node.running().ifPresent(ProcessHandle::destroy));
        for (DevProcess node : nodes) {
            stop(node, NODE_STOP_LIMIT);
        }
        folder.removeEndpointFile();
    }

    private void stop(DevProcess process, Duration limit) throws InterruptedException {
        if (!process.stop(limit)) {
            progress.tell(
                    process.name()
                            + " did not end within "
                            + limit.toSeconds()
                            + " s and was killed; see "
                            + process.log());
        }
    }
}
