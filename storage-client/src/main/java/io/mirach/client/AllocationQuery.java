package io.mirach.client;

import io.mirach.client.VolumeIo.Allocation;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.BlockStatusReply;
import io.mirach.protocol.data.BlockStatusReplyCodec;
import io.mirach.protocol.data.BlockStatusRequest;
import io.mirach.protocol.data.BlockStatusRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/**
 * Asks each placement group that holds a part of a range once, for the whole range, and merges the
 * answers. Thread-safe.
 */
final class AllocationQuery {
    private final VolumeCalls calls;
    private final VolumeLife life;
    private final ByteBufAllocator allocator;

    AllocationQuery(VolumeCalls calls, ByteBufAllocator allocator) {
        this.calls = calls;
        this.life = calls.life();
        this.allocator = allocator;
    }

    CompletableFuture<Allocation> ask(BlockRange range, int maxRuns) {
        int runs = Math.min(maxRuns, BlockStatusReply.MAX_RUNS);
        Volume volume = life.volume();
        Set<PlacementGroupId> groups = groupsOf(volume, range);
        List<CompletableFuture<BlockStatusReply>> answers = new ArrayList<>(groups.size());
        for (PlacementGroupId group : groups) {
            answers.add(
                    calls.call(new PendingQuery(group, range, runs))
                            .thenApply(BlockStatusReplyCodec::decode));
        }
        return CompletableFuture.allOf(answers.toArray(new CompletableFuture<?>[0]))
                .thenCompose(
                        done -> {
                            if (!life.volume().slots().equals(volume.slots())) {
                                // A slot has moved meanwhile: its extents may be told by nobody.
                                return ask(range, maxRuns);
                            }
                            List<BlockStatusReply> replies =
                                    answers.stream()
                                            .map(CompletableFuture::join)
                                            .collect(Collectors.toList());
                            return CompletableFuture.completedFuture(merge(range, runs, replies));
                        });
    }

    private static Set<PlacementGroupId> groupsOf(Volume volume, BlockRange range) {
        long blocksPerExtent = volume.extentBytes() / Block.BYTES;
        long firstExtent = range.firstBlock() / blocksPerExtent;
        long lastExtent = (range.endBlock() - 1) / blocksPerExtent;
        long count = Math.min(Slot.COUNT, lastExtent - firstExtent + 1);
        Set<PlacementGroupId> groups = new TreeSet<>();
        for (long i = 0; i < count; i++) {
            groups.add(volume.placementGroupOfExtent(firstExtent + i));
        }
        return groups;
    }

    /**
     * The runs of all answers, joined where they touch, up to where every answer holds and no more
     * than {@code maxRuns} of them.
     */
    static Allocation merge(BlockRange range, int maxRuns, List<BlockStatusReply> replies) {
        long coveredEnd = range.endBlock();
        List<BlockRange> runs = new ArrayList<>();
        for (BlockStatusReply reply : replies) {
            coveredEnd = Math.min(coveredEnd, reply.coveredEndBlock());
            runs.addAll(reply.allocated());
        }
        runs.sort(Comparator.comparingLong(BlockRange::firstBlock));
        List<BlockRange> merged = new ArrayList<>();
        for (BlockRange run : runs) {
            long first = Math.max(run.firstBlock(), range.firstBlock());
            long end = Math.min(run.endBlock(), coveredEnd);
            if (first >= end) {
                continue;
            }
            int last = merged.size() - 1;
            if (last >= 0 && merged.get(last).endBlock() >= first) {
                long start = merged.get(last).firstBlock();
                long joinedEnd = Math.max(end, merged.get(last).endBlock());
                merged.set(last, new BlockRange(start, joinedEnd - start));
            } else if (merged.size() == maxRuns) {
                // What lies behind the last run is a hole up to here.
                coveredEnd = first;
                break;
            } else {
                merged.add(new BlockRange(first, end - first));
            }
        }
        return new Allocation(coveredEnd, merged);
    }

    private final class PendingQuery implements VolumeCalls.Request {
        private final PlacementGroupId group;
        private final BlockRange range;
        private final int maxRuns;

        PendingQuery(PlacementGroupId group, BlockRange range, int maxRuns) {
            this.group = group;
            this.range = range;
            this.maxRuns = maxRuns;
        }

        @Override
        public Opcode opcode() {
            return Opcode.BLOCK_STATUS;
        }

        @Override
        public PlacementGroupId placementGroup() {
            return group;
        }

        @Override
        public Optional<MirachException> abandoned() {
            return life.endedBy();
        }

        @Override
        public ByteBuf encode() {
            Volume volume = life.volume();
            return BlockStatusRequestCodec.encode(
                    new BlockStatusRequest(
                            group,
                            volume.id(),
                            life.epoch(),
                            life.layer(),
                            range,
                            maxRuns,
                            life.strictReads()),
                    allocator);
        }
    }
}
