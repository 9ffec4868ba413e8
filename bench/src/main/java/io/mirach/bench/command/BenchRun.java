package io.mirach.bench.command;

import io.mirach.admin.AdminClient;
import io.mirach.bench.command.BenchReport.Disk;
import io.mirach.bench.command.BenchReport.Network;
import io.mirach.bench.command.BenchReport.WarmUp;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliContext;
import io.mirach.cli.Progress;
import io.mirach.client.transport.EventLoops;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * One run of {@code mirach bench}, from finding the cluster to removing the temporary volume.
 * Confined to the command's thread, but for the hook that cleans up when the JVM ends.
 */
final class BenchRun {
    private static final Path PROC = Path.of("/proc");
    private static final Duration LIMIT_TIME = Duration.ofSeconds(2);
    private static final Duration ECHO_TIME = Duration.ofMillis(1500);
    private static final String DEV_ENDPOINT_FILE = "endpoint";

    private final BenchRequest request;
    private final CliContext context;
    private final PrintWriter err;
    private final LiveProgress progress;
    private final List<String> notes = new ArrayList<>();
    private Optional<TemporaryVolume> temporary = Optional.empty();
    private Optional<LoadTarget> opened = Optional.empty();
    private volatile boolean ending;

    BenchRun(BenchRequest request, CliContext context, PrintWriter err) {
        this.request = request;
        this.context = context;
        this.err = err;
        this.progress = new LiveProgress(err, context.terminal());
    }

    /** Whatever happens, the temporary volume is removed, or the user is told how to do it. */
    BenchReport run() throws InterruptedException {
        Thread hook = new Thread(this::cleanUpInHook, "clean-up-bench");
        Runtime.getRuntime().addShutdownHook(hook);
        try (EventLoops loops = EventLoops.start("mirach-bench", 1)) {
            try {
                return measured(loops);
            } finally {
                progress.clear();
                if (ending) {
                    // Ctrl-C: the hook cleans up, and the JVM ends after it.
                    new CountDownLatch(1).await();
                }
                Runtime.getRuntime().removeShutdownHook(hook);
                cleanUp();
            }
        }
    }

    private void cleanUpInHook() {
        ending = true;
        try {
            progress.clear();
            cleanUp();
        } catch (MirachException e) {
            err.println("error: " + e.code() + ": " + e.getMessage());
            err.println("remedy: " + e.remedy());
            err.flush();
        }
    }

    private synchronized void cleanUp() {
        try {
            opened.ifPresent(LoadTarget::close);
        } finally {
            opened = Optional.empty();
            temporary.ifPresent(TemporaryVolume::remove);
        }
    }

    private BenchReport measured(EventLoops loops) throws InterruptedException {
        ClusterProcesses processes = processes();
        String address = open(loops);
        LoadTarget target = opened.orElseThrow();
        checkTarget(target);
        Optional<Disk> disk =
                request.skipLimits() ? Optional.empty() : Optional.of(measureDisk(processes));
        Optional<Network> network =
                request.skipLimits() ? Optional.empty() : Optional.of(measureNetwork(loops));
        Limits limits = new Limits(disk, network);
        LoadSession session =
                new LoadSession(
                        target, processes, request.regionBytes(), progress, context.clock());
        double fillSeconds = mayWrite() ? session.fill() : 0;
        double warmUpSeconds = session.warmUp(request.warmUp());
        WarmUp warmUp =
                new WarmUp(
                        fillSeconds,
                        fillSeconds > 0 ? request.regionBytes() / fillSeconds / (1 << 20) : 0,
                        warmUpSeconds,
                        processes.youngestAgeSeconds());
        List<JobResult> results = new ArrayList<>();
        for (LoadJob job : request.jobs()) {
            results.add(session.measure(job, request.runtime(), limits));
        }
        addNotes(processes, warmUp);
        return new BenchReport(
                new BenchReport.Target(
                        request.isNative() ? "native" : "nbd",
                        address,
                        target.sizeBytes(),
                        request.regionBytes(),
                        request.isTemporary()),
                disk,
                network,
                warmUp,
                processes.seen(),
                results,
                notes);
    }

    /** Jobs that only read leave a named volume as it is. */
    private boolean mayWrite() {
        return request.isTemporary() || request.writes() || request.overwrite();
    }

    // --- the cluster ----------------------------------------------------------------------

    private Path devFolder() {
        return request.devFolder().orElseGet(context::devFolder).toAbsolutePath().normalize();
    }

    private List<HttpEndpoint> endpoints() {
        if (request.endpoint().isPresent() || request.devFolder().isEmpty()) {
            return context.endpoints(request.endpoint());
        }
        return devEndpoints()
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NOT_INITIALISED,
                                                "no dev cluster runs in " + devFolder())
                                        .withRemedy("mirach dev --detach --data " + devFolder()));
    }

    private Optional<List<HttpEndpoint>> devEndpoints() {
        try {
            return Optional.of(
                    HttpEndpoint.parseList(
                            Files.readString(devFolder().resolve(DEV_ENDPOINT_FILE)).strip()));
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    /** With an explicit endpoint it may be another cluster: only if that is the dev cluster's. */
    private ClusterProcesses processes() {
        if (!request.pids().isEmpty()) {
            return ClusterProcesses.ofPids(request.pids(), PROC);
        }
        Optional<List<HttpEndpoint>> dev = devEndpoints();
        boolean isDev = dev.isPresent() && (isServedByDev() || isAskedForDev(dev.get()));
        return isDev
                ? ClusterProcesses.ofDevFolder(devFolder(), PROC)
                : ClusterProcesses.none(PROC);
    }

    /** Whether the URI names a socket in the dev cluster's folder. */
    private boolean isServedByDev() {
        return request.uri()
                .flatMap(NbdUriParts::socket)
                .filter(socket -> socket.toAbsolutePath().normalize().startsWith(devFolder()))
                .isPresent();
    }

    private boolean isAskedForDev(List<HttpEndpoint> dev) {
        return request.uri().isEmpty() && endpoints().equals(dev)
                || request.uri().isPresent() && request.devFolder().isPresent();
    }

    // --- the target -----------------------------------------------------------------------

    /** Opens it; how people call it. */
    private String open(EventLoops loops) throws InterruptedException {
        if (request.uri().isPresent()) {
            opened = Optional.of(new NbdTarget(request.uri().get(), loops));
            return request.uriText();
        }
        List<HttpEndpoint> endpoints = endpoints();
        String name = request.nativeVolume().orElse("");
        if (request.isTemporary()) {
            TemporaryVolume made =
                    new TemporaryVolume(
                            new AdminClient(endpoints), new Progress(err, context.clock()));
            temporary = Optional.of(made);
            made.create(request.regionBytes());
            name = made.name();
        }
        if (request.isNative()) {
            List<String> addresses = endpoints.stream().map(HttpEndpoint::toString).toList();
            opened = Optional.of(new NativeTarget(addresses, name, !mayWrite(), loops));
            return name;
        }
        String uri = preferred(temporary.orElseThrow().export(request.gateway()));
        opened = Optional.of(new NbdTarget(NbdUriParts.parse(uri), loops));
        return uri;
    }

    /** A unix socket if it is one of this machine. */
    private static String preferred(List<String> uris) {
        if (uris.isEmpty()) {
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG, "the gateway does not say where it listens");
        }
        return uris.stream()
                .filter(uri -> NbdUriParts.parse(uri).socket().filter(Files::exists).isPresent())
                .findFirst()
                .or(() -> uris.stream().filter(uri -> uri.startsWith("nbd:")).findFirst())
                .orElse(uris.get(0));
    }

    /** Nobody's data is overwritten unasked. */
    private void checkTarget(LoadTarget target) {
        if (target.sizeBytes() < request.regionBytes()) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "the volume has "
                                    + ByteSize.format(target.sizeBytes())
                                    + ", less than the "
                                    + ByteSize.format(request.regionBytes())
                                    + " that the load takes")
                    .withRemedy("give a smaller --size");
        }
        if (!mayWrite()) {
            notes.add(
                    "the volume was not written to: its reads are checked for errors and length"
                            + " only, and where it has holes they cost no disk");
            return;
        }
        if (target.readOnly()) {
            throw new MirachException(ErrorCode.READ_ONLY, "the export is read-only")
                    .withRemedy("choose jobs that only read: --jobs randread-4k-qd1");
        }
        if (request.isTemporary() || request.overwrite()) {
            return;
        }
        Optional<Boolean> holdsData = target.holdsData();
        if (holdsData.isEmpty() || holdsData.get()) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            holdsData.isEmpty()
                                    ? "the server cannot tell whether the volume holds data, and"
                                            + " the load would overwrite it"
                                    : "the volume holds data, which the load would overwrite")
                    .withRemedy(
                            "leave the target out to have a temporary volume made, choose jobs"
                                    + " that only read, or add --overwrite to LOSE that data");
        }
        notes.add("the volume was empty; its first part now holds the benchmark's data");
    }

    // --- the limits -----------------------------------------------------------------------

    private Disk measureDisk(ClusterProcesses processes) {
        Path folder =
                request.disk()
                        .orElseGet(
                                () ->
                                        processes.seen().isEmpty() || !request.pids().isEmpty()
                                                ? Path.of("")
                                                : devFolder())
                        .toAbsolutePath()
                        .normalize();
        progress.show("measuring the disk of " + folder);
        BareDisk disk = new BareDisk(folder, LIMIT_TIME);
        List<Integer> writers =
                request.jobs().stream()
                        .filter(LoadJob::write)
                        .filter(job -> job.requestBytes() < Limits.SEQUENTIAL_FROM_BYTES)
                        .map(Limits::writers)
                        .distinct()
                        .sorted()
                        .toList();
        if (request.disk().isEmpty() && processes.seen().isEmpty()) {
            notes.add(
                    "the disk measured is this machine's; name the one that the cluster is on with"
                            + " --disk");
        }
        List<BareDisk.FsyncRate> rates = disk.fsyncRates(writers.isEmpty() ? List.of(1) : writers);
        return new Disk(folder.toString(), rates, disk.sequentialRate());
    }

    private Network measureNetwork(EventLoops loops) {
        progress.show("measuring the round trip");
        boolean unix = opened.orElseThrow() instanceof NbdTarget nbd && nbd.isUnix();
        SocketEcho echo = new SocketEcho(unix, ECHO_TIME);
        List<SocketEcho.Rate> rates =
                request.jobs().stream()
                        .filter(job -> !job.write())
                        .map(job -> new LoadJob(true, false, job.requestBytes(), job.depth()))
                        .distinct()
                        .map(job -> echo.measure(job.requestBytes(), job.depth()))
                        .toList();
        return new Network(unix ? "unix" : "tcp", rates, pings(loops));
    }

    /** None for an export whose cluster is not known. */
    private List<NodePings.Ping> pings(EventLoops loops) {
        if (request.uri().isPresent() && request.endpoint().isEmpty() && !isServedByDev()) {
            return List.of();
        }
        try {
            return NodePings.measure(new AdminClient(endpoints()).nodes(), loops);
        } catch (MirachException e) {
            notes.add("no node was pinged: " + e.getMessage());
            return List.of();
        }
    }

    private void addNotes(ClusterProcesses processes, WarmUp warmUp) {
        if (!processes.seen().isEmpty()) {
            notes.add(
                    "CPU US/IO is the CPU time of the cluster's processes above per request, without"
                            + " this one's (BENCH US/IO)");
        }
        if (warmUp.processAgeSeconds().isPresent()
                && warmUp.processAgeSeconds().getAsLong() < 180) {
            notes.add(
                    "the cluster was started less than 3 minutes before: JVMs compile for about 2"
                            + " minutes, so repeat it, or give --warmup 120");
        }
        if (!request.skipLimits() && request.writes()) {
            notes.add(
                    "Mirach writes every block on a majority of three nodes before its reply; nodes"
                            + " that share this disk share its limit");
        }
    }
}
