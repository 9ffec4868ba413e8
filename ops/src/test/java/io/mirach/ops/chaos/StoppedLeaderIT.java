package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.cli.CliClock;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGSTOP of a leader for longer than its lease, while another one takes writes. */
class StoppedLeaderIT {
    private static final long BLOCK = 7;
    private static final int READS = 100;
    private static final int LIMIT_SECONDS = 180;

    @TempDir Path folder;

    private final Random random = new Random(1);
    private final History history = new History(System::nanoTime);

    @Test
    void aLeaderThatWasStoppedPastItsLeaseAnswersNoReadFromThePast() throws Exception {
        Network network = new LoopbackNetwork(3, new Random(), "not needed");
        Path launcher = Path.of(System.getProperty("mirach.home"), "bin", "mirach");
        try (Cluster cluster =
                        new Cluster(
                                network,
                                3,
                                1,
                                Equipment.build(launcher, folder, Set.of()),
                                CliClock.system());
                EventLoops loops = EventLoops.start("stopped-leader", 1);
                Pace pace = new Pace("stopped-leader-pace")) {
            cluster.start();
            cluster.createVolume("registers", Volume.MIN_SIZE_BYTES, Volume.MIN_EXTENT_BYTES);
            try (Holder holder = attach(cluster, loops, pace)) {
                stopAndContinue(cluster, holder.direct());
            }
        }
        assertThat(history.violations()).isEmpty();
    }

    private Holder attach(Cluster cluster, EventLoops loops, Pace pace) throws Exception {
        MirachClient client =
                MirachClients.connect(
                                MirachClientConfig.of(cluster.endpoints(), "a", "here", "secret"),
                                loops)
                        .get(LIMIT_SECONDS, TimeUnit.SECONDS);
        return new Holder(
                "client",
                client,
                client.attach("registers", Attachment.Mode.READ_WRITE)
                        .get(LIMIT_SECONDS, TimeUnit.SECONDS),
                loops,
                history,
                pace,
                random);
    }

    private void stopAndContinue(Cluster cluster, DirectClient client) throws Exception {
        client.write(BLOCK).get(LIMIT_SECONDS, TimeUnit.SECONDS);
        ClusterNode leader = cluster.someLeader(random);
        String address = cluster.network().nativeAddress(leader.number());
        long old =
                client.readFrom(address, BLOCK).get(LIMIT_SECONDS, TimeUnit.SECONDS).orElseThrow();

        List<CompletableFuture<OptionalLong>> reads = new ArrayList<>();
        leader.pause();
        try {
            // Only another leader can acknowledge it, after the old one's lease.
            client.write(BLOCK).get(LIMIT_SECONDS, TimeUnit.SECONDS);
            for (int i = 0; i < READS; i++) {
                reads.add(client.readFrom(address, BLOCK));
            }
            assertThat(reads).noneMatch(CompletableFuture::isDone);
        } finally {
            leader.resume();
        }
        for (CompletableFuture<OptionalLong> read : reads) {
            requireRefusedOrNew(read, old);
        }
        assertThat(history.acknowledgedWrites()).isEqualTo(2);
    }

    /** It may lead again by then; what it must not do is to answer as it would have before. */
    private static void requireRefusedOrNew(CompletableFuture<OptionalLong> read, long old)
            throws Exception {
        try {
            assertThat(read.get(LIMIT_SECONDS, TimeUnit.SECONDS).orElseThrow()).isNotEqualTo(old);
        } catch (ExecutionException e) {
            assertThatThrownBy(
                            () -> {
                                throw e.getCause();
                            })
                    .isInstanceOfSatisfying(
                            MirachException.class,
                            refusal ->
                                    assertThat(refusal.code())
                                            .as("its own answer: %s", refusal)
                                            .isIn(ErrorCode.NOT_LEADER, ErrorCode.NOT_READY));
        }
    }
}
