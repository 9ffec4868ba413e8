package io.mirach.ops.chaos;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** SQLite's command line at work on a database. Used by one thread. */
final class SqliteShell implements AutoCloseable {
    private static final String DONE = "--done--";

    private final Process process;
    private final BufferedReader answers;
    private final OutputStream statements;

    /** SQLite could not do what it was told, and has ended. */
    static final class SqliteException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        SqliteException(String said) {
            super(said);
        }
    }

    /** Opens a database, and makes it if it is not there. */
    SqliteShell(Path database) {
        try {
            process =
                    new ProcessBuilder(
                                    "sqlite3", "-batch", "-bail", "-noheader", database.toString())
                            .redirectErrorStream(true)
                            .start();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start sqlite3", e);
        }
        answers =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        statements = process.getOutputStream();
    }

    /** Why it cannot be used here; empty if it can. */
    static Optional<String> unavailable() {
        try {
            Shell.run("sqlite3", "-version");
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** What statements return, a line a row; blocks until all are done. */
    List<String> run(String sql) {
        List<String> rows = new ArrayList<>();
        try {
            statements.write((sql + "\nSELECT '" + DONE + "';\n").getBytes(StandardCharsets.UTF_8));
            statements.flush();
        } catch (IOException e) {
            // It has ended, and its last words tell why.
        }
        try {
            String line = answers.readLine();
            while (line != null && !line.equals(DONE)) {
                rows.add(line);
                line = answers.readLine();
            }
            if (line == null) {
                throw new SqliteException(String.join(" ", rows));
            }
            return rows;
        } catch (IOException e) {
            throw new SqliteException("its output ended: " + e.getMessage());
        }
    }

    /** The only value of the only row. */
    String value(String sql) {
        List<String> rows = run(sql);
        if (rows.size() != 1) {
            throw new SqliteException("not one row: " + rows);
        }
        return rows.get(0);
    }

    /** kill -9; returns when it is gone. */
    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
