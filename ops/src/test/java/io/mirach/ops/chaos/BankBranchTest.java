package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Block;
import io.mirach.ops.chaos.BlockDevice.DeviceGoneException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The bank on a disk that caches writes, and that goes away at any call. */
class BankBranchTest {
    private static final int CRASHES = 300;
    private static final int CALLS_BETWEEN = 60;

    private final History history = new History(System::nanoTime);

    /** What keeps its promises, or does not. */
    private enum Disk {
        HONEST,
        /** FUA is taken for an ordinary write. */
        NO_FUA,
        NO_FLUSH,
        /** Now and then a durable write of the journal is none. */
        FORGETFUL
    }

    private static final class CachingDisk implements BlockDevice {
        private final Disk kind;
        private final Random random;
        private final Map<Long, byte[]> stable = new HashMap<>();
        private final Map<Long, List<byte[]>> cached = new HashMap<>();
        private int callsLeft = Integer.MAX_VALUE;

        CachingDisk(Disk kind, long seed) {
            this.kind = kind;
            this.random = new Random(seed);
        }

        void goAwayWithin(int calls) {
            callsLeft = random.nextInt(calls);
        }

        private void call() {
            if (callsLeft-- == 0) {
                crash();
                throw new DeviceGoneException("gone", null);
            }
        }

        /** Of each block some of the cached writes, or none, is what is there afterwards. */
        private void crash() {
            cached.forEach(
                    (block, writes) -> {
                        int kept = random.nextInt(writes.size() + 1);
                        if (kept > 0) {
                            stable.put(block, writes.get(kept - 1));
                        }
                    });
            cached.clear();
            callsLeft = Integer.MAX_VALUE;
        }

        @Override
        public byte[] read(long block) {
            call();
            List<byte[]> writes = cached.get(block);
            return writes != null
                    ? writes.get(writes.size() - 1)
                    : stable.getOrDefault(block, new byte[Block.BYTES]);
        }

        @Override
        public void write(long block, byte[] content, boolean durable) {
            // The call that fails may have taken effect, or not.
            cached.computeIfAbsent(block, key -> new ArrayList<>()).add(content);
            call();
            boolean forgets = kind == Disk.FORGETFUL && random.nextInt(20) == 0;
            if (durable && kind != Disk.NO_FUA && !forgets) {
                cached.remove(block);
                stable.put(block, content);
            }
        }

        @Override
        public void flush() {
            call();
            if (kind != Disk.NO_FLUSH) {
                cached.forEach((block, all) -> stable.put(block, all.get(all.size() - 1)));
                cached.clear();
            }
        }
    }

    @Test
    void nothingIsLostOnADiskThatKeepsItsPromises() throws Exception {
        workUntilItGoesAway(Disk.HONEST);
        assertThat(history.violations()).isEmpty();
        assertThat(history.acknowledgedWrites()).isGreaterThan(CRASHES);
    }

    @Test
    void aDiskThatTakesFuaForAnOrdinaryWriteIsFound() {
        assertThatThrownBy(() -> workUntilItGoesAway(Disk.NO_FUA))
                .isInstanceOf(PromiseBrokenException.class);
        assertThat(history.violations()).isNotEmpty();
    }

    @Test
    void aDiskThatDoesNotFlushIsFound() {
        assertThatThrownBy(() -> workUntilItGoesAway(Disk.NO_FLUSH))
                .isInstanceOf(PromiseBrokenException.class);
    }

    @Test
    void aDiskThatSometimesForgetsIsFound() {
        assertThatThrownBy(() -> workUntilItGoesAway(Disk.FORGETFUL))
                .isInstanceOf(PromiseBrokenException.class);
    }

    @Test
    void anAccountThatChangedByItselfIsFound() throws Exception {
        CachingDisk disk = new CachingDisk(Disk.HONEST, 1);
        BankBranch branch = new BankBranch(1, 0, history, new Random(1));
        branch.open(disk);
        disk.write(3, new BankBlock.Account(3, 999, 0).encode(), true);
        assertThatThrownBy(() -> branch.recover(disk)).hasMessageContaining("sum up to");
    }

    @Test
    void moneyThatMovedByItselfIsFound() throws Exception {
        CachingDisk disk = new CachingDisk(Disk.HONEST, 1);
        BankBranch branch = new BankBranch(1, 0, history, new Random(1));
        branch.open(disk);
        disk.write(3, new BankBlock.Account(3, 999, 0).encode(), true);
        disk.write(4, new BankBlock.Account(4, 1_001, 0).encode(), true);
        assertThatThrownBy(() -> branch.recover(disk)).hasMessageContaining("are [1000");
    }

    @Test
    void aTornOrMisplacedBlockIsFound() throws Exception {
        CachingDisk disk = new CachingDisk(Disk.HONEST, 1);
        BankBranch branch = new BankBranch(1, 0, history, new Random(1));
        branch.open(disk);
        byte[] torn = disk.read(3).clone();
        torn[2_000] ^= 1;
        disk.write(3, torn, true);
        assertThatThrownBy(() -> branch.recover(disk)).hasMessageContaining("torn");
        disk.write(3, disk.read(4), true);
        assertThatThrownBy(() -> branch.recover(disk)).hasMessageContaining("lies account 4");
    }

    private void workUntilItGoesAway(Disk kind) throws InterruptedException {
        CachingDisk disk = new CachingDisk(kind, 42);
        BankBranch branch = new BankBranch(1, 0, history, new Random(42));
        branch.open(disk);
        for (int crash = 0; crash < CRASHES; crash++) {
            disk.goAwayWithin(CALLS_BETWEEN);
            try {
                branch.recover(disk);
                while (true) {
                    branch.transfer(disk);
                }
            } catch (DeviceGoneException e) {
                // The next round recovers.
            }
        }
    }
}
