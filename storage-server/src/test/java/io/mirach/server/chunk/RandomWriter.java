package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.LayerId;
import io.mirach.protocol.data.WriteIdentity;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Makes random writes, discards and seals of one volume, and late copies of them, and knows what
 * the volume holds then: sequence numbers per slot, and commands that may come again.
 */
final class RandomWriter {
    private static final int SLOTS_USED = (int) (Commands.SIZE_BYTES / Commands.EXTENT_BYTES);

    /** What the volume holds, and which of its blocks are no holes. */
    static final class Model {
        final byte[] bytes;
        final BitSet allocated;

        Model() {
            this(new byte[(int) Commands.SIZE_BYTES], new BitSet());
        }

        private Model(byte[] bytes, BitSet allocated) {
            this.bytes = bytes;
            this.allocated = allocated;
        }

        Model copy() {
            return new Model(bytes.clone(), (BitSet) allocated.clone());
        }

        void write(int offset, byte[] data, boolean keepZeroes) {
            System.arraycopy(data, 0, bytes, offset, data.length);
            touch(offset, data.length, keepZeroes, true);
        }

        void zero(int offset, int length) {
            Arrays.fill(bytes, offset, offset + length, (byte) 0);
            touch(offset, length, false, false);
        }

        private void touch(int offset, int length, boolean keepZeroes, boolean allocates) {
            for (int block = offset / Block.BYTES;
                    block <= (offset + length - 1) / Block.BYTES;
                    block++) {
                if (isZero(block) && !keepZeroes) {
                    allocated.clear(block);
                } else if (allocates) {
                    allocated.set(block);
                }
            }
        }

        private boolean isZero(int block) {
            for (int i = block * Block.BYTES; i < (block + 1) * Block.BYTES; i++) {
                if (bytes[i] != 0) {
                    return false;
                }
            }
            return true;
        }
    }

    final Random random;
    final long[] sequences = new long[SLOTS_USED];
    final long[] lowest = new long[SLOTS_USED];
    final List<ByteBuf> sent = new ArrayList<>();
    final Map<LayerId, Model> sealed = new TreeMap<>();
    LayerId head = Commands.HEAD;
    Model model = new Model();

    RandomWriter(Random random) {
        this.random = random;
        Arrays.fill(lowest, 1);
    }

    WriteIdentity next(int offset) {
        int slot = offset / Commands.EXTENT_BYTES;
        long sequence = ++sequences[slot];
        if (random.nextInt(10) == 0) {
            lowest[slot] += random.nextInt((int) (sequence - lowest[slot]) + 1);
        }
        return Commands.identity(offset, sequence, lowest[slot], head);
    }

    ByteBuf command() {
        int kind = random.nextInt(100);
        if (kind < 10 && !sent.isEmpty()) {
            // A late or retried copy: it must change nothing.
            return sent.get(random.nextInt(sent.size())).copy();
        }
        if (kind < 11) {
            LayerId newHead = new LayerId(head.value() + 1);
            ByteBuf seal = Commands.seal(head, newHead, newHead.value());
            sealed.put(head, model.copy());
            head = newHead;
            return seal;
        }
        int extent = random.nextInt(SLOTS_USED);
        int from = random.nextInt(Commands.EXTENT_BYTES);
        int length = 1 + random.nextInt(Commands.EXTENT_BYTES - from);
        if (random.nextInt(3) > 0) {
            from &= -Block.BYTES;
            length = Math.min((length | (Block.BYTES - 1)) + 1, Commands.EXTENT_BYTES - from);
        } else if (random.nextInt(2) == 0) {
            length = Math.min(length, 300);
        }
        if (random.nextInt(20) == 0) {
            from = 0;
            length = Commands.EXTENT_BYTES;
        }
        int offset = extent * Commands.EXTENT_BYTES + from;
        ByteBuf command = kind < 30 ? zero(offset, length) : write(offset, length);
        sent.add(command.copy());
        return command;
    }

    private ByteBuf zero(int offset, int length) {
        model.zero(offset, length);
        return Commands.zero(next(offset), offset, length);
    }

    private ByteBuf write(int offset, int length) {
        byte[] data = new byte[length];
        if (random.nextInt(6) > 0) {
            random.nextBytes(data);
        }
        if (random.nextInt(4) == 0) {
            int zeroes = random.nextInt(length);
            Arrays.fill(data, zeroes, Math.min(length, zeroes + 9000), (byte) 0);
        }
        boolean keepZeroes = random.nextInt(8) == 0;
        model.write(offset, data, keepZeroes);
        return Commands.write(next(offset), offset, data, keepZeroes);
    }

    void release() {
        sent.forEach(ByteBuf::release);
    }
}
