package io.mirach.bench.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliContext;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCommand;
import io.mirach.model.Volume;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mirach bench}. */
@Command(
        name = "bench",
        description = {
            "Measure a volume, beside what this machine does without Mirach.",
            "Without a target, a temporary volume is made, served by the gateway, measured, and"
                    + " removed, also on Ctrl-C. A volume that holds data is never written to unless"
                    + " --overwrite says so.",
            "First come the bare disk (4 KiB write + fdatasync, 128 KiB sequential write) and the"
                    + " round trip; the share of these limits that Mirach reaches stands in the last"
                    + " column. Every read is checked to return the block that was written there."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  mirach bench                                     all, about 2 minutes",
            "  mirach bench --jobs randwrite-4k-qd1,randread-4k-qd1 --runtime 30 --warmup 120",
            "  mirach bench --native                            by Mirach's own client, without NBD",
            "  mirach bench --uri $(mirach attach vm1 | tail -1) --jobs randread-4k-qd32",
            "  mirach bench --uri 'nbd+unix:///?socket=/tmp/nbd.sock' --overwrite   any NBD server",
            "  mirach bench -o json > result.json"
        })
final class BenchCommand implements Callable<Integer> {
    private static final long MAX_SECONDS = 86_400;

    enum Output {
        TABLE,
        JSON,
        YAML
    }

    @Spec CommandSpec spec;

    @Option(
            names = "--uri",
            paramLabel = "NBD-URI",
            description = "Measure this NBD export; any NBD server's.")
    Optional<String> uri = Optional.empty();

    @Option(
            names = "--native",
            paramLabel = "VOLUME",
            arity = "0..1",
            fallbackValue = "",
            description = "By Mirach's own client instead of NBD: this volume, or a temporary one.")
    Optional<String> nativeVolume = Optional.empty();

    @Option(
            names = "--create",
            description =
                    "Make a temporary volume and remove it at the end; so it is without --uri or"
                            + " --native VOLUME.")
    boolean create;

    @Option(
            names = "--overwrite",
            description = "Write to the volume though it holds data. That data is LOST.")
    boolean overwrite;

    @Option(
            names = {"-g", "--gateway"},
            paramLabel = "NAME",
            description = "The gateway that serves the temporary volume, if there are several.")
    Optional<String> gateway = Optional.empty();

    @Option(
            names = "--jobs",
            paramLabel = "JOB,...",
            description =
                    "(rand|seq)(read|write)-SIZEk-qdDEPTH. Default: randwrite and randread of 4k at"
                            + " qd1 and qd32, seqwrite and seqread of 128k at qd16.")
    Optional<String> jobs = Optional.empty();

    @Option(
            names = "--runtime",
            paramLabel = "SECONDS",
            defaultValue = "10",
            description = "Measured time of each job. Default: ${DEFAULT-VALUE}.")
    long runtimeSeconds;

    @Option(
            names = "--warmup",
            paramLabel = "SECONDS",
            defaultValue = "20",
            description =
                    "Load before the first job, after filling. Default: ${DEFAULT-VALUE}; freshly"
                            + " started nodes compile for about 120.")
    long warmUpSeconds;

    @Option(
            names = {"-s", "--size"},
            paramLabel = "SIZE",
            defaultValue = "1GiB",
            description =
                    "How much of the volume is used, from its start; it is filled first. Default:"
                            + " ${DEFAULT-VALUE}.")
    String size;

    @Option(
            names = "--disk",
            paramLabel = "DIR",
            description =
                    "Measure the bare disk in this folder; 1 GiB must be free. Default: the dev"
                            + " cluster's folder, else the current one.")
    Optional<Path> disk = Optional.empty();

    @Option(names = "--skip-limits", description = "Measure neither the disk nor the round trip.")
    boolean skipLimits;

    @Option(
            names = "--pids",
            paramLabel = "PID,...",
            split = ",",
            description =
                    "The cluster's processes on this machine, whose CPU time counts. Default: the"
                            + " dev cluster's.")
    List<Long> pids = List.of();

    @Option(
            names = "--dev",
            paramLabel = "DIR",
            description = "The folder of a dev cluster that is not in the default place.")
    Optional<Path> dev = Optional.empty();

    @Option(
            names = "--endpoint",
            paramLabel = "NODES",
            description =
                    "HTTP addresses of nodes, HOST:PORT[,HOST:PORT...]. Default: MIRACH_ENDPOINT,"
                            + " else the dev cluster.")
    Optional<String> endpoint = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "table, json or yaml; default: ${DEFAULT-VALUE}.")
    Output output;

    @Override
    public Integer call() throws InterruptedException {
        BenchRequest request = checked();
        PrintWriter err = spec.commandLine().getErr();
        BenchReport report = new BenchRun(request, context(), err).run();
        show(report, spec.commandLine().getOut());
        return ExitCode.OK.number();
    }

    private BenchRequest checked() {
        boolean named = uri.isPresent() || nativeVolume.filter(v -> !v.isEmpty()).isPresent();
        if (uri.isPresent() && nativeVolume.isPresent()) {
            throw invalid("--uri and --native exclude each other", "give one of them");
        }
        if (create && named) {
            throw invalid("--create makes a volume, and one is named", "leave out one of the two");
        }
        if (overwrite && !named) {
            throw invalid(
                    "--overwrite goes with --uri or --native VOLUME",
                    "leave it out: a temporary volume holds no data");
        }
        if (gateway.isPresent() && (named || nativeVolume.isPresent())) {
            throw invalid(
                    "--gateway chooses who serves the temporary volume over NBD", "leave it out");
        }
        nativeVolume
                .filter(v -> !v.isEmpty() && !VolumeName.isValid(v))
                .ifPresent(
                        v -> {
                            throw invalid(
                                    "'" + v + "' is not a volume name",
                                    "use 1 to 63 of a-z 0-9 . _ -");
                        });
        if (disk.isPresent() && skipLimits) {
            throw invalid("--disk and --skip-limits exclude each other", "give one of them");
        }
        return new BenchRequest(
                uri.map(NbdUriParts::parse),
                nativeVolume,
                overwrite,
                gateway,
                jobs.map(LoadJob::parseList).orElse(LoadJob.DEFAULTS),
                seconds("--runtime", runtimeSeconds, 1),
                seconds("--warmup", warmUpSeconds, 0),
                checkedSize(),
                disk,
                skipLimits,
                pids,
                dev,
                endpoint,
                uri.orElse(""));
    }

    private static Duration seconds(String option, long value, long least) {
        if (value < least || value > MAX_SECONDS) {
            throw invalid(
                    option + " is from " + least + " to " + MAX_SECONDS + " seconds, not " + value,
                    "leave it out for the default");
        }
        return Duration.ofSeconds(value);
    }

    private long checkedSize() {
        long bytes = ByteSize.parse(size);
        if (bytes < BenchRequest.SIZE_UNIT_BYTES
                || bytes % BenchRequest.SIZE_UNIT_BYTES != 0
                || bytes > Volume.MAX_SIZE_BYTES) {
            throw invalid(
                    "--size is a multiple of 4 MiB, not " + ByteSize.format(bytes),
                    "give e.g. --size 1GiB");
        }
        return bytes;
    }

    private static MirachException invalid(String detail, String remedy) {
        return new MirachException(ErrorCode.INVALID_ARGUMENT, detail).withRemedy(remedy);
    }

    private CliContext context() {
        return MirachCommand.contextOf(spec);
    }

    private void show(BenchReport report, PrintWriter out) {
        switch (output) {
            case TABLE -> ReportTable.print(report, out);
            case JSON -> out.println(written(Json.mapper(), report, true));
            case YAML -> {
                YAMLMapper yaml =
                        YAMLMapper.builder()
                                .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                                .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
                                .build();
                out.print(written(yaml, Json.mapper().valueToTree(report), false));
            }
        }
        out.flush();
    }

    private static String written(ObjectMapper mapper, Object value, boolean pretty) {
        try {
            return pretty
                    ? mapper.writerWithDefaultPrettyPrinter().writeValueAsString(value)
                    : mapper.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + value, e);
        }
    }
}
