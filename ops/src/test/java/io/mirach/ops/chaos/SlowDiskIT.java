package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.StatusView;
import io.mirach.cli.CliClock;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.model.Volume;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each fsync of a leader's Raft log takes 300 ms longer, while a client writes. */
class SlowDiskIT {
    private static final int LIMIT_SECONDS = 120;

    @TempDir Path folder;

    @Test
    void slowDiskLosesItsLeaderships() throws Exception {
        Path launcher = Path.of(System.getProperty("mirach.home"), "bin", "mirach");
        Equipment equipment = Equipment.build(launcher, folder, Set.of(Gear.DISK_ERRORS));
        assumeThat(equipment.lacks(Set.of(Gear.DISK_ERRORS))).isEmpty();
        try (Cluster cluster =
                        new Cluster(
                                new LoopbackNetwork(3, new Random(), "not needed"),
                                3,
                                1,
                                equipment,
                                CliClock.system());
                EventLoops loops = EventLoops.start("slow-disk", 1)) {
            cluster.start();
            cluster.createVolume("v", Volume.MIN_SIZE_BYTES, Volume.MIN_EXTENT_BYTES);
            try (MirachClient client =
                    MirachClients.connect(
                                    MirachClientConfig.of(
                                            cluster.endpoints(), "a", "here", "secret"),
                                    loops)
                            .get(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                slowDownTheLeader(
                        cluster,
                        client.attach("v", Attachment.Mode.READ_WRITE)
                                .get(LIMIT_SECONDS, TimeUnit.SECONDS));
            }
        }
    }

    private static void slowDownTheLeader(Cluster cluster, AttachedVolume volume) throws Exception {
        ClusterNode leader = cluster.awaitLeader(1);
        AtomicBoolean enough = new AtomicBoolean();
        CompletableFuture<Void> writes =
                CompletableFuture.runAsync(() -> writeUntil(enough, volume));
        leader.breakDisk("d300", "raft");
        try {
            await().atMost(Duration.ofSeconds(LIMIT_SECONDS))
                    .until(() -> cluster.awaitLeader(1) != leader);
            assertThat(cluster.admin().status().reasons())
                    .filteredOn(reason -> reason.code().equals("DISK_SLOW"))
                    .extracting(StatusView.Reason::detail)
                    .singleElement()
                    .asString()
                    .contains(leader.name());
        } finally {
            leader.healDisk();
            enough.set(true);
        }
        writes.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    private static void writeUntil(AtomicBoolean enough, AttachedVolume volume) {
        byte[] block = new byte[4096];
        while (!enough.get()) {
            volume.write(0, Unpooled.wrappedBuffer(block)).join();
        }
    }
}
