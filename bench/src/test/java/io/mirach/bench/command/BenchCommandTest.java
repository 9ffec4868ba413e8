package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mirach.cli.CliClock;
import io.mirach.cli.CliContext;
import io.mirach.cli.MirachCli;
import io.mirach.client.transport.EventLoops;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.nbd.NbdServer;
import io.mirach.protocol.Json;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The command against an NBD server in this JVM, and its options. */
class BenchCommandTest {
    private static final String NOWHERE = "nbd://127.0.0.1:1/disk";

    @TempDir Path home;

    private final EventLoops loops = EventLoops.start("nbd-test", 1);
    private final MemoryExport disk = new MemoryExport();
    private final NbdServer server = new NbdServer(disk, NbdLimits.DEFAULT, loops);
    private String uri;

    private record Result(int exitCode, String out, String err) {}

    @BeforeEach
    void listen() {
        uri = server.listen(new NbdAddress.Tcp("127.0.0.1", 0)).uri() + "/disk";
    }

    @AfterEach
    void close() throws Exception {
        server.close(Duration.ofSeconds(5)).get(10, TimeUnit.SECONDS);
        loops.close();
    }

    private Result bench(String... options) {
        List<String> words = new ArrayList<>(List.of("bench"));
        words.addAll(Arrays.asList(options));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command =
                MirachCli.commandLine(
                        new CliContext(Map.of(), home, false, CliClock.system()),
                        List.of(new BenchCommands()));
        command.setOut(new PrintWriter(out));
        command.setErr(new PrintWriter(err));
        int exitCode = command.execute(words.toArray(String[]::new));
        return new Result(exitCode, out.toString(), err.toString());
    }

    private Result benchDisk(String... options) {
        List<String> words =
                new ArrayList<>(
                        List.of(
                                "--uri",
                                uri,
                                "--size",
                                "4MiB",
                                "--runtime",
                                "1",
                                "--warmup",
                                "1",
                                "--skip-limits"));
        words.addAll(Arrays.asList(options));
        return bench(words.toArray(String[]::new));
    }

    @Test
    void everyKindOfLoadIsMeasured() throws Exception {
        Result result = benchDisk("--jobs", "randwrite-4k-qd32,seqread-128k-qd16", "-o", "json");
        assertThat(result.err()).isEmpty();
        assertThat(result.exitCode()).isZero();
        JsonNode report = Json.mapper().readTree(result.out());
        assertThat(report.at("/target/address").textValue()).isEqualTo(uri);
        assertThat(report.at("/warmUp/fillMebibytesPerSecond").doubleValue()).isPositive();
        assertThat(report.at("/jobs")).hasSize(2);
        for (JsonNode job : report.at("/jobs")) {
            assertThat(job.at("/iops").doubleValue()).isPositive();
            assertThat(job.at("/latency/p50").doubleValue())
                    .isPositive()
                    .isLessThanOrEqualTo(job.at("/latency/max").doubleValue());
            assertThat(job.at("/benchCpuMicrosPerRequest").doubleValue()).isPositive();
            assertThat(job.at("/clusterCpuMicrosPerRequest").isNull())
                    .as("no process of a cluster is seen")
                    .isTrue();
            assertThat(job.at("/limit").isNull()).isTrue();
        }
        assertThat(report.at("/notes").toString()).contains("the volume was empty");
    }

    @Test
    void theLimitsComeWithTheFiguresForPeople() {
        Result result =
                bench(
                        "--uri",
                        uri,
                        "--size",
                        "4MiB",
                        "--runtime",
                        "1",
                        "--warmup",
                        "0",
                        "--jobs",
                        "randread-4k-qd1",
                        "--disk",
                        home.toString(),
                        "--pids",
                        Long.toString(ProcessHandle.current().pid()));
        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .contains("4 KiB write + fdatasync, 1 at a time", "128 KiB sequential write")
                .contains("replies of 4 KiB, 1 at a time", "REACHED", "limit of randread-4k-qd1")
                .contains("(pid " + ProcessHandle.current().pid() + ")")
                .contains("the volume was not written to");
    }

    @Test
    void dataIsNotOverwrittenUnasked() {
        disk.putData();
        Result refused = benchDisk("--jobs", "randwrite-4k-qd1");
        assertThat(refused.exitCode()).isEqualTo(4);
        assertThat(refused.err()).contains("error: CONFLICT: the volume holds data", "--overwrite");
        assertThat(disk.lastByte()).isEqualTo((byte) 42);

        assertThat(benchDisk("--jobs", "randread-4k-qd1").exitCode())
                .as("reading harms nobody")
                .isZero();
        assertThat(benchDisk("--jobs", "randwrite-4k-qd1", "--overwrite").exitCode()).isZero();
    }

    @Test
    void aFailingExportIsTold() {
        disk.fail();
        Result result = benchDisk("--jobs", "randread-4k-qd1");
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.err()).contains("error: INTERNAL: the NBD server answered with errno 5");
    }

    @Test
    void aServerThatIsNotThereIsTold() {
        assertThat(bench("--uri", NOWHERE, "--skip-limits").err())
                .contains("error: UNREACHABLE: no NBD server answers at 127.0.0.1:1");
        assertThat(bench("--uri", uri.replace("/disk", "/other"), "--skip-limits").err())
                .contains("error: NO_SUCH_VOLUME", "'other'");
    }

    @Test
    void aSmallVolumeIsToldBeforeAnythingIsWritten() {
        Result result = bench("--uri", uri, "--size", "12MiB", "--skip-limits");
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err()).contains("the volume has 8 MiB", "smaller --size");
    }

    @Test
    void withoutAClusterItSaysWhereToGetOne() {
        Result result = bench();
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err()).contains("error: INVALID_CONFIG: no endpoint", "mirach dev");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--runtime 0 | --runtime is from 1",
                "--warmup -1 | --warmup is from 0",
                "--size 3MiB | --size is a multiple of 4 MiB",
                "--size 1MB | could be decimal or binary",
                "--jobs randwrite | is not a job",
                "--uri http://x/ | not an NBD URI",
                "--native Not_A_Name | is not a volume name",
                "--overwrite | --overwrite goes with",
                "--uri nbd://h/x --native vm1 | exclude each other",
                "--uri nbd://h/x --create | --create makes a volume",
                "--uri nbd://h/x --gateway g | --gateway chooses",
                "--disk /tmp --skip-limits | exclude each other",
                "--pids 999999999 --uri nbd://h/x | there is no process",
                "--pids one | --pids",
                "--nonsense | --nonsense"
            })
    void wrongOptionsAreToldBeforeAnythingIsDone(String options, String told) {
        Result result = bench(options.split(" "));
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err()).startsWith("error: INVALID_ARGUMENT").contains(told);
        assertThat(result.out()).isEmpty();
    }
}
