package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.RoleChange;
import io.netty.buffer.ByteBuf;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A deterministic state machine for tests: a list of commands, each answered with its place in the
 * list and the entry it came in. Its checkpoint is a file.
 */
final class LedgerStateMachine implements ReplicatedStateMachine<LedgerStateMachine.Receipt> {
    /**
     * @param number the command's place in the ledger, from 0
     * @param entry where its entry stands in the log
     * @param batchSize how many commands that entry holds
     */
    record Receipt(long number, LogPosition entry, int batchSize, String command) {}

    private final Path file;
    private final boolean keeps;
    private final List<String> commands = new ArrayList<>(); // Guarded by this.
    private final List<RoleChange> roles = new CopyOnWriteArrayList<>();
    private LogPosition base = LogPosition.NONE;
    private LogPosition imported; // null if there is none
    private LogPosition durable = LogPosition.NONE;
    private LogPosition applied = LogPosition.NONE;
    private long bytes;
    private boolean closed;
    private volatile RuntimeException failNextApply;
    private volatile RuntimeException failNextCheckpoint;
    private volatile Runnable duringApply = () -> {};

    LedgerStateMachine(Path file) {
        this(file, true);
    }

    private LedgerStateMachine(Path file, boolean keeps) {
        this.file = file;
        this.keeps = keeps;
        if (Files.exists(file)) {
            load();
        }
    }

    /** One that keeps of each command only its hash, for measuring. */
    static LedgerStateMachine discarding(Path file) {
        return new LedgerStateMachine(file, false);
    }

    private void load() {
        commands.clear();
        try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
            base = new LogPosition(in.readLong(), in.readLong());
            durable = new LogPosition(in.readLong(), in.readLong());
            applied = durable;
            int count = in.readInt();
            for (int i = 0; i < count; i++) {
                byte[] command = new byte[in.readInt()];
                in.readFully(command);
                commands.add(new String(command, StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public synchronized LogPosition durablePosition() {
        return durable;
    }

    @Override
    public synchronized LogPosition appliedPosition() {
        return applied;
    }

    @Override
    public List<Receipt> apply(LogPosition position, List<ByteBuf> batch) {
        duringApply.run();
        RuntimeException failure = failNextApply;
        if (failure != null) {
            failNextApply = null;
            throw failure;
        }
        synchronized (this) {
            advance(position);
            List<Receipt> receipts = new ArrayList<>(batch.size());
            for (ByteBuf command : batch) {
                bytes += command.readableBytes();
                String text =
                        keeps
                                ? command.toString(StandardCharsets.UTF_8)
                                : Integer.toHexString(command.hashCode());
                receipts.add(new Receipt(commands.size(), position, batch.size(), text));
                commands.add(text);
            }
            return receipts;
        }
    }

    @Override
    public synchronized void skip(LogPosition position) {
        advance(position);
    }

    private void advance(LogPosition position) {
        if (closed) {
            throw new IllegalStateException("applied after close");
        }
        if (position.index() != applied.index() + 1 || position.term() < applied.term()) {
            throw new IllegalStateException(position + " applied after " + applied);
        }
        applied = position;
    }

    @Override
    public LogPosition checkpoint() {
        RuntimeException failure = failNextCheckpoint;
        if (failure != null) {
            failNextCheckpoint = null;
            throw failure;
        }
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("checkpoint after close");
            }
            write(file, base);
            durable = applied;
            bytes = 0;
            return durable;
        }
    }

    private void write(Path to, LogPosition logBase) {
        Path draft = to.resolveSibling(to.getFileName() + ".draft");
        try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(draft))) {
            out.writeLong(logBase.term());
            out.writeLong(logBase.index());
            out.writeLong(applied.term());
            out.writeLong(applied.index());
            out.writeInt(commands.size());
            for (String command : commands) {
                byte[] text = command.getBytes(StandardCharsets.UTF_8);
                out.writeInt(text.length);
                out.write(text);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            Files.move(draft, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public synchronized LogPosition logBase() {
        return base;
    }

    @Override
    public synchronized Optional<LogPosition> imported() {
        return Optional.ofNullable(imported);
    }

    @Override
    public synchronized void install() {
        try {
            Files.move(importFile(), file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        imported = null;
        bytes = 0;
        load();
    }

    private Path importFile() {
        return file.resolveSibling(file.getFileName() + ".import");
    }

    @Override
    public synchronized long bytesSinceCheckpoint() {
        return bytes;
    }

    @Override
    public void roleChanged(RoleChange change) {
        roles.add(change);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            throw new IllegalStateException("closed twice");
        }
        closed = true;
    }

    // ---- For tests ----

    /** What is in one file is another group's from now on. */
    static void handOver(Path from, Path to) {
        if (Files.exists(to)) {
            return;
        }
        LedgerStateMachine ledger = new LedgerStateMachine(from);
        ledger.write(to, ledger.durable);
        try {
            Files.delete(from);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized List<String> commands() {
        return List.copyOf(commands);
    }

    synchronized boolean isClosed() {
        return closed;
    }

    List<RoleChange> roles() {
        return roles;
    }

    void failNextApply(RuntimeException failure) {
        failNextApply = failure;
    }

    void failNextCheckpoint(RuntimeException failure) {
        failNextCheckpoint = failure;
    }

    /** Brings what another replica has beside the state of this one. */
    void importFrom(LedgerStateMachine other) {
        LogPosition position;
        synchronized (other) {
            position = other.applied;
            other.write(importFile(), position);
        }
        synchronized (this) {
            imported = position;
        }
    }

    /** Runs on the apply thread before each entry. */
    void duringApply(Runnable action) {
        duringApply = action;
    }
}
