package io.mirach.ops.chaos;

import io.mirach.cli.ExitCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A leader's disk answers EIO. The node must end by itself and say why; it is started again when
 * the disk is well.
 */
final class DiskError implements Fault {
    private static final Duration END_LIMIT = Duration.ofSeconds(40);

    private final String name;
    private final String what;
    private final String operations;
    private final String part;

    private DiskError(String name, String what, String operations, String part) {
        this.name = name;
        this.what = what;
        this.operations = operations;
        this.part = part;
    }

    static DiskError ofLogSync() {
        return new DiskError("log-sync-error", "fsync of the Raft log", "s", "raft");
    }

    static DiskError ofLogWrite() {
        return new DiskError("log-write-error", "write to the Raft log", "w", "raft");
    }

    static DiskError ofStore() {
        return new DiskError("store-error", "write to RocksDB's files", "ws", "store");
    }

    static DiskError ofStoreRead() {
        return new DiskError("store-read-error", "read of RocksDB's files", "r", "store");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return "each " + what + " of a leader fails with EIO, until it has ended; then it starts";
    }

    @Override
    public Set<Gear> gear() {
        return Set.of(Gear.DISK_ERRORS);
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode leader = scene.cluster().someLeader(scene.random());
        int linesBefore = logLines(leader).size();
        leader.breakDisk(operations, part);
        OptionalInt exitCode;
        try {
            exitCode = leader.awaitEnd(END_LIMIT);
        } finally {
            leader.healDisk();
        }
        if (exitCode.isEmpty()) {
            throw new ChaosException(
                    leader.name() + " runs on though each " + what + " fails; see " + leader.log());
        }
        requireGoodEnd(leader, exitCode.getAsInt(), linesBefore);
        scene.pause(0, 3_000);
        leader.start();
        scene.cluster().awaitAnswer(leader);
        return "failed each " + what + " of " + leader.name();
    }

    /** The right exit code, and one error that names the disk and the cause. */
    private static void requireGoodEnd(ClusterNode node, int exitCode, int linesBefore) {
        List<String> lines = logLines(node);
        List<String> errors =
                lines.subList(linesBefore, lines.size()).stream()
                        .filter(line -> line.startsWith("error: "))
                        .toList();
        if (exitCode != ExitCode.NODE_FAILED.number()
                || errors.size() != 1
                || !errors.get(0).contains("/" + node.name() + ": ")
                || !errors.get(0).contains("Input/output error")) {
            throw new ChaosException(
                    node.name() + " ended with " + exitCode + " and said " + errors);
        }
    }

    private static List<String> logLines(ClusterNode node) {
        try {
            return Files.readAllLines(node.log());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
