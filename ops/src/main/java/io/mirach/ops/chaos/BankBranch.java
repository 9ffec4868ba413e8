package io.mirach.ops.chaos;

import io.mirach.ops.chaos.BankBlock.Account;
import io.mirach.ops.chaos.BankBlock.Transfer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Accounts and a journal in blocks of their own. A transfer is written to the journal and made
 * durable, by FUA or by FLUSH: then it is acknowledged. Only then its two accounts are written,
 * with no order between them, and before its place in the journal is used again there is a FLUSH.
 * After the disk was gone, {@link #recover} does again what the journal has, from the disk alone,
 * and compares the outcome with what was acknowledged. Confined to one thread.
 */
final class BankBranch {
    static final int ACCOUNTS = 16;
    static final int JOURNAL_BLOCKS = 8;
    static final int BLOCKS = ACCOUNTS + JOURNAL_BLOCKS;
    static final long OPENING_BALANCE = 1_000;

    private static final int FLUSH_EVERY = JOURNAL_BLOCKS / 2;

    private final int number;
    private final long firstBlock;
    private final History history;
    private final Random random;
    // As acknowledged.
    private final long[] balances = new long[ACCOUNTS];
    private Optional<Transfer> last = Optional.empty();
    // Sent and not acknowledged: it happens by the next recovery, or never.
    private Optional<Transfer> pending = Optional.empty();
    private Optional<History.Call> pendingCall = Optional.empty();

    /**
     * @param number from 1
     * @param firstBlock of {@link #BLOCKS}
     */
    BankBranch(int number, long firstBlock, History history, Random random) {
        this.number = number;
        this.firstBlock = firstBlock;
        this.history = history;
        this.random = random;
        for (int account = 0; account < ACCOUNTS; account++) {
            balances[account] = OPENING_BALANCE;
        }
    }

    @Override
    public String toString() {
        return "branch " + number;
    }

    /** Writes all accounts as they are in the beginning, and makes that durable. */
    void open(BlockDevice disk) throws InterruptedException {
        for (int account = 0; account < ACCOUNTS; account++) {
            disk.write(block(account), new Account(account, OPENING_BALANCE, 0).encode(), false);
        }
        disk.flush();
    }

    /** Moves an amount between two accounts. If it fails, the disk must be recovered first. */
    void transfer(BlockDevice disk) throws InterruptedException {
        int from = random.nextInt(ACCOUNTS);
        int to = (from + 1 + random.nextInt(ACCOUNTS - 1)) % ACCOUNTS;
        long amount = random.nextInt(100);
        long sequence = last.map(Transfer::transfer).orElse(0L) + 1;
        History.Call call = history.beginWrite(toString(), 0, number);
        Transfer next =
                new Transfer(
                        sequence,
                        call.value(),
                        new Account(from, balances[from] - amount, sequence),
                        new Account(to, balances[to] + amount, sequence));
        pending = Optional.of(next);
        pendingCall = Optional.of(call);
        boolean durable = random.nextBoolean();
        disk.write(journalBlock(sequence), next.encode(), durable);
        if (!durable) {
            disk.flush();
        }
        acknowledge();
        call.acknowledged();
        boolean swapped = random.nextBoolean();
        write(disk, swapped ? next.to() : next.from());
        write(disk, swapped ? next.from() : next.to());
        if (sequence % FLUSH_EVERY == 0) {
            disk.flush();
        }
    }

    private void acknowledge() {
        Transfer done = pending.orElseThrow();
        balances[done.from().number()] = done.from().balance();
        balances[done.to().number()] = done.to().balance();
        last = pending;
        pending = Optional.empty();
        pendingCall = Optional.empty();
    }

    private void write(BlockDevice disk, Account account) throws InterruptedException {
        disk.write(block(account.number()), account.encode(), false);
    }

    private long block(int account) {
        return firstBlock + account;
    }

    private long journalBlock(long transfer) {
        return firstBlock + ACCOUNTS + transfer % JOURNAL_BLOCKS;
    }

    /**
     * Brings the accounts up to the journal, as a program does that starts anew; then judges what
     * it finds. Fails with {@link PromiseBrokenException} if the sum is another, if a transfer that
     * was acknowledged is lost, or if an account is not what the transfers made of it.
     */
    void recover(BlockDevice disk) throws InterruptedException {
        History.Call read = history.beginRead(toString(), 0, number);
        List<Transfer> journal = new ArrayList<>();
        for (int i = 0; i < JOURNAL_BLOCKS; i++) {
            Transfer.decode(disk.read(journalBlock(i))).ifPresent(journal::add);
        }
        journal.sort(Comparator.comparingLong(Transfer::transfer));
        List<Account> accounts = new ArrayList<>();
        for (int account = 0; account < ACCOUNTS; account++) {
            int missing = account;
            accounts.add(
                    Account.decode(account, disk.read(block(account)))
                            .orElseThrow(
                                    () -> BankBlock.broken(this + " lost account " + missing)));
        }
        for (Transfer transfer : journal) {
            for (Account account : List.of(transfer.from(), transfer.to())) {
                if (accounts.get(account.number()).transfer() < transfer.transfer()) {
                    accounts.set(account.number(), account);
                    write(disk, account);
                }
            }
        }
        disk.flush();
        Optional<Transfer> newest =
                journal.isEmpty() ? Optional.empty() : Optional.of(journal.get(journal.size() - 1));
        read.returned(OptionalLong.of(newest.map(Transfer::id).orElse(Operation.INITIAL)));
        judge(accounts, newest);
    }

    private void judge(List<Account> accounts, Optional<Transfer> newest) {
        long sum = accounts.stream().mapToLong(Account::balance).sum();
        if (sum != ACCOUNTS * OPENING_BALANCE) {
            throw BankBlock.broken(
                    "the accounts of " + this + " sum up to " + sum + ": " + accounts);
        }
        if (pending.isPresent() && newest.equals(pending)) {
            pendingCall.ifPresent(History.Call::acknowledged);
            acknowledge();
        }
        if (!newest.equals(last)) {
            throw BankBlock.broken(
                    "the newest transfer in the journal of %s is %s, and acknowledged was %s"
                            .formatted(this, newest, last));
        }
        // It is not there, and what sent it is gone: it never happens.
        pendingCall.ifPresent(History.Call::refused);
        pending = Optional.empty();
        pendingCall = Optional.empty();
        List<Long> found = accounts.stream().map(Account::balance).toList();
        List<Long> expected = IntStream.range(0, ACCOUNTS).mapToObj(i -> balances[i]).toList();
        if (!found.equals(expected)) {
            throw BankBlock.broken(
                    "the accounts of " + this + " are " + found + ", not " + expected);
        }
    }
}
