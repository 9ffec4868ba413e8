package io.mirach.ops.chaos;

import io.mirach.model.Volume;
import io.mirach.ops.chaos.BlockDevice.DeviceGoneException;
import io.mirach.ops.chaos.SqliteShell.SqliteException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * A guest with a file system and a database in it, whose machine crashes again and again, whatever
 * befalls the cluster meanwhile. As long as it runs, no request of it may fail.
 */
final class SqliteWorkload implements GatewayWorkload {
    private static final String VOLUME = "guest";
    private static final long VOLUME_BYTES = 32L << 20;
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    private static final Duration CONNECT_PAUSE = Duration.ofMillis(200);
    private static final int LONGEST_LIFE_MS = 5_000;

    private final Cluster cluster;
    private final Gateway gateway;
    private final MountedVolume disk;
    private final Guest guest;

    SqliteWorkload(Cluster cluster, History history, Random random) {
        this.cluster = cluster;
        this.gateway = cluster.newGateway();
        this.disk = cluster.newMount(gateway, VOLUME);
        this.guest = new Guest(history, new Random(random.nextLong()));
    }

    /** Why it cannot be done here; empty if it can. */
    static Optional<String> unavailable() {
        return SqliteShell.unavailable().or(MountedVolume::unavailable);
    }

    @Override
    public Gateway gateway() {
        return gateway;
    }

    @Override
    public void start() throws InterruptedException {
        cluster.createVolume(VOLUME, VOLUME_BYTES, EXTENT_BYTES);
        gateway.start();
        cluster.await("the gateway to answer", gateway::isListening);
        disk.format();
        guest.start();
        confirmAll();
    }

    @Override
    public void confirmAll() throws InterruptedException {
        gateway.requireAlive();
        RestartingProgram.confirmAll(List.of(guest));
    }

    private final class Guest extends RestartingProgram {
        private final SqliteBank bank;
        private final Random random;
        private boolean created;

        Guest(History history, Random random) {
            super("guest");
            this.bank = new SqliteBank(history, random);
            this.random = random;
        }

        @Override
        void live(Life life) throws InterruptedException {
            long endNanos =
                    cluster.clock().nanoTime()
                            + Duration.ofMillis(random.nextInt(LONGEST_LIFE_MS)).toNanos();
            try (SqliteShell shell = new SqliteShell(disk.mount().resolve("bank.db"))) {
                try {
                    run(shell, life, endNanos);
                } catch (SqliteException e) {
                    failed(e);
                } finally {
                    // First: else what is still in memory would be written.
                    disk.pull();
                }
            } catch (DeviceGoneException e) {
                // The gateway is away: the guest cannot be started.
                cluster.clock().pause(CONNECT_PAUSE);
            } finally {
                disk.end();
            }
        }

        private void run(SqliteShell shell, Life life, long endNanos) {
            if (created) {
                bank.check(shell);
            } else {
                bank.create(shell);
                created = true;
            }
            bank.configure(shell);
            do {
                bank.transfer(shell);
                life.confirmed();
            } while (life.goesOn() && cluster.clock().nanoTime() < endNanos);
        }

        private void failed(SqliteException e) {
            if (!disk.isConnected()) {
                throw new DeviceGoneException("the run was ended", e);
            }
            throw new PromiseBrokenException(
                    new Violation(
                            "a request of the guest failed, sqlite says: " + e.getMessage(),
                            List.of()));
        }
    }

    @Override
    public long maxDescriptors() {
        return Footprint.MAX_DESCRIPTORS_OF_VOLUMES;
    }

    @Override
    public void close() {
        // First: it may wait for the disk.
        disk.close();
        guest.close();
    }
}
