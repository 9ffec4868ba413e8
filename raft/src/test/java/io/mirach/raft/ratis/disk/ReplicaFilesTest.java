package io.mirach.raft.ratis.disk;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerProto;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicaFilesTest {
    private static final UUID GROUP = UUID.fromString("6b1f1c7e-0000-4000-8000-000000000001");
    private static final String VOTED_FOR = "0c0ffee0-0000-4000-8000-000000000002";
    private static final long APPLIED = 22;
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");

    @TempDir Path storageDir;
    private Path current;

    /** A replica with entries 0 to 24, of which 22 is applied and 15 durable. */
    @BeforeEach
    void replica() throws IOException {
        current = storageDir.resolve(GROUP.toString()).resolve("current");
        Files.createDirectories(current);
        WrittenLog.segment(current.resolve("log_0-9"), 0, 10, 1, 100, 1);
        WrittenLog.segment(current.resolve("log_10-19"), 10, 10, 3, 100, 2);
        WrittenLog.segment(current.resolve("log_inprogress_20"), 20, 5, 4, 100, 3);
        new RaftMeta(7, VOTED_FOR).write(current);
        MembersFile.write(current, configuration());
        AppliedMark.open(storageDir, GROUP).raise(APPLIED);
    }

    private static LogEntryProto configuration() {
        RaftPeerProto peer =
                RaftPeerProto.newBuilder()
                        .setId(ByteString.copyFromUtf8(VOTED_FOR))
                        .setAddress("host:1")
                        .build();
        return LogEntryProto.newBuilder()
                .setTerm(4)
                .setIndex(20)
                .setConfigurationEntry(RaftConfigurationProto.newBuilder().addPeers(peer))
                .build();
    }

    private Optional<String> lossAt(long durable) throws IOException {
        return lossAt(durable, -1);
    }

    private Optional<String> lossAt(long durable, long logBase) throws IOException {
        ReplicaFiles files = ReplicaFiles.open(storageDir);
        if (files.lost().isEmpty()) {
            boolean sound = files.isSound(GROUP, new Positions(durable, logBase), NOW);
            assertThat(files.lost().isEmpty()).isEqualTo(sound);
        }
        return Optional.ofNullable(files.lost().get(GROUP));
    }

    private Map<String, String> everything() throws IOException {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> files = Files.walk(storageDir)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = file.getFileName().toString();
                if (!name.equals(LostReplicas.REASON_FILE)) {
                    content.put(name, Arrays.toString(Files.readAllBytes(file)));
                }
            }
        }
        return content;
    }

    private void flip(Path file, int at) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[at] ^= 1;
        Files.write(file, bytes);
    }

    @Test
    void soundReplicaStaysAsItIs() throws Exception {
        Map<String, String> before = everything();
        assertThat(lossAt(15)).isEmpty();
        assertThat(everything()).isEqualTo(before);
    }

    @Test
    void damagedReplicaIsSetAsideWholeAndStaysLost() throws Exception {
        flip(current.resolve("log_10-19"), 500);
        Map<String, String> before = everything();
        assertThat(lossAt(15).orElseThrow()).contains("of log_10-19, is damaged");
        assertThat(everything()).isEqualTo(before);
        Path lost = storageDir.resolve("lost-" + GROUP + "-20260102T030405.678Z");
        assertThat(lost.resolve("reason.txt")).content().contains("log_10-19, is damaged");
        assertThat(storageDir.resolve(GROUP.toString())).doesNotExist();
        ReplicaFiles later = ReplicaFiles.open(storageDir);
        assertThat(later.found()).isEmpty();
        assertThat(later.lost()).containsOnlyKeys(GROUP);
        assertThat(everything()).isEqualTo(before);
    }

    // ---- A log that ends early ----

    @Test
    void logThatEndsBeforeWhatIsAppliedIsLost() throws Exception {
        Files.delete(current.resolve("log_inprogress_20"));
        assertThat(lossAt(15).orElseThrow()).contains("ends at entry 19, but entry 22 is applied");
    }

    @Test
    void withoutTheMarkTheStateTellsThatTheLogEndsEarly() throws Exception {
        Files.delete(current.resolve("log_inprogress_20"));
        AppliedMark.delete(storageDir, GROUP);
        assertThat(lossAt(21).orElseThrow()).contains("ends at entry 19, but entry 21 is applied");
    }

    @Test
    void damagedMarkExcusesNothingThatTheStateKnows() throws Exception {
        flip(storageDir.resolve("applied-" + GROUP), 7);
        assertThat(AppliedMark.read(storageDir, GROUP)).isEmpty();
        Files.delete(current.resolve("log_inprogress_20"));
        assertThat(lossAt(20)).isPresent();
    }

    @Test
    void tornEntryThatWasAppliedIsLostNotCut() throws Exception {
        Path open = current.resolve("log_inprogress_20");
        byte[] bytes = Files.readAllBytes(open);
        byte[] torn = bytes.clone();
        Arrays.fill(torn, bytes.length / 2, bytes.length, (byte) 0);
        Files.write(open, torn);
        assertThat(lossAt(15).orElseThrow()).contains("but entry 22 is applied");
    }

    @Test
    void tornEntryBehindWhatIsAppliedIsCut() throws Exception {
        Path open = current.resolve("log_inprogress_20");
        byte[] bytes = Files.readAllBytes(open);
        Arrays.fill(bytes, bytes.length - 20, bytes.length, (byte) 0);
        Files.write(open, bytes);
        assertThat(lossAt(15)).isEmpty();
        assertThat(WrittenLog.entriesReadByRatis(current)).isEqualTo(24);
    }

    @Test
    void logThatBeginsBehindTheStateIsLost() throws Exception {
        Files.delete(current.resolve("log_0-9"));
        assertThat(lossAt(8).orElseThrow()).contains("begins at entry 10, but its state ends at");
    }

    @Test
    void purgedLogIsSound() throws Exception {
        Files.delete(current.resolve("log_0-9"));
        assertThat(lossAt(9)).isEmpty();
    }

    @Test
    void importedStateNeedsNoOlderLog() throws Exception {
        assertThat(lossAt(1000, 1000)).isEmpty();
    }

    @Test
    void importedStateNeedsTheLogSince() throws Exception {
        assertThat(lossAt(1001, 1000).orElseThrow()).contains("but entry 1001 is applied");
    }

    // ---- Whole files ----

    @Test
    void missingFilesAreRestoredOrTheReplicaIsLost() throws Exception {
        List<Path> files;
        try (Stream<Path> all = Files.list(current)) {
            files = all.toList();
        }
        assertThat(files).hasSize(7);
        for (Path file : files) {
            byte[] content = Files.readAllBytes(file);
            Files.delete(file);
            Optional<String> loss = lossAt(9);
            if (file.getFileName().toString().startsWith("raft-meta")) {
                assertThat(loss).as("%s", file).isEmpty();
                assertThat(RaftMeta.read(current)).isEqualTo(new RaftMeta(7, VOTED_FOR));
                MembersFile.verify(current);
            } else if (file.endsWith("log_0-9")) {
                assertThat(loss).as("the state holds all of it").isEmpty();
            } else {
                assertThat(loss).as("%s", file).isPresent();
                Files.move(LostReplicas.of(storageDir, GROUP).get(0), current.getParent());
            }
            Files.write(file, content);
        }
    }

    @Test
    void logAndVoteThatVanishedAreMissed() throws Exception {
        RemovedGroups.delete(storageDir, current.getParent());
        assertThat(ReplicaFiles.open(storageDir).found()).containsExactly(GROUP);
        assertThat(lossAt(-1).orElseThrow()).contains("are gone");
    }

    @Test
    void emptiedReplicaIsMissed() throws Exception {
        RemovedGroups.delete(storageDir, current);
        Files.createDirectories(current);
        assertThat(lossAt(-1).orElseThrow()).contains("are gone");
    }

    // ---- Term and vote ----

    @Test
    void noFlippedBitOfTheVoteTakesBackAPromise() throws Exception {
        for (String name : List.of("raft-meta", "raft-meta.copy")) {
            Path file = current.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            for (int bit = 0; bit < whole.length * 8; bit++) {
                byte[] damaged = whole.clone();
                damaged[bit / 8] ^= (byte) (1 << bit % 8);
                Files.write(file, damaged);
                RaftMeta read = RaftMeta.read(current);
                assertThat(read.term()).as("bit %d of %s", bit, name).isGreaterThanOrEqualTo(7);
                if (read.term() == 7) {
                    assertThat(read.votedFor()).as("bit %d", bit).isEqualTo(VOTED_FOR);
                }
            }
            Files.write(file, whole);
        }
    }

    @Test
    void voteThatCannotBeReadAtAllLosesTheReplica() throws Exception {
        flip(current.resolve("raft-meta"), 0);
        Files.delete(current.resolve("raft-meta.copy"));
        assertThat(lossAt(15).orElseThrow()).contains("raft-meta is missing or cannot be read");
    }

    @Test
    void termIsRaisedToTheLastEntrys() throws Exception {
        Files.write(
                current.resolve("raft-meta"),
                "term=2\nvotedFor=\n".getBytes(StandardCharsets.US_ASCII));
        Files.delete(current.resolve("raft-meta.copy"));
        assertThat(lossAt(15)).isEmpty();
        assertThat(RaftMeta.read(current)).isEqualTo(new RaftMeta(4, ""));
    }

    @Test
    void damagedMembersAreRestoredFromTheCopy() throws Exception {
        Path file = current.resolve("raft-meta.conf");
        byte[] whole = Files.readAllBytes(file);
        for (int at = 0; at < whole.length; at++) {
            flip(file, at);
            assertThat(lossAt(15)).as("byte %d", at).isEmpty();
            LogEntryProto read = LogEntryProto.parseFrom(Files.readAllBytes(file));
            assertThat(read.getConfigurationEntry())
                    .as("byte %d", at)
                    .isEqualTo(configuration().getConfigurationEntry());
            MembersFile.write(current, configuration());
        }
    }

    // ---- What kills leave ----

    @Test
    void creationThatWasCutOffBeginsAnew() throws Exception {
        ReplicaFiles.open(storageDir).remove(GROUP);
        assertThat(lossAt(-1)).isEmpty();
        Files.createDirectories(current);
        assertThat(lossAt(-1)).isEmpty();
        new RaftMeta(0, "").write(current);
        assertThat(lossAt(-1)).isEmpty();
        Files.write(current.resolve("raft-meta.conf.draft"), new byte[3]);
        assertThat(lossAt(-1)).isEmpty();
        MembersFile.write(current, configuration());
        assertThat(lossAt(-1)).isEmpty();
        AppliedMark.open(storageDir, GROUP);
        assertThat(lossAt(-1)).isEmpty();
    }

    @Test
    void removalThatWasCutOffIsNoLoss() throws Exception {
        AppliedMark.delete(storageDir, GROUP);
        assertThat(lossAt(15)).isEmpty();
        AppliedMark.delete(storageDir, GROUP);
        Files.move(current.getParent(), storageDir.resolve("removed-" + GROUP + "-and-something"));
        ReplicaFiles files = ReplicaFiles.open(storageDir);
        assertThat(files.found()).isEmpty();
        assertThat(files.lost()).isEmpty();
        assertThat(storageDir).isEmptyDirectory();
    }

    @Test
    void removalTakesWhatWasSetAsideToo() throws Exception {
        flip(current.resolve("log_0-9"), 100);
        assertThat(lossAt(15)).isPresent();
        ReplicaFiles files = ReplicaFiles.open(storageDir);
        files.remove(GROUP);
        assertThat(files.lost()).isEmpty();
        assertThat(storageDir).isEmptyDirectory();
    }

    // ---- Made anew ----

    private void makeAnew(long logBase) throws IOException {
        ReplicaFiles.open(storageDir).create(GROUP, configuration(), 9, new Rebirth(30, logBase));
    }

    private void loseIt() throws IOException {
        flip(current.resolve("log_0-9"), 100);
        assertThat(lossAt(APPLIED)).isPresent();
    }

    @Test
    void replicaMadeAnewBesideItsStateIsSoundWithoutALog() throws Exception {
        loseIt();
        makeAnew(APPLIED);
        assertThat(lossAt(APPLIED)).isEmpty();
        assertThat(RaftMeta.read(current)).isEqualTo(new RaftMeta(9, ""));
        assertThat(Rebirth.read(current)).contains(new Rebirth(30, APPLIED));
        assertThat(LostReplicas.of(storageDir, GROUP))
                .singleElement()
                .asString()
                .contains("replaced-" + GROUP);
    }

    @Test
    void replicaMadeAnewIsLostLikeAnyOther() throws Exception {
        loseIt();
        makeAnew(APPLIED);
        AppliedMark.open(storageDir, GROUP).raise(APPLIED + 1);
        assertThat(lossAt(APPLIED).orElseThrow()).contains("ends at entry -1, but entry 23");
    }

    @Test
    void lossThatWasMadeGoodIsNoneThoughTheProcessDiedBeforeItSaidSo() throws Exception {
        loseIt();
        Path lost = LostReplicas.of(storageDir, GROUP).get(0);
        makeAnew(APPLIED);
        Files.move(LostReplicas.of(storageDir, GROUP).get(0), lost);
        assertThat(lossAt(APPLIED)).isEmpty();
        assertThat(lost).doesNotExist();
    }

    @Test
    void halfMadeReplicaIsSweptAwayAndTheGroupStaysLost() throws Exception {
        loseIt();
        Path half = storageDir.resolve("new-" + GROUP).resolve("current");
        Files.createDirectories(half);
        new RaftMeta(9, "").write(half);
        assertThat(lossAt(APPLIED)).isPresent();
        assertThat(half).doesNotExist();
    }

    @Test
    void replicaThatDoesNotKnowFromWhenOnItVotesIsLost() throws Exception {
        loseIt();
        makeAnew(APPLIED);
        flip(current.resolve("rebirth.copy"), 5);
        assertThat(lossAt(APPLIED).orElseThrow()).contains("rebirth cannot be read");
    }

    /** A state machine that is asked for nothing else. */
    private record Positions(long durable, long base) implements ReplicatedStateMachine<Void> {
        @Override
        public LogPosition durablePosition() {
            return new LogPosition(1, durable);
        }

        @Override
        public LogPosition logBase() {
            return new LogPosition(1, base);
        }

        @Override
        public LogPosition appliedPosition() {
            return durablePosition();
        }

        @Override
        public List<Void> apply(LogPosition position, List<ByteBuf> commands) {
            throw new AssertionError();
        }

        @Override
        public void skip(LogPosition position) {
            throw new AssertionError();
        }

        @Override
        public LogPosition checkpoint() {
            throw new AssertionError();
        }

        @Override
        public long bytesSinceCheckpoint() {
            return 0;
        }

        @Override
        public void close() {}
    }
}
