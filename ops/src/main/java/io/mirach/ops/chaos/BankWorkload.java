package io.mirach.ops.chaos;

import io.mirach.client.transport.EventLoops;
import io.mirach.model.Block;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.ops.chaos.BlockDevice.DeviceGoneException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A bank whose branches keep their accounts in a volume that a gateway exports, each over an NBD
 * connection of its own, and move money by the protocol of {@link BankBranch}.
 */
final class BankWorkload implements GatewayWorkload {
    private static final String VOLUME = "bank";
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    private static final int BRANCHES = 4;
    private static final Duration CONNECT_PAUSE = Duration.ofMillis(200);

    private final Cluster cluster;
    private final Gateway gateway;
    private final EventLoops loops = EventLoops.start("chaos-bank", 1);
    private final List<Teller> tellers = new ArrayList<>();

    BankWorkload(Cluster cluster, History history, Random random) {
        this.cluster = cluster;
        this.gateway = cluster.newGateway();
        long volumeBlocks = (long) Slot.COUNT * EXTENT_BYTES / Block.BYTES;
        for (int branch = 1; branch <= BRANCHES; branch++) {
            // Apart from each other, so that they lie in several placement groups.
            long firstBlock = (branch - 1) * (volumeBlocks / BRANCHES);
            tellers.add(
                    new Teller(
                            new BankBranch(
                                    branch, firstBlock, history, new Random(random.nextLong()))));
        }
    }

    @Override
    public Gateway gateway() {
        return gateway;
    }

    @Override
    public void start() throws InterruptedException {
        cluster.createVolume(VOLUME, (long) Slot.COUNT * EXTENT_BYTES, EXTENT_BYTES);
        gateway.start();
        tellers.forEach(Teller::start);
        confirmAll();
    }

    @Override
    public void confirmAll() throws InterruptedException {
        gateway.requireAlive();
        RestartingProgram.confirmAll(tellers);
    }

    /** Works for a branch, and reconnects when the disk is gone. */
    private final class Teller extends RestartingProgram {
        private final BankBranch branch;
        private boolean opened;

        Teller(BankBranch branch) {
            super(branch.toString());
            this.branch = branch;
        }

        @Override
        void live(Life life) throws InterruptedException {
            try (NbdDisk disk = new NbdDisk(gateway.uri(VOLUME), loops)) {
                if (!opened) {
                    branch.open(disk);
                    opened = true;
                }
                branch.recover(disk);
                do {
                    branch.transfer(disk);
                    life.confirmed();
                } while (life.goesOn());
            } catch (DeviceGoneException e) {
                cluster.clock().pause(CONNECT_PAUSE);
            }
        }
    }

    @Override
    public void close() {
        tellers.forEach(Teller::close);
        loops.close();
    }
}
