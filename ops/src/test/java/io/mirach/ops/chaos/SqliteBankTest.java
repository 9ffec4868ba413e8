package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.mirach.ops.chaos.SqliteShell.SqliteException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SqliteBankTest {
    @TempDir Path folder;
    private final History history = new History(System::nanoTime);
    private final SqliteBank bank = new SqliteBank(history, new Random(1));

    @BeforeEach
    void create() {
        assumeThat(SqliteShell.unavailable()).as("no sqlite3").isEmpty();
        try (SqliteShell shell = open()) {
            bank.create(shell);
            for (int i = 0; i < 5; i++) {
                bank.transfer(shell);
            }
        }
    }

    private Path database() {
        return folder.resolve("bank.db");
    }

    private SqliteShell open() {
        return new SqliteShell(database());
    }

    private void tell(String sql) {
        try (SqliteShell shell = open()) {
            shell.run(sql);
        }
    }

    private void check() {
        try (SqliteShell shell = open()) {
            bank.check(shell);
        }
    }

    @Test
    void whatWasCommittedIsFoundInEachLife() {
        for (int life = 0; life < 10; life++) {
            try (SqliteShell shell = open()) {
                bank.check(shell);
                bank.configure(shell);
                for (int i = 0; i < 30; i++) {
                    bank.transfer(shell);
                }
            }
        }
        check();
        assertThat(history.violations()).isEmpty();
        assertThat(history.acknowledgedWrites()).isEqualTo(305);
    }

    @Test
    void aTransferThatWasNotAnsweredIsThereOrNeverWillBe() throws IOException {
        Path before = folder.resolve("before");
        Files.copy(database(), before);
        try (SqliteShell shell = open()) {
            shell.close();
            assertThatThrownBy(() -> bank.transfer(shell)).isInstanceOf(SqliteException.class);
        }
        check();
        try (SqliteShell shell = open()) {
            bank.transfer(shell);
        }
        Files.move(before, database(), StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(this::check).hasMessageContaining("committed was 6");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "DELETE FROM ledger WHERE number = 5 ; committed was 5",
                "DELETE FROM ledger WHERE number = 2 ; has rows",
                "INSERT INTO ledger VALUES (6, 99, 1, '0') ; committed was 5",
                "UPDATE ledger SET note = 'x' || note WHERE number = 3 ; other notes",
                "UPDATE account SET balance = balance + 1 WHERE number = 4 ; the accounts are",
                "UPDATE account SET balance = 1000 ; the accounts are",
            })
    void anotherContentIsNoticed(String sql, String expected) {
        tell(sql + ";");
        assertThatThrownBy(this::check)
                .isInstanceOf(PromiseBrokenException.class)
                .hasMessageContaining(expected);
    }

    @Test
    void aDamagedPageIsNoticed() throws IOException {
        byte[] content = Files.readAllBytes(database());
        // The header of a page of a table.
        content[4096] ^= 0x40;
        Files.write(database(), content);
        assertThatThrownBy(this::check)
                .isInstanceOfAny(PromiseBrokenException.class, SqliteException.class);
    }
}
