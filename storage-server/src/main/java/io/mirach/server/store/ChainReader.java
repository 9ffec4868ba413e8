package io.mirach.server.store;

import io.mirach.model.Block;
import io.mirach.model.LayerId;
import io.mirach.protocol.Checksum;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.ByteBufferGetStatus;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/**
 * Reads runs of blocks through a chain of layers with one native call for all blocks. A chain of
 * one layer needs no extent records: what RocksDB does not find is a hole. With more layers the
 * extent records say which layer has each block, hundreds of layers costing bitmap probes, and
 * records and blocks are read under one snapshot. Thread-safe.
 */
final class ChainReader {
    private static final long HOLE = 0;

    private final ColumnFamily family;

    ChainReader(ColumnFamily family) {
        this.family = family;
    }

    BlocksRead read(
            List<LayerId> chain,
            int blocksPerExtent,
            long firstBlock,
            int blockCount,
            ByteBufAllocator allocator) {
        if (blockCount <= 0
                || firstBlock / blocksPerExtent
                        != (firstBlock + blockCount - 1) / blocksPerExtent) {
            throw new IllegalArgumentException(
                    "read of " + blockCount + " blocks at " + firstBlock + " leaves an extent");
        }
        if (chain.size() == 1) {
            long[] layers = new long[blockCount];
            Arrays.fill(layers, chain.get(0).value());
            return family.call(
                    "read",
                    (db, handle) -> {
                        try (ReadOptions options = new ReadOptions()) {
                            return new Run(firstBlock, layers, false)
                                    .read(db, handle, options, allocator);
                        }
                    });
        }
        return family.callWithSnapshot(
                "read",
                (db, handle, atSnapshot) -> {
                    long[] layers =
                            locate(
                                    db,
                                    handle,
                                    atSnapshot,
                                    chain,
                                    blocksPerExtent,
                                    firstBlock,
                                    blockCount);
                    return new Run(firstBlock, layers, true)
                            .read(db, handle, atSnapshot, allocator);
                });
    }

    /** The layer that has each block, or HOLE. */
    private static long[] locate(
            RocksDB db,
            ColumnFamilyHandle handle,
            ReadOptions atSnapshot,
            List<LayerId> chain,
            int blocksPerExtent,
            long firstBlock,
            int blockCount)
            throws RocksDBException {
        long[] layers = new long[blockCount];
        Bitmap decided = new Bitmap(blockCount);
        int firstInExtent = (int) (firstBlock % blocksPerExtent);
        for (LayerId layer : chain) {
            byte[] key = ChunkKeys.extent(layer.value(), firstBlock / blocksPerExtent);
            byte[] found = db.get(handle, atSnapshot, key);
            if (found == null) {
                continue;
            }
            ExtentRecord extent =
                    ExtentRecord.decode(Unpooled.wrappedBuffer(found), blocksPerExtent);
            int open = decided.nextClear(0);
            while (open < blockCount) {
                if (extent.isPresent(firstInExtent + open)) {
                    layers[open] = layer.value();
                    decided.set(open);
                } else if (extent.isZero(firstInExtent + open)) {
                    decided.set(open);
                }
                open = decided.nextClear(open + 1);
            }
            if (decided.nextClear(0) == blockCount) {
                break;
            }
        }
        return layers;
    }

    /** What RocksDB answered for one key. */
    private record Found(Status.Code code, int sizeBytes, String detail) {}

    /** One read of blocks whose layers are known. */
    private static final class Run {
        private final long firstBlock;
        private final long[] layers;
        // Whether a block that is not found was announced by an extent record.
        private final boolean announced;
        private final int[] wanted;

        Run(long firstBlock, long[] layers, boolean announced) {
            this.firstBlock = firstBlock;
            this.layers = layers;
            this.announced = announced;
            int[] indexes = new int[layers.length];
            int count = 0;
            for (int i = 0; i < layers.length; i++) {
                if (layers[i] != HOLE) {
                    indexes[count++] = i;
                }
            }
            this.wanted = Arrays.copyOf(indexes, count);
        }

        BlocksRead read(
                RocksDB db,
                ColumnFamilyHandle handle,
                ReadOptions options,
                ByteBufAllocator allocator)
                throws RocksDBException {
            if (wanted.length == 0) {
                return holes();
            }
            ByteBuf keys = allocator.directBuffer(wanted.length * ChunkKeys.BLOCK_KEY_BYTES);
            ByteBuf values = allocator.directBuffer(wanted.length * BlockValue.BYTES);
            BlocksRead result = null;
            try {
                List<Found> found =
                        wanted.length == 1
                                ? List.of(getOne(db, handle, options, keys, values))
                                : get(db, handle, options, keys, values);
                result = gather(found, values);
                return result;
            } finally {
                keys.release();
                if (result == null || result.data() != values) {
                    values.release();
                }
            }
        }

        /** The commonest read; a multi-get of one block costs a quarter more. */
        private Found getOne(
                RocksDB db,
                ColumnFamilyHandle handle,
                ReadOptions options,
                ByteBuf keys,
                ByteBuf values)
                throws RocksDBException {
            keys.writeLong(layers[wanted[0]]).writeLong(firstBlock + wanted[0]);
            ByteBuffer value = values.nioBuffer(0, BlockValue.BYTES);
            try {
                int size = db.get(handle, options, keys.nioBuffer(), value);
                return size == RocksDB.NOT_FOUND
                        ? new Found(Status.Code.NotFound, 0, "")
                        : new Found(Status.Code.Ok, size, "");
            } catch (RocksDBException e) {
                if (e.getStatus() == null) {
                    throw e;
                }
                return new Found(e.getStatus().getCode(), 0, e.getMessage());
            }
        }

        private List<Found> get(
                RocksDB db,
                ColumnFamilyHandle handle,
                ReadOptions options,
                ByteBuf keys,
                ByteBuf values)
                throws RocksDBException {
            List<ByteBuffer> keyParts = new ArrayList<>(wanted.length);
            List<ByteBuffer> valueParts = new ArrayList<>(wanted.length);
            for (int k = 0; k < wanted.length; k++) {
                keys.writeLong(layers[wanted[k]]).writeLong(firstBlock + wanted[k]);
            }
            for (int k = 0; k < wanted.length; k++) {
                keyParts.add(
                        keys.nioBuffer(k * ChunkKeys.BLOCK_KEY_BYTES, ChunkKeys.BLOCK_KEY_BYTES));
                valueParts.add(values.nioBuffer(k * BlockValue.BYTES, BlockValue.BYTES));
            }
            List<Found> found = new ArrayList<>(wanted.length);
            for (ByteBufferGetStatus got :
                    db.multiGetByteBuffers(options, List.of(handle), keyParts, valueParts)) {
                found.add(new Found(got.status.getCode(), got.requiredSize, got.status.getState()));
            }
            return found;
        }

        /** Verifies what came and moves the data together, without gaps for headers and holes. */
        private BlocksRead gather(List<Found> found, ByteBuf values) throws RocksDBException {
            long[] present = new long[(layers.length + Long.SIZE - 1) / Long.SIZE];
            int[] crcs = new int[wanted.length];
            int count = 0;
            for (int k = 0; k < wanted.length; k++) {
                int from = k * BlockValue.BYTES;
                if (!isBlock(found.get(k), wanted[k], values, from)) {
                    continue;
                }
                int to = BlockValue.HEADER_BYTES + count * Block.BYTES;
                int crc = values.getInt(from + 1);
                if (to != from + BlockValue.HEADER_BYTES) {
                    // A second copy, of some 100 ns a block: cheaper than a composite of parts.
                    values.setBytes(to, values, from + BlockValue.HEADER_BYTES, Block.BYTES);
                }
                if (Checksum.of(values, to, Block.BYTES) != crc) {
                    throw damaged(wanted[k], "fails its checksum");
                }
                present[wanted[k] >>> 6] |= 1L << wanted[k];
                crcs[count++] = crc;
            }
            if (count == 0) {
                return holes();
            }
            values.setIndex(BlockValue.HEADER_BYTES, BlockValue.HEADER_BYTES + count * Block.BYTES);
            return new BlocksRead(layers.length, present, Arrays.copyOf(crcs, count), values);
        }

        private boolean isBlock(Found found, int index, ByteBuf values, int from)
                throws RocksDBException {
            Status.Code code = found.code();
            if (code == Status.Code.NotFound) {
                if (announced) {
                    throw damaged(index, "is lost");
                }
                return false;
            }
            if (code == Status.Code.Corruption) {
                throw damaged(index, "is damaged on disk: " + found.detail());
            }
            if (code != Status.Code.Ok) {
                throw new RocksDBException(new Status(code, Status.SubCode.None, found.detail()));
            }
            byte format = values.getByte(from);
            if (format == BlockValue.ZERO && found.sizeBytes() == 1) {
                return false;
            }
            if (format != BlockValue.BLOCK || found.sizeBytes() != BlockValue.BYTES) {
                throw damaged(
                        index,
                        format == BlockValue.DAMAGED
                                ? "is marked as damaged"
                                : "has a value of format "
                                        + format
                                        + " and "
                                        + found.sizeBytes()
                                        + " bytes");
            }
            return true;
        }

        private BlocksRead holes() {
            return new BlocksRead(
                    layers.length,
                    new long[(layers.length + Long.SIZE - 1) / Long.SIZE],
                    new int[0],
                    Unpooled.EMPTY_BUFFER);
        }

        private DamagedBlockException damaged(int index, String how) {
            return new DamagedBlockException(new LayerId(layers[index]), firstBlock + index, how);
        }
    }
}
