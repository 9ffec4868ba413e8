package io.mirach.server.chunk;

import io.mirach.raft.LogPosition;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StoreConfig;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/** A replica with its log, driven by a test: it can crash and replay. */
final class Replica implements AutoCloseable {
    static final UUID GROUP = new UUID(7, 7);

    /** A digest that the log ordered; the test closes the state. */
    record Ordered(long id, StateExport state) {}

    private record Entry(LogPosition position, List<byte[]> commands) {}

    final Path dir;
    final RecordedDamage damage = new RecordedDamage();
    final List<Ordered> digestsOrdered = new ArrayList<>();
    final AtomicLong usableBytes = new AtomicLong(Long.MAX_VALUE);
    ChunkStateMachine machine;
    private final StoreMemory memory;
    private final List<Entry> log = new ArrayList<>();
    private ChunkStores stores;
    private boolean open;

    Replica(Path dir, StoreConfig config) {
        this.dir = dir;
        this.memory = new StoreMemory(config);
        openStores();
    }

    void openStores() {
        stores = StoreConfigs.onDisk(dir, memory, usableBytes::get);
        machine =
                new ChunkStateMachine(
                        GROUP,
                        stores,
                        damage,
                        (group, order, state) ->
                                digestsOrdered.add(new Ordered(order.id(), state.get())));
        open = true;
    }

    /** Logs and applies an entry; takes ownership of the commands. */
    List<ChunkReply> apply(ByteBuf... commands) {
        return apply(List.of(commands));
    }

    List<ChunkReply> apply(List<ByteBuf> commands) {
        Entry entry = append(commands);
        List<ByteBuf> views = views(entry);
        List<ChunkReply> replies = machine.apply(entry.position(), views);
        return replies;
    }

    private Entry append(List<ByteBuf> commands) {
        List<byte[]> copies = new ArrayList<>();
        for (ByteBuf command : commands) {
            copies.add(ByteBufUtil.getBytes(command));
            command.release();
        }
        Entry entry = new Entry(new LogPosition(1 + log.size() / 50, log.size()), copies);
        log.add(entry);
        return entry;
    }

    private static List<ByteBuf> views(Entry entry) {
        // Read-only, as the log gives them.
        return entry.commands().stream()
                .map(bytes -> Unpooled.wrappedBuffer(bytes).asReadOnly())
                .toList();
    }

    /** Applies what another replica has logged and this one has not applied. */
    void follow(Replica leader) {
        for (Entry entry : leader.log) {
            if (entry.position().compareTo(machine.appliedPosition()) > 0) {
                machine.apply(entry.position(), views(entry));
            }
        }
    }

    /** The same, but so many entries at most. */
    void follow(Replica leader, int entries) {
        int left = entries;
        for (Entry entry : leader.log) {
            if (left > 0 && entry.position().compareTo(machine.appliedPosition()) > 0) {
                machine.apply(entry.position(), views(entry));
                left--;
            }
        }
    }

    /** Opens again what is on disk and replays the log behind it. */
    void restart() {
        closeStores();
        openStores();
        for (Entry entry : log) {
            if (entry.position().compareTo(machine.durablePosition()) > 0
                    && entry.position().compareTo(machine.appliedPosition()) > 0) {
                machine.apply(entry.position(), views(entry));
            }
        }
    }

    void closeStores() {
        if (open) {
            open = false;
            machine.close();
            stores.close();
        }
    }

    ChunkStores stores() {
        return stores;
    }

    @Override
    public void close() {
        closeStores();
        memory.close();
    }
}
