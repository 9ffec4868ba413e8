package io.mirach.ops.chaos;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Accounts and a ledger of transfers in a SQLite database, which promises that a committed
 * transaction is there after a crash, whole, and an unfinished one is not. {@link #check} compares
 * what is there with what was committed. Confined to one thread.
 */
final class SqliteBank {
    static final int ACCOUNTS = 16;
    static final long OPENING_BALANCE = 1_000;

    private static final String CLIENT = "sqlite";
    private static final int REGISTER = 1;
    // Older ones are deleted, so that pages are freed and used again.
    private static final int LEDGER_ROWS = 200;
    // Up to several pages.
    private static final int MAX_NOTE_CHARS = 20_000;

    private record Transfer(long number, long id, int from, int to, long amount) {}

    private final History history;
    private final Random random;
    // As committed.
    private final long[] balances = new long[ACCOUNTS];
    private Optional<Transfer> last = Optional.empty();
    // Begun and not known to be committed: it is there at the next check, or never.
    private Optional<Transfer> pending = Optional.empty();
    private Optional<History.Call> pendingCall = Optional.empty();

    SqliteBank(History history, Random random) {
        this.history = history;
        this.random = random;
        Arrays.fill(balances, OPENING_BALANCE);
    }

    /** Makes the tables. */
    void create(SqliteShell shell) {
        shell.run(
                "BEGIN;"
                        + "CREATE TABLE account (number INTEGER PRIMARY KEY, balance INTEGER);"
                        + "CREATE TABLE ledger (number INTEGER PRIMARY KEY, id INTEGER, chars INTEGER, note TEXT);"
                        + "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < "
                        + ACCOUNTS
                        + ") INSERT INTO account SELECT i, "
                        + OPENING_BALANCE
                        + " FROM n;"
                        + "COMMIT;");
    }

    /**
     * Chooses one of SQLite's two ways to commit. With FULL only, the one that deletes a journal
     * may lose the last transaction.
     */
    void configure(SqliteShell shell) {
        shell.run(
                "PRAGMA synchronous = EXTRA; PRAGMA journal_mode = "
                        + (random.nextBoolean() ? "WAL" : "DELETE")
                        + ";");
    }

    /** Moves an amount between two accounts, by a transaction. */
    void transfer(SqliteShell shell) {
        int from = random.nextInt(ACCOUNTS);
        int to = (from + 1 + random.nextInt(ACCOUNTS - 1)) % ACCOUNTS;
        long amount = random.nextInt(100);
        int chars = 1 + random.nextInt(MAX_NOTE_CHARS);
        long number = last.map(Transfer::number).orElse(0L) + 1;
        History.Call call = history.beginWrite(CLIENT, 0, REGISTER);
        pending = Optional.of(new Transfer(number, call.value(), from, to, amount));
        pendingCall = Optional.of(call);
        shell.run(
                "BEGIN IMMEDIATE;"
                        + "INSERT INTO ledger VALUES (%d, %d, %d, printf('%%0*d', %d, %d));"
                                .formatted(number, call.value(), chars, chars, call.value())
                        + "UPDATE account SET balance = balance - %d WHERE number = %d;"
                                .formatted(amount, from)
                        + "UPDATE account SET balance = balance + %d WHERE number = %d;"
                                .formatted(amount, to)
                        + "DELETE FROM ledger WHERE number <= %d;".formatted(number - LEDGER_ROWS)
                        + "COMMIT;");
        committed();
        call.acknowledged();
    }

    private void committed() {
        Transfer done = pending.orElseThrow();
        balances[done.from()] -= done.amount();
        balances[done.to()] += done.amount();
        last = pending;
        pending = Optional.empty();
        pendingCall = Optional.empty();
    }

    /**
     * Reads the whole database, after SQLite's own recovery. Fails with {@link
     * PromiseBrokenException} if it is damaged, or not what the committed transactions made of it.
     */
    void check(SqliteShell shell) {
        History.Call read = history.beginRead(CLIENT, 0, REGISTER);
        String integrity = shell.run("PRAGMA integrity_check;").stream().limit(3).toList() + "";
        require(integrity.equals("[ok]"), "the database is damaged: " + integrity);
        long newest = Long.parseLong(shell.value("SELECT coalesce(max(number), 0) FROM ledger;"));
        long id =
                newest == 0
                        ? Operation.INITIAL
                        : Long.parseLong(
                                shell.value(
                                        "SELECT id FROM ledger WHERE number = " + newest + ";"));
        read.returned(OptionalLong.of(id));
        if (pending.filter(each -> each.id() == id).isPresent()) {
            pendingCall.ifPresent(History.Call::acknowledged);
            committed();
        }
        long expected = last.map(Transfer::number).orElse(0L);
        require(
                newest == expected,
                "the newest transfer is " + newest + ", and committed was " + expected);
        // It is not there, and what began it is gone: it never happens.
        pendingCall.ifPresent(History.Call::refused);
        pending = Optional.empty();
        pendingCall = Optional.empty();
        String rows =
                shell.value("SELECT count(*) || ' ' || coalesce(min(number), 1) FROM ledger;");
        long kept = Math.min(newest, LEDGER_ROWS);
        require(
                rows.equals(kept + " " + (newest - kept + 1)),
                "the ledger up to " + newest + " has rows (how many, first) " + rows);
        List<String> wrong =
                shell.run(
                        "SELECT number FROM ledger WHERE note <> printf('%0*d', chars, id) LIMIT 5;");
        require(wrong.isEmpty(), "transfers " + wrong + " have other notes than were written");
        String found = String.join(",", shell.run("SELECT balance FROM account ORDER BY number;"));
        String committed =
                Arrays.stream(balances).mapToObj(Long::toString).collect(Collectors.joining(","));
        require(found.equals(committed), "the accounts are " + found + ", not " + committed);
    }

    private static void require(boolean held, String what) {
        if (!held) {
            throw new PromiseBrokenException(new Violation("sqlite: " + what, List.of()));
        }
    }
}
