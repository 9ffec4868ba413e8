package io.mirach.ops.chaos;

import io.mirach.cli.CliClock;
import io.mirach.ops.chaos.ChaosReport.Strikes;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * One run: a cluster, a workload on it, faults in turn, and the judgement of what was recorded,
 * after every fault and at the end. Confined to one thread, except {@link #abort}.
 */
final class ChaosRun {
    private static final Duration NO_FAULT_STEP = Duration.ofSeconds(2);

    private final ChaosSettings settings;
    private final CliClock clock;
    private final Consumer<String> progress;
    private final Random random;
    private final History history;
    private final Map<String, Strikes> strikes = new LinkedHashMap<>();
    private final Map<String, String> skipped = new LinkedHashMap<>();
    private final long startNanos;
    // What nodes set aside so far.
    private final Set<String> lost = new TreeSet<>();
    private Optional<Fault> striking = Optional.empty();
    private volatile Optional<Cluster> cluster = Optional.empty();

    /**
     * @param progress takes lines for people, in order
     */
    ChaosRun(ChaosSettings settings, CliClock clock, Consumer<String> progress) {
        this.settings = settings;
        this.clock = clock;
        this.progress = progress;
        this.random = new Random(settings.seed());
        this.startNanos = clock.nanoTime();
        this.history = new History(clock::nanoTime);
    }

    /** Runs it to its end; what lies in the folder afterwards tells how it went. */
    ChaosReport run() throws InterruptedException {
        createFolder();
        List<Violation> violations = List.of();
        Optional<String> trouble = Optional.empty();
        try (Cluster started = newCluster()) {
            cluster = Optional.of(started);
            try {
                violations = breakIt(started);
            } catch (PromiseBrokenException e) {
                violations = new ArrayList<>(history.violations());
                violations.add(e.violation());
            } catch (ChaosException | MirachException | ShellException e) {
                trouble = Optional.of(e.toString());
                violations = new ArrayList<>(history.violations());
                violations.addAll(newlyLost(started));
            }
            if (!violations.isEmpty() || trouble.isPresent()) {
                started.dumpThreads();
            }
        } catch (ShellException e) {
            trouble = Optional.of(e.toString());
        }
        ChaosReport report =
                new ChaosReport(
                        violations,
                        trouble,
                        strikes,
                        skipped,
                        history.acknowledgedWrites(),
                        history.answeredReads(),
                        history.unknownWrites(),
                        Duration.ofNanos(elapsedNanos()));
        save(report);
        return report;
    }

    /** Ends the cluster at once; any thread. */
    void abort() {
        cluster.ifPresent(Cluster::close);
    }

    private void createFolder() {
        try {
            Files.createDirectories(settings.folder());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot use " + settings.folder(), e);
        }
    }

    private Cluster newCluster() {
        Optional<String> onlyLoopback = NamespaceNetwork.unavailable();
        Network network =
                onlyLoopback.isEmpty()
                        ? NamespaceNetwork.create(settings.nodes())
                        : new LoopbackNetwork(settings.nodes(), random, onlyLoopback.get());
        return new Cluster(
                network,
                settings.nodes(),
                settings.placementGroups(),
                Equipment.build(
                        settings.launcher(),
                        settings.folder(),
                        settings.faults().stream()
                                .flatMap(fault -> fault.gear().stream())
                                .collect(Collectors.toSet())),
                clock);
    }

    private List<Violation> breakIt(Cluster started) throws InterruptedException {
        List<Fault> faults = new ArrayList<>();
        for (Fault fault : settings.faults()) {
            Optional<String> why =
                    Workloads.unsuited(settings.workload(), fault)
                            .or(() -> fault.unavailable(started));
            why.ifPresent(reason -> skipped.put(fault.name(), reason));
            if (why.isEmpty()) {
                faults.add(fault);
            }
        }
        skipped.forEach((name, why) -> tell("skipped " + name + ": " + why));
        started.start();
        tell("the cluster serves");
        try (Workload workload = Workloads.create(settings.workload(), started, history, random)) {
            workload.start();
            Fault.Scene scene = new Fault.Scene(started, workload, random, clock);
            List<Violation> violations;
            do {
                violations = faults.isEmpty() ? calm(scene) : round(faults, scene);
            } while (violations.isEmpty() && !isDone(faults));
            if (violations.isEmpty()) {
                workload.confirmAll();
                violations = new ArrayList<>(started.compareReplicas());
                violations.addAll(footprints(started, workload));
                violations.addAll(history.violations());
            }
            return violations;
        }
    }

    /**
     * A replica whose disk kept all that was synced has nothing to be set aside for: whatever it
     * lost, it had acknowledged.
     */
    private List<Violation> newlyLost(Cluster running) {
        List<Violation> found = new ArrayList<>();
        for (ClusterNode node : running.nodes()) {
            for (String replica : node.lostReplicas()) {
                if (lost.add(node.name() + " " + replica)
                        && striking.filter(Fault::mayLoseReplicas).isEmpty()) {
                    found.add(
                            new Violation(
                                    node.name() + " lost what it had acknowledged: " + replica,
                                    List.of()));
                }
            }
        }
        return found;
    }

    private List<Violation> footprints(Cluster running, Workload workload) {
        List<Violation> found = new ArrayList<>();
        for (ClusterNode node : running.nodes()) {
            Footprint footprint = Footprint.of(node);
            tell(node.name() + ": " + footprint);
            found.addAll(footprint.violations(node, workload.maxDescriptors()));
        }
        return found;
    }

    /** Whether the time is over, and each fault struck as often as it should. */
    private boolean isDone(List<Fault> faults) {
        return elapsedNanos() >= settings.time().toNanos()
                && faults.stream()
                        .allMatch(
                                fault ->
                                        strikes.containsKey(fault.name())
                                                && strikes.get(fault.name()).count()
                                                        >= settings.strikes());
    }

    private List<Violation> calm(Fault.Scene scene) throws InterruptedException {
        clock.pause(NO_FAULT_STEP);
        scene.workload().confirmAll();
        return history.violations();
    }

    /** Every fault once, in an order of its own. */
    private List<Violation> round(List<Fault> faults, Fault.Scene scene)
            throws InterruptedException {
        List<Fault> order = new ArrayList<>(faults);
        Collections.shuffle(order, random);
        for (Fault fault : order) {
            scene.pause(200, 1_500);
            history.takeLongestWriteNanos();
            striking = Optional.of(fault);
            String what = fault.strike(scene);
            scene.cluster().awaitServing();
            scene.workload().confirmAll();
            Duration pause = Duration.ofNanos(history.takeLongestWriteNanos());
            List<Violation> found = new ArrayList<>();
            if (fault.touchesDisk()) {
                found.addAll(scene.cluster().compareReplicas());
            }
            strikes.merge(fault.name(), Strikes.of(pause), (known, one) -> known.and(pause));
            tell(what + ", longest write " + pause.toMillis() + " ms, " + counts());
            found.addAll(history.violations());
            found.addAll(newlyLost(scene.cluster()));
            striking = Optional.empty();
            if (!found.isEmpty() || isDone(faults)) {
                return found;
            }
        }
        return List.of();
    }

    private String counts() {
        return history.acknowledgedWrites() + " writes, " + history.answeredReads() + " reads";
    }

    private long elapsedNanos() {
        return clock.nanoTime() - startNanos;
    }

    private void tell(String line) {
        progress.accept("%7.1f s  %s".formatted(elapsedNanos() / 1e9, line));
    }

    private void save(ChaosReport report) {
        Path folder = settings.folder();
        try {
            history.save(folder.resolve("history.txt"));
            StringBuilder findings = new StringBuilder();
            report.trouble().ifPresent(why -> findings.append(why).append('\n'));
            report.violations().forEach(each -> findings.append(each).append('\n'));
            Files.writeString(folder.resolve("findings.txt"), findings);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write to " + folder, e);
        }
    }
}
