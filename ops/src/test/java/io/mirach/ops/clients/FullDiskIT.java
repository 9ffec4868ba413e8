package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mirach.ops.chaos.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each node has a disk of 512 MiB, and QEMU's NBD client writes until it hears ENOSPC: first with
 * the disk of one follower full, then with all of them. Nodes live on, what was acknowledged is
 * there, and once there is room again writes go on by themselves.
 */
class FullDiskIT {
    private static final int DISK_MIB = 512;
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Pattern WROTE =
            Pattern.compile("(?m)^wrote 1048576/1048576 bytes at offset ([0-9]+)$");
    private static final String NO_SPACE = "No space left on device";
    // More than the disks hold.
    private static final int VOLUME_MIB = 2 * DISK_MIB;

    @TempDir Path work;

    /** By MiB of the volume: the byte that it is full of, as acknowledged. */
    private final Map<Integer, Integer> acknowledged = new TreeMap<>();

    private final List<SmallDisk> disks = new ArrayList<>();
    private DevCluster cluster;
    private int round;

    @BeforeEach
    void startOnSmallDisks() throws IOException {
        RealClient.require("qemu-io", "mkfs.ext4", "mount", "umount", "fallocate");
        RealClient.requireRoot();
        cluster = DevCluster.unstarted();
        for (int node = 1; node <= 3; node++) {
            SmallDisk disk = SmallDisk.mount(work, "disk-" + node, DISK_MIB);
            disks.add(disk);
            Files.createSymbolicLink(cluster.dir().resolve("node-" + node), disk.mountPoint());
        }
        cluster.startAll();
        cluster.mirach("volume", "create", "full", "--size", VOLUME_MIB + "MiB");
    }

    @AfterEach
    void stop() {
        try {
            if (cluster != null) {
                cluster.close();
            }
        } finally {
            disks.forEach(SmallDisk::close);
        }
    }

    @Test
    void writesAreRefusedInTimeAndGoOnOnceThereIsRoom() throws Exception {
        List<Long> pids = pids();
        SmallDisk follower = disks.get(follower() - 1);
        fill(follower, 60);
        writeUntilRefused();
        await().atMost(SOON).until(() -> fullNodes() == 1);
        follower.unload();
        awaitWritable();
        requireAcknowledged();

        writeUntilRefused();
        await().atMost(SOON).until(() -> fullNodes() > 0);
        cluster.mirach("volume", "create", "more", "--size", "16MiB");
        requireAcknowledged();
        discardEvery(2);
        awaitWritable();
        requireAcknowledged();
        assertThat(pids()).as("all live on").isEqualTo(pids);

        writeUntilRefused();
        cluster.killNode(1);
        cluster.startNode(1);
        requireAcknowledged();
        discardEvery(1);
        awaitWritable();
        requireAcknowledged();
    }

    @Test
    void guestIsPausedWhileADiskIsFullAndMissesNothing() throws Exception {
        GuestImage image = GuestImage.pack(work);
        cluster.mirach("volume", "create", "guest", "--size", "64MiB");
        String disk = "server.type=unix,server.path=" + cluster.dir().resolve("nbd.sock");
        try (QemuGuest guest = new QemuGuest(work, "g", image, "churn", disk + ",export=guest")) {
            guest.awaitRoundAfter(5);
            SmallDisk follower = disks.get(follower() - 1);
            fill(follower, -26);
            guest.awaitStatus("io-error");
            assertThat(guest.events("BLOCK_IO_ERROR"))
                    .isNotEmpty()
                    .allSatisfy(e -> assertThat(e.at("/data/nospace").asBoolean()).isTrue());
            follower.unload();
            awaitWritable();
            long before = guest.lastRound();
            guest.control("cont", Map.of());
            guest.awaitRoundAfter(before + 5);
            guest.say("stop");
            assertThat(guest.awaitEnd(QemuGuest.ALL_HOLDS).group()).isNotEmpty();
        }
    }

    /** Takes so much of the disk that writes are refused after some more MiB. */
    private static void fill(SmallDisk disk, int leftMib) {
        disk.load(disk.usableMebibytes() - DISK_MIB / 2 - leftMib);
    }

    /** Writes MiB after MiB, many at once, until one is refused. */
    private void writeUntilRefused() {
        round++;
        List<String> commands = new ArrayList<>();
        for (int mib = 0; mib < VOLUME_MIB; mib++) {
            if (!acknowledged.containsKey(mib)) {
                commands.add("aio_write -P " + pattern(mib) + " " + mib + "M 1M");
            }
        }
        commands.add("aio_flush");
        String output = qemuIo(commands);
        assertThat(output).contains(NO_SPACE).doesNotContain("Input/output error");
        WROTE.matcher(output)
                .results()
                .mapToInt(wrote -> (int) (Long.parseLong(wrote.group(1)) >> 20))
                .forEach(mib -> acknowledged.put(mib, pattern(mib)));
        System.out.println(acknowledged.size() + " MiB are acknowledged in round " + round);
    }

    private int pattern(int mib) {
        return (mib * 7 + round) % 255 + 1;
    }

    /** The next write of the client is taken. */
    private void awaitWritable() {
        int last = VOLUME_MIB - 1;
        await().atMost(SOON)
                .until(() -> !qemuIo(List.of("write -P 255 " + last + "M 4k")).contains(NO_SPACE));
        acknowledged.remove(last);
    }

    /** Discards each {@code step}th MiB, but not the last that was written. */
    private void discardEvery(int step) {
        List<String> commands = new ArrayList<>();
        int end = acknowledged.size() - 1;
        for (int mib = 0; mib < end; mib += step) {
            commands.add("discard " + mib + "M 1M");
            acknowledged.remove(mib);
        }
        assertThat(
                        qemuIo(commands)
                                .lines()
                                .filter(line -> line.startsWith("discard 1048576/1048576 bytes")))
                .hasSize(commands.size());
    }

    private void requireAcknowledged() {
        List<String> commands = new ArrayList<>();
        acknowledged.forEach(
                (mib, pattern) -> commands.add("read -P " + pattern + " " + mib + "M 1M"));
        assertThat(commands).isNotEmpty();
        String output = qemuIo(commands);
        assertThat(output.lines().filter(line -> line.startsWith("read 1048576/1048576 bytes")))
                .hasSize(commands.size());
        assertThat(output).doesNotContain("Pattern verification failed", "failed");
    }

    private String qemuIo(List<String> commands) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw", "-d", "unmap"));
        for (String command : commands) {
            words.add("-c");
            words.add(command);
        }
        words.add(cluster.uri("full"));
        return Command.of(words).start().end(SOON).output();
    }

    private long fullNodes() {
        return cluster.mirach("df").lines().filter(l -> l.contains("FULL: writes stopped")).count();
    }

    private List<Long> pids() {
        return cluster.processes().stream().map(ProcessHandle::pid).sorted().toList();
    }

    /** The number of a node that does not lead the placement group. */
    private int follower() throws IOException {
        JsonNode groups = new ObjectMapper().readTree(cluster.mirach("pg", "ls", "-o", "json"));
        for (JsonNode group : groups) {
            if (group.path("id").asInt() == 1) {
                return group.path("leader").asText().equals("node-2") ? 3 : 2;
            }
        }
        throw new AssertionError(groups);
    }
}
