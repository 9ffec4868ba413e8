package io.mirach.ops.chaos;

import io.mirach.client.transport.EventLoops;
import io.mirach.model.Block;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.ops.chaos.BlockDevice.DeviceGoneException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A bank whose branches keep their accounts in a volume that a gateway exports, each over an NBD
 * connection of its own, and move money by the protocol of {@link BankBranch}.
 */
final class BankWorkload implements Workload {
    private static final String VOLUME = "bank";
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    private static final int BRANCHES = 4;
    private static final int LIMIT_SECONDS = 180;
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

    Gateway gateway() {
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
        List<CompletableFuture<Void>> audits = tellers.stream().map(Teller::audit).toList();
        for (CompletableFuture<Void> audit : audits) {
            try {
                audit.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof PromiseBrokenException broken) {
                    throw broken;
                }
                throw new ChaosException("the bank failed: " + e.getCause(), e.getCause());
            } catch (TimeoutException e) {
                throw new ChaosException("waited " + LIMIT_SECONDS + " s in vain for an audit", e);
            }
        }
    }

    /** Works for a branch, on a thread of its own, and reconnects when the disk is gone. */
    private final class Teller {
        private final BankBranch branch;
        private final Thread thread;
        private final AtomicReference<Audit> ordered = new AtomicReference<>();
        // Why it does not go on; whoever asks later is told at once.
        private volatile Optional<Throwable> failure = Optional.empty();
        private volatile boolean closed;
        private boolean opened;

        Teller(BankBranch branch) {
            this.branch = branch;
            this.thread = new Thread(this::run, "chaos-" + branch);
            thread.setDaemon(true);
        }

        void start() {
            thread.start();
        }

        /** Complete after a recovery that began later, and a transfer. */
        CompletableFuture<Void> audit() {
            Audit audit = new Audit();
            ordered.set(audit);
            failure.ifPresent(audit.done()::completeExceptionally);
            return audit.done();
        }

        private void run() {
            try {
                while (!closed) {
                    try (NbdDisk disk = new NbdDisk(gateway.uri(VOLUME), loops)) {
                        work(disk);
                    } catch (DeviceGoneException e) {
                        cluster.clock().pause(CONNECT_PAUSE);
                    }
                }
            } catch (InterruptedException | RuntimeException e) {
                failure = Optional.of(e);
                Optional.ofNullable(ordered.get())
                        .ifPresent(audit -> audit.done().completeExceptionally(e));
            }
        }

        /** Until an audit is ordered: it is made over another connection. */
        private void work(BlockDevice disk) throws InterruptedException {
            Audit audit = ordered.get();
            if (!opened) {
                branch.open(disk);
                opened = true;
            }
            branch.recover(disk);
            do {
                branch.transfer(disk);
                if (audit != null) {
                    audit.done().complete(null);
                }
            } while (!closed && ordered.get() == audit);
        }
    }

    private record Audit(CompletableFuture<Void> done) {
        Audit() {
            this(new CompletableFuture<>());
        }
    }

    @Override
    public void close() {
        for (Teller teller : tellers) {
            teller.closed = true;
            teller.thread.interrupt();
        }
        loops.close();
    }
}
