package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.LayerId;
import io.mirach.protocol.ErrorCode;
import io.mirach.server.store.AllocatedRuns;
import io.mirach.server.store.BlocksRead;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreDump;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random writes, discards, seals, copies, crashes and replays against an array in memory. The seed
 * is the test's parameter; run one again with {@code -Dmirach.seed=N}.
 */
class ChunkStateMachineModelTest {
    private static final int OPERATIONS = 1200;

    @TempDir Path dir;

    static List<Long> seeds() {
        Long given = Long.getLong("mirach.seed");
        return given != null ? List.of(given) : List.of(1L, 2L, System.nanoTime());
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void replicaEqualsTheModelThroughCrashesAndReplays(long seed) {
        Random random = new Random(seed);
        RandomWriter writer = new RandomWriter(random);
        try (Replica replica = new Replica(dir, StoreConfigs.unflushed())) {
            openVolume(replica);
            int operations = 0;
            while (operations < OPERATIONS) {
                List<ByteBuf> batch = new ArrayList<>();
                for (int i = random.nextInt(12); i >= 0; i--) {
                    batch.add(writer.command());
                }
                operations += batch.size();
                for (ChunkReply reply : replica.apply(batch)) {
                    assertThat(reply.code()).isIn(ErrorCode.OK, ErrorCode.STALE_SEQUENCE);
                }
                int event = random.nextInt(40);
                if (event == 0) {
                    replica.machine.checkpoint();
                } else if (event == 1) {
                    replica.restart();
                } else if (event < 5) {
                    requireEqual(replica, writer.head, writer.model);
                }
            }
            requireEqual(replica, writer.head, writer.model);
            writer.sealed.forEach((layer, model) -> requireEqual(replica, layer, model));
            assertThat(replica.damage.blocks).isEmpty();
        } finally {
            writer.release();
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void sameCommandsGiveTheSameBytesWhateverTheEntriesAndRestarts(long seed) {
        RandomWriter writer = new RandomWriter(new Random(seed));
        List<ByteBuf> commands = new ArrayList<>();
        for (int i = 0; i < OPERATIONS / 2; i++) {
            commands.add(writer.command());
        }
        writer.release();

        Map<String, String> one = run(commands, dir.resolve("one"), new Random(seed), 1, false);
        Map<String, String> again = run(commands, dir.resolve("again"), new Random(seed), 1, true);
        Map<String, String> batched =
                run(commands, dir.resolve("many"), new Random(seed), 40, true);
        commands.forEach(ByteBuf::release);

        assertThat(again).isEqualTo(one);
        assertThat(withoutPositions(batched)).isEqualTo(withoutPositions(one));
        assertThat(one.size()).isGreaterThan(20);
    }

    private static Map<String, String> run(
            List<ByteBuf> commands, Path dir, Random random, int maxBatch, boolean restarts) {
        try (Replica replica = new Replica(dir, StoreConfigs.flushed())) {
            openVolume(replica);
            for (int i = 0; i < commands.size(); ) {
                int end = Math.min(commands.size(), i + 1 + random.nextInt(maxBatch));
                replica.apply(commands.subList(i, end).stream().map(ByteBuf::copy).toList());
                i = end;
                if (restarts && random.nextInt(60) == 0) {
                    replica.restart();
                }
            }
        }
        return StoreDump.of(dir, Replica.GROUP);
    }

    /** Without the applied position, and without the index in extent records. */
    private static Map<String, String> withoutPositions(Map<String, String> dump) {
        Map<String, String> result = new TreeMap<>(dump);
        result.remove("000000000000000001");
        result.replaceAll(
                (key, value) ->
                        key.startsWith("000000000000000007")
                                ? value.substring(0, 2) + value.substring(18)
                                : value);
        return result;
    }

    private static void openVolume(Replica replica) {
        replica.apply(
                Commands.open(Commands.VOLUME, Commands.HEAD),
                Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
    }

    private static void requireEqual(Replica replica, LayerId layer, RandomWriter.Model model) {
        List<LayerId> chain = new ArrayList<>();
        for (long id = layer.value(); id >= Commands.HEAD.value(); id--) {
            chain.add(new LayerId(id));
        }
        byte[] actual = new byte[model.bytes.length];
        BitSet allocated = new BitSet();
        int perExtent = Commands.BLOCKS_PER_EXTENT;
        for (int first = 0; first < actual.length / Block.BYTES; first += perExtent) {
            BlocksRead read =
                    replica.machine
                            .store()
                            .read(chain, perExtent, first, perExtent, ByteBufAllocator.DEFAULT);
            BitSet present = BitSet.valueOf(read.present());
            int next = read.data().readerIndex();
            for (int i = present.nextSetBit(0); i >= 0; i = present.nextSetBit(i + 1)) {
                allocated.set(first + i);
                read.data().getBytes(next, actual, (first + i) * Block.BYTES, Block.BYTES);
                next += Block.BYTES;
            }
            assertThat(next).isEqualTo(read.data().writerIndex());
            read.data().release();
        }
        assertThat(Arrays.mismatch(actual, model.bytes)).isEqualTo(-1);
        assertThat(allocated).isEqualTo(model.allocated);
        AllocatedRuns runs =
                replica.machine
                        .store()
                        .allocated(
                                chain,
                                perExtent,
                                new BlockRange(0, Commands.SIZE_BYTES / Block.BYTES),
                                1000);
        BitSet reported = new BitSet();
        runs.runs().forEach(run -> reported.set((int) run.firstBlock(), (int) run.endBlock()));
        assertThat(reported).isEqualTo(model.allocated);
    }
}
