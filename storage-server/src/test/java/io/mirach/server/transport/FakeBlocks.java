package io.mirach.server.transport;

import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.data.BlockStatusReply;
import io.mirach.protocol.data.BlockStatusRequest;
import io.mirach.protocol.data.ReadReply;
import io.mirach.protocol.data.ReadRequest;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.ZeroRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What placement groups replicate, in memory and shared by all fake nodes: blocks, admission, the
 * head layer, and the windows that make each write take effect once.
 */
final class FakeBlocks {
    private record WindowKey(Epoch epoch, int slot) {}

    private static final class Window {
        long lowest = 1;
        final Set<Long> applied = new HashSet<>();
    }

    private boolean lastReadWasStrict;
    private final TreeMap<Long, byte[]> blocks = new TreeMap<>();
    private final Map<WindowKey, Window> windows = new HashMap<>();
    private final Set<Epoch> admitted = new HashSet<>();
    private LayerId head = new LayerId(1);
    private int effects;
    private int duplicates;
    private long widestWindow;

    synchronized void admitOnly(Epoch epoch) {
        admitted.clear();
        admitted.add(epoch);
    }

    synchronized void seal(LayerId newHead) {
        head = newHead;
    }

    /** Writes and zeroings that took effect. */
    synchronized int effects() {
        return effects;
    }

    /** Those that came again after they had. */
    synchronized int duplicates() {
        return duplicates;
    }

    synchronized long widestWindow() {
        return widestWindow;
    }

    synchronized int blockCount() {
        return blocks.size();
    }

    synchronized void write(WriteRequest request) {
        int[] crcs = Checksum.perBlock(request.offsetBytes(), request.data());
        if (!java.util.Arrays.equals(crcs, request.crcs())) {
            throw new MirachException(ErrorCode.CHECKSUM_MISMATCH, "a write was damaged");
        }
        if (!first(request.identity())) {
            return;
        }
        ByteBuf data = request.data();
        for (int i = 0; i < data.readableBytes(); ) {
            long at = request.offsetBytes() + i;
            int inBlock = (int) (at & (Block.BYTES - 1));
            int count = Math.min(Block.BYTES - inBlock, data.readableBytes() - i);
            byte[] block =
                    blocks.computeIfAbsent(Block.indexOf(at), index -> new byte[Block.BYTES]);
            data.getBytes(data.readerIndex() + i, block, inBlock, count);
            i += count;
            if (!request.keepZeroes() && isZero(block)) {
                blocks.remove(Block.indexOf(at));
            }
        }
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    synchronized void zero(ZeroRequest request) {
        if (!first(request.identity())) {
            return;
        }
        long end = request.offsetBytes() + request.lengthBytes();
        for (long at = request.offsetBytes(); at < end; ) {
            int inBlock = (int) (at & (Block.BYTES - 1));
            int count = (int) Math.min(Block.BYTES - inBlock, end - at);
            byte[] block = blocks.get(Block.indexOf(at));
            if (block != null) {
                java.util.Arrays.fill(block, inBlock, inBlock + count, (byte) 0);
                if (isZero(block)) {
                    blocks.remove(Block.indexOf(at));
                }
            }
            at += count;
        }
    }

    private boolean first(WriteIdentity identity) {
        check(identity.epoch(), identity.head());
        Window window =
                windows.computeIfAbsent(
                        new WindowKey(identity.epoch(), identity.slot().index()),
                        key -> new Window());
        if (identity.sequence() < window.lowest) {
            throw new MirachException(ErrorCode.STALE_SEQUENCE, "below the window");
        }
        window.lowest = Math.max(window.lowest, identity.lowestUnacknowledged());
        window.applied.removeIf(sequence -> sequence < window.lowest);
        widestWindow = Math.max(widestWindow, identity.sequence() - window.lowest + 1);
        if (!window.applied.add(identity.sequence())) {
            duplicates++;
            return false;
        }
        effects++;
        return true;
    }

    private void check(Epoch epoch, LayerId layer) {
        if (!admitted.contains(epoch)) {
            throw new MirachException(ErrorCode.FENCED, epoch + " is not admitted");
        }
        if (!layer.equals(head)) {
            throw new MirachException(ErrorCode.STALE_LAYER, layer + " is sealed");
        }
    }

    synchronized boolean lastReadWasStrict() {
        return lastReadWasStrict;
    }

    synchronized ReadReply read(ReadRequest request) {
        lastReadWasStrict = request.strict();
        check(request.epoch().orElseThrow(), request.layer());
        long[] present = new long[(request.blockCount() + 63) / 64];
        List<Integer> crcs = new ArrayList<>();
        ByteBuf data = Unpooled.buffer();
        for (int i = 0; i < request.blockCount(); i++) {
            byte[] block = blocks.get(request.firstBlock() + i);
            if (block != null) {
                present[i / 64] |= 1L << i;
                crcs.add(Checksum.of(Unpooled.wrappedBuffer(block), 0, Block.BYTES));
                data.writeBytes(block);
            }
        }
        return new ReadReply(
                request.blockCount(),
                present,
                crcs.stream().mapToInt(Integer::intValue).toArray(),
                data);
    }

    /** Only what lies in the extents of the asked placement group. */
    synchronized BlockStatusReply status(BlockStatusRequest request, Volume volume) {
        check(request.epoch().orElseThrow(), request.layer());
        PlacementGroupId group = request.placementGroup();
        long blocksPerExtent = volume.extentBytes() / Block.BYTES;
        List<BlockRange> runs = new ArrayList<>();
        BlockRange range = request.range();
        for (long block :
                blocks.subMap(range.firstBlock(), true, range.endBlock(), false).keySet()) {
            if (!volume.placementGroupOfExtent(block / blocksPerExtent).equals(group)) {
                continue;
            }
            BlockRange last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
            if (last != null && last.endBlock() == block) {
                runs.set(runs.size() - 1, new BlockRange(last.firstBlock(), last.blockCount() + 1));
            } else if (runs.size() == request.maxRuns()) {
                return new BlockStatusReply(block, runs);
            } else {
                runs.add(new BlockRange(block, 1));
            }
        }
        return new BlockStatusReply(range.endBlock(), runs);
    }
}
