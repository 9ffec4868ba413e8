package io.mirach.raft;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Optional;

/**
 * What a replicated log drives: one replica's state of one group. Implementations are
 * deterministic: the same entries give the same state and the same replies on every replica; a
 * rejection is a reply, and an exception means a local I/O failure, which stops the process.
 *
 * <p>Threading: {@link #apply}, {@link #skip} and {@link #close} are called by one thread at a
 * time, in index order; {@link #checkpoint} is called by another, at the same time. All other
 * methods are called by any thread.
 *
 * @param <R> what a command answers. Only the leader's caller sees it; it never leaves the process.
 */
public interface ReplicatedStateMachine<R> extends AutoCloseable {
    /**
     * The newest position whose effects are on disk; replay begins behind it. {@link
     * LogPosition#NONE} if new.
     */
    LogPosition durablePosition();

    /**
     * Where an imported state began (see {@link #install}): this replica's log never held what is
     * at or before it. {@link LogPosition#NONE} if all of the state came through the log.
     */
    default LogPosition logBase() {
        return LogPosition.NONE;
    }

    /** The newest position applied, durable or not. */
    LogPosition appliedPosition();

    /**
     * Applies one entry as a whole, together with its position.
     *
     * @param commands the batch, in order; each a read-only view that is valid during the call only
     *     (borrowed: the caller releases them)
     * @return one reply per command, in order
     */
    List<R> apply(LogPosition position, List<ByteBuf> commands);

    /** Notes an entry that carries no commands (a configuration, a new leader's first entry). */
    void skip(LogPosition position);

    /**
     * Makes everything applied so far durable (a memtable flush). Blocks.
     *
     * @return the position now durable
     */
    LogPosition checkpoint();

    /** Bytes applied since the last checkpoint: the host asks for a checkpoint by this. */
    long bytesSinceCheckpoint();

    /**
     * The position of a whole state that was brought here beside the one in use (backfill), and is
     * on disk; empty if there is none.
     */
    default Optional<LogPosition> imported() {
        return Optional.empty();
    }

    /**
     * Puts {@link #imported} in the place of the state in use, as a whole and durably: applied and
     * durable position and log base are the import's from then on. Neither apply nor skip is under
     * way, but a checkpoint may be. Waits for the disk, but for nothing large: the group's messages
     * wait for this.
     */
    default void install() {
        throw new IllegalStateException("nothing was imported");
    }

    /** This replica's role changed; called outside of apply, must not block. */
    default void roleChanged(RoleChange change) {}

    @Override
    void close();
}
