package io.mirach.ops.chaos;

import io.mirach.model.Block;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The blocks of a branch of the bank, each with a checksum: an older or torn one, or another's,
 * shows. Zeroes are a block that was never written.
 */
final class BankBlock {
    private static final int ACCOUNT_MAGIC = 0x41434354;
    private static final int TRANSFER_MAGIC = 0x5452414e;
    private static final int CHECKED_BYTES = Block.BYTES - Integer.BYTES;

    private BankBlock() {}

    /**
     * An account.
     *
     * @param number in its branch
     * @param transfer the newest one of the branch that changed it, from 1; 0: none
     */
    record Account(int number, long balance, long transfer) {
        byte[] encode() {
            ByteBuffer out = ByteBuffer.allocate(Block.BYTES);
            out.putInt(ACCOUNT_MAGIC).putInt(number).putLong(balance).putLong(transfer);
            return seal(out);
        }

        /** Empty if none was written there. Fails if it is something else. */
        static Optional<Account> decode(int number, byte[] content) {
            Optional<ByteBuffer> in = open(ACCOUNT_MAGIC, content, "account " + number);
            if (in.isEmpty()) {
                return Optional.empty();
            }
            ByteBuffer fields = in.get();
            int itsNumber = fields.getInt();
            if (itsNumber != number) {
                throw broken("where account " + number + " was lies account " + itsNumber);
            }
            return Optional.of(new Account(number, fields.getLong(), fields.getLong()));
        }
    }

    /**
     * What a transfer does, as the journal has it.
     *
     * @param transfer from 1 in its branch
     * @param id unique over all branches
     * @param from the account, as it is afterwards
     * @param to the other one, as it is afterwards
     */
    record Transfer(long transfer, long id, Account from, Account to) {
        byte[] encode() {
            ByteBuffer out = ByteBuffer.allocate(Block.BYTES);
            out.putInt(TRANSFER_MAGIC).putLong(transfer).putLong(id);
            out.putInt(from.number()).putLong(from.balance());
            out.putInt(to.number()).putLong(to.balance());
            // All of the block counts, so that a torn one shows.
            while (out.remaining() >= Long.BYTES + Integer.BYTES) {
                out.putLong(id);
            }
            return seal(out);
        }

        /** Empty if none was written there. Fails if it is something else. */
        static Optional<Transfer> decode(byte[] content) {
            return open(TRANSFER_MAGIC, content, "a transfer")
                    .map(
                            in -> {
                                long transfer = in.getLong();
                                long id = in.getLong();
                                return new Transfer(
                                        transfer,
                                        id,
                                        new Account(in.getInt(), in.getLong(), transfer),
                                        new Account(in.getInt(), in.getLong(), transfer));
                            });
        }
    }

    private static byte[] seal(ByteBuffer out) {
        out.putInt(CHECKED_BYTES, checksum(out.array()));
        return out.array();
    }

    private static int checksum(byte[] content) {
        CRC32C checksum = new CRC32C();
        checksum.update(content, 0, CHECKED_BYTES);
        return (int) checksum.getValue();
    }

    private static Optional<ByteBuffer> open(int magic, byte[] content, String what) {
        ByteBuffer in = ByteBuffer.wrap(content);
        if (in.equals(ByteBuffer.allocate(Block.BYTES))) {
            return Optional.empty();
        }
        if (in.getInt() != magic || in.getInt(CHECKED_BYTES) != checksum(content)) {
            throw broken("where " + what + " should be lies a torn or another block");
        }
        return Optional.of(in);
    }

    static PromiseBrokenException broken(String what) {
        return new PromiseBrokenException(new Violation(what, List.of()));
    }
}
