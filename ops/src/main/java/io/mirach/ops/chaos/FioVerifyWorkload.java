package io.mirach.ops.chaos;

import io.mirach.model.Volume;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * fio writes a volume through a gateway, over NBD, while faults strike, and reads it back
 * afterwards: each block has fio's own checksum, place and round. What it writes is not in the
 * history.
 */
final class FioVerifyWorkload implements Workload {
    private static final String VOLUME = "fio";
    private static final long VOLUME_BYTES = 16L << 20;
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    // So that a round takes some seconds, and most faults strike in the middle of one.
    private static final String WRITE_RATE = "3m";
    private static final int LIMIT_SECONDS = 180;
    private static final int SHOWN_LINES = 5;

    private final Cluster cluster;
    private final Gateway gateway;
    private final Path folder;
    private final Path output;
    private int round;
    private volatile Optional<Process> writing = Optional.empty();

    FioVerifyWorkload(Cluster cluster) {
        this.cluster = cluster;
        this.gateway = cluster.newGateway();
        this.folder = cluster.equipment().folder();
        this.output = folder.resolve("fio.log");
    }

    /** Why it cannot be done here; empty if it can. */
    static Optional<String> unavailable() {
        try {
            Shell.run("fio", "--enghelp=nbd");
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of("fio with its NBD engine is missing: " + e.getMessage());
        }
    }

    @Override
    public void start() throws InterruptedException {
        cluster.createVolume(VOLUME, VOLUME_BYTES, EXTENT_BYTES);
        gateway.start();
        cluster.await("the gateway to answer", gateway::isListening);
        beginRound();
    }

    private void beginRound() {
        round++;
        writing = Optional.of(fio("--do_verify=0", "--rate=" + WRITE_RATE));
    }

    /** Has the round written to its end, reads it back, and begins the next. */
    @Override
    public void confirmAll() throws InterruptedException {
        gateway.requireAlive();
        awaitEnd(writing.orElseThrow(), "write");
        writing = Optional.of(fio("--verify_only=1"));
        awaitEnd(writing.orElseThrow(), "read back");
        beginRound();
    }

    private void awaitEnd(Process fio, String what) throws InterruptedException {
        if (!fio.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new ChaosException(
                    "fio did not %s round %d in %d s; see %s"
                            .formatted(what, round, LIMIT_SECONDS, output));
        }
        String said = read(output);
        List<String> wrong =
                said.lines()
                        .filter(line -> line.contains("got pattern") || line.contains("verify"))
                        .limit(SHOWN_LINES)
                        .toList();
        if (!wrong.isEmpty()) {
            throw new PromiseBrokenException(
                    new Violation("fio read something else than it wrote: " + wrong, List.of()));
        }
        if (fio.exitValue() != 0) {
            throw new ChaosException(
                    "fio could not %s round %d: %s".formatted(what, round, said.strip()));
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Process fio(String... further) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "fio",
                                "--name=chaos",
                                "--ioengine=nbd",
                                "--uri=" + gateway.uriText(VOLUME),
                                "--rw=randwrite",
                                "--bs=4k",
                                "--iodepth=16",
                                "--size=" + VOLUME_BYTES,
                                // A checksum alone would pass a block of an earlier round.
                                "--verify=pattern",
                                "--verify_pattern=0x%08x%%o".formatted(round),
                                "--verify_fatal=1",
                                "--verify_state_save=0",
                                "--randseed=" + round));
        command.addAll(List.of(further));
        try {
            return new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectInput(new File("/dev/null"))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
        } catch (IOException e) {
            throw new ChaosException("fio cannot be started: " + e.getMessage(), e);
        }
    }

    @Override
    public long maxDescriptors() {
        return Footprint.MAX_DESCRIPTORS_OF_VOLUMES;
    }

    @Override
    public void close() {
        writing.ifPresent(Process::destroyForcibly);
    }
}
