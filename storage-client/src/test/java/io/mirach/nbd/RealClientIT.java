package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.client.transport.EventLoops;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that others wrote, against the server with a volume in memory. */
class RealClientIT {
    private static final long SIZE_BYTES = 64L << 20;

    enum Transport {
        TCP,
        UNIX
    }

    @TempDir Path folder;
    private final ExecutorService volumeThreads = Executors.newFixedThreadPool(2);
    private final SparseVolume volume = new SparseVolume("disk", SIZE_BYTES, false, volumeThreads);
    private final SparseVolume frozen = new SparseVolume("frozen", 1L << 40, true, volumeThreads);
    private final FixedCatalog catalog = new FixedCatalog(volume, frozen);
    private final EventLoops loops = EventLoops.start("nbd", 2);
    private NbdServer server;
    private NbdAddress tcp;
    private Path socket;

    @BeforeEach
    void startServer() {
        socket = folder.resolve("nbd.sock");
        server = new NbdServer(catalog, NbdLimits.DEFAULT, loops);
        tcp = server.listen(new NbdAddress.Tcp("127.0.0.1", 0));
        server.listen(new NbdAddress.Unix(socket));
    }

    @AfterEach
    void stopServer() {
        server.close(Duration.ofSeconds(5)).join();
        loops.close();
        volumeThreads.shutdown();
        assertThat(catalog.holds()).isEmpty();
        assertThat(socket).doesNotExist();
    }

    private String uri(Transport transport, String export) {
        return transport == Transport.TCP
                ? tcp.uri() + "/" + export
                : "nbd+unix:///" + export + "?socket=" + socket;
    }

    /** Data in a few places, holes between them, and a last block that is cut. */
    private Path image() throws IOException {
        Path image = folder.resolve("image.raw");
        Random random = new Random(7);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE_BYTES);
            for (long offset : new long[] {0, 1 << 20, 5_000_001, 33L << 20, SIZE_BYTES - 777}) {
                byte[] data = new byte[(int) Math.min(300_000, SIZE_BYTES - offset)];
                random.nextBytes(data);
                file.seek(offset);
                file.write(data);
            }
        }
        return image;
    }

    @ParameterizedTest
    @EnumSource
    void nbdinfoShowsSizeFlagsAndBlockSizes(Transport transport) throws Exception {
        String shown = ClientTool.run("nbdinfo", uri(transport, "disk")).succeeded().output();
        assertThat(shown)
                .contains("export-size: " + SIZE_BYTES)
                .contains("using structured packets")
                .contains("base:allocation")
                .contains("is_read_only: false")
                .contains("can_multi_conn: true")
                .contains("can_cache: true")
                .contains("can_df: true")
                .contains("can_fast_zero: true")
                .contains("can_flush: true")
                .contains("can_fua: true")
                .contains("can_trim: true")
                .contains("can_zero: true")
                .contains("block_size_minimum: 1")
                .contains("block_size_preferred: 4096")
                .contains("block_size_maximum: 33554432");
    }

    @Test
    void listShowsEveryExportAndAttachesNone() throws Exception {
        String shown =
                ClientTool.run("nbdinfo", "--list", "--no-content", tcp.uri()).succeeded().output();
        assertThat(shown)
                .contains("export=\"disk\"")
                .contains("export=\"frozen\"")
                .contains("description: a volume in memory");
        assertThat(catalog.opens()).isZero();
    }

    @Test
    void anUnknownExportIsRefusedByName() throws Exception {
        ClientTool.Outcome outcome = ClientTool.run("nbdinfo", uri(Transport.TCP, "nothing"));
        assertThat(outcome.exitCode()).isNotZero();
        assertThat(outcome.output()).contains("No such file or directory for export: nothing");
    }

    @Test
    void anUntouchedVolumeIsOneHole() throws Exception {
        String map =
                ClientTool.run("nbdinfo", "--map", uri(Transport.UNIX, "frozen"))
                        .succeeded()
                        .output();
        // A block status answers for less than 4 GiB; nbdinfo joins them.
        assertThat(map.strip().split("\\s+"))
                .containsExactly("0", String.valueOf(1L << 40), "3", "hole,zero");
    }

    @ParameterizedTest
    @EnumSource
    void nbdcopyRoundTripIsIdenticalAndSparse(Transport transport) throws Exception {
        Path image = image();
        Path back = folder.resolve("back.raw");
        String uri = uri(transport, "disk");
        ClientTool.run("nbdcopy", image.toString(), uri).succeeded();
        ClientTool.run("nbdcopy", uri, back.toString()).succeeded();
        assertThat(Files.mismatch(image, back)).isEqualTo(-1);
        assertThat(volume.allocatedBlocks()).isLessThan(400);
        List<String> map =
                ClientTool.run("nbdinfo", "--map", uri).succeeded().output().lines().toList();
        assertThat(map).hasSize(9);
        assertThat(map.get(0)).endsWith("data");
        assertThat(map.get(1)).endsWith("hole,zero");
    }

    @ParameterizedTest
    @ValueSource(strings = {"4096", "33554432"})
    void nbdcopyOverManyConnectionsWithRequestsOfEverySize(String requestBytes) throws Exception {
        Path image = image();
        Path back = folder.resolve("back.raw");
        List<String> copy =
                List.of(
                        "nbdcopy",
                        "--connections=16",
                        "--threads=4",
                        "--requests=32",
                        "--request-size=" + requestBytes);
        String uri = uri(Transport.UNIX, "disk");
        ClientTool.run(with(copy, image.toString(), uri)).succeeded();
        ClientTool.run(with(copy, uri, back.toString())).succeeded();
        assertThat(Files.mismatch(image, back)).isEqualTo(-1);
    }

    private static List<String> with(List<String> command, String from, String to) {
        List<String> all = new ArrayList<>(command);
        all.add(from);
        all.add(to);
        return all;
    }

    @Test
    void qemuImgConvertsAndCompares() throws Exception {
        Path image = image();
        String uri = uri(Transport.UNIX, "disk");
        ClientTool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image.toString(), uri)
                .succeeded();
        String compared =
                ClientTool.run(
                                "qemu-img",
                                "compare",
                                "-f",
                                "raw",
                                "-F",
                                "raw",
                                image.toString(),
                                uri)
                        .succeeded()
                        .output();
        assertThat(compared).contains("Images are identical.");
        assertThat(volume.allocatedBlocks()).isLessThan(400);
    }

    @Test
    void qemuIoPatternsAtUnalignedPlacesReadBack() throws Exception {
        ClientTool.run(
                        "qemu-io",
                        "-f",
                        "raw",
                        "-c",
                        "write -P 0x41 1000 9000",
                        "-c",
                        "write -P 0x42 9999 2",
                        "-c",
                        "write -z 4096 100",
                        "-c",
                        "discard 0 512",
                        "-c",
                        "flush",
                        "-c",
                        "read -P 0x41 1000 3096",
                        "-c",
                        "read -P 0x00 4096 100",
                        "-c",
                        "read -P 0x41 4196 5803",
                        "-c",
                        "read -P 0x42 9999 2",
                        "-c",
                        "read -P 0x00 10001 50000",
                        uri(Transport.TCP, "disk"))
                .succeeded();
        String readOnly =
                ClientTool.run(
                                "qemu-io",
                                "-r",
                                "-f",
                                "raw",
                                "-c",
                                "read -P 0 1099511627264 512",
                                uri(Transport.TCP, "frozen"))
                        .succeeded()
                        .output();
        assertThat(readOnly).contains("read 512/512 bytes");
    }

    /** Each block is written once: fio cannot verify what it overwrites out of order itself. */
    @ParameterizedTest
    @EnumSource
    void fioVerifiesMixedRandomWrites(Transport transport) throws Exception {
        String shown =
                ClientTool.run(
                                "fio",
                                "--name=verify",
                                "--ioengine=nbd",
                                "--uri=" + uri(transport, "disk"),
                                "--rw=randrw",
                                "--bsrange=4k-512k",
                                "--bs_unaligned",
                                "--iodepth=32",
                                "--size=32m",
                                "--verify=crc32c",
                                "--verify_fatal=1",
                                "--randseed=11",
                                "--verify_state_save=0")
                        .succeeded()
                        .output();
        assertThat(shown).contains("err= 0");
    }
}
