package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.Block;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Sealing;
import io.mirach.model.Slot;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import io.mirach.server.store.BlocksRead;
import io.mirach.server.store.StoreConfigs;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Snapshots of a volume on three placement groups, while a guest writes an ordered journal to it
 * through whatever gateways have it: write {@code i + 1} is issued once {@code i} is acknowledged.
 * Everything comes late, in any order and more than once: orders, writes, cluster maps of gateways
 * and of leaders. Gateways come, share, migrate, are evicted, die and resume; snapshots are given
 * up. Whatever happens, a snapshot is a prefix of the journal, with all that was acknowledged when
 * it was ordered and nothing that was issued after it was said to be ready; and it stays so.
 */
class SnapshotModelTest {
    private static final VolumeId VOLUME = new VolumeId(1);
    private static final int GROUPS = 3;
    private static final int GATEWAYS = 3;
    private static final int JOURNAL_SLOTS = 6;
    private static final int EXTENT_BYTES = 64 << 10;
    private static final int STEPS = 3000;

    /** Something on its way to a placement group. */
    private sealed interface Message {
        int group();
    }

    private record Order(int group, GroupOrder order) implements Message {}

    private record Write(int group, Gateway gateway, Pending pending, LayerId head)
            implements Message {}

    /** A write whose outcome its gateway does not know. */
    private static final class Pending {
        final int number;
        final WriteIdentity firstIdentity;
        boolean settled;

        Pending(int number, WriteIdentity firstIdentity) {
            this.number = number;
            this.firstIdentity = firstIdentity;
        }
    }

    /** A life of a gateway under one attachment. */
    private static final class Gateway {
        final String name;
        final Epoch epoch;
        final Map<Integer, Long> sequences = new HashMap<>();
        // The newest map that it has.
        int image;
        boolean over;
        Optional<Pending> pending = Optional.empty();

        Gateway(String name, Epoch epoch, int image) {
            this.name = name;
            this.epoch = epoch;
            this.image = image;
        }
    }

    @TempDir Path dir;
    private final List<Replica> groups = new ArrayList<>();
    private final List<ClusterImage> images = new ArrayList<>();
    private final List<Message> underWay = new ArrayList<>();
    private final Map<Long, Set<Integer>> admittedBy = new HashMap<>();
    private final Map<Long, Set<Integer>> sealedBy = new HashMap<>();
    private final List<Gateway> gateways = new ArrayList<>();
    private final Map<Long, Integer> acknowledgedAtOrder = new HashMap<>();
    private final Map<Long, List<Integer>> contents = new TreeMap<>();
    private Random random;
    private MetaState state;
    private int shared;
    private boolean quick;
    private int issued;
    private int acknowledged;
    private int aborted;

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(
            longs = {
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                24
            })
    void aSnapshotIsAPrefixOfWhatWasWritten(long seed) {
        random = new Random(seed);
        // From a volume with one owner to one of a cluster file system.
        shared = (int) (seed % 4) * 3;
        // Whether writes overtake orders, or all comes in any order.
        quick = seed % 8 < 4;
        for (int group = 0; group < GROUPS; group++) {
            groups.add(new Replica(dir.resolve("pg" + group), StoreConfigs.unflushed()));
        }
        try {
            run();
        } finally {
            groups.forEach(Replica::close);
        }
        assertThat(acknowledged).as("writes").isGreaterThan(50);
        assertThat(contents).as("snapshots").hasSizeGreaterThan(4);
    }

    private void run() {
        List<PlacementGroupId> slots =
                IntStream.range(0, Slot.COUNT)
                        .mapToObj(slot -> new PlacementGroupId(1 + slot % GROUPS))
                        .toList();
        state =
                MetaFixtures.after(
                        MetaFixtures.form(),
                        new MetaCommand.CreateVolume(
                                "vm1",
                                (long) Slot.COUNT * EXTENT_BYTES,
                                EXTENT_BYTES,
                                slots,
                                0,
                                false),
                        new MetaCommand.VolumeOpened(VOLUME));
        images.add(state.image().orElseThrow());
        for (int group = 0; group < GROUPS; group++) {
            List<Integer> served = new ArrayList<>();
            for (int slot = group; slot < Slot.COUNT; slot += GROUPS) {
                served.add(slot);
            }
            apply(
                    group,
                    new GroupOrder.OpenVolume(
                            pg(group),
                            VOLUME,
                            EXTENT_BYTES,
                            volume().sizeBytes(),
                            served,
                            volume().head()));
        }
        for (int step = 0; step < STEPS; step++) {
            switch (random.nextInt(40)) {
                case 0, 15 -> attach();
                case 1 -> takeSnapshot();
                case 16 -> {
                    if (!quick) {
                        takeSnapshot();
                    }
                }
                case 17 -> {
                    if (!quick) {
                        oddEvent();
                    }
                }
                case 2, 3 -> orderGroups();
                case 4 -> oddEvent();
                case 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 -> {
                    guest();
                    if (quick) {
                        deliver();
                    }
                }
                default -> deliver();
            }
            settle();
        }
        contents.forEach(
                (snapshot, then) ->
                        assertThat(read(volume().snapshot(snapshot).orElseThrow().layer()))
                                .as("snapshot %d, later", snapshot)
                                .isEqualTo(then));
    }

    // ---- the cluster map ----

    private Volume volume() {
        return state.image().orElseThrow().volumes().get(VOLUME);
    }

    private VolumeAccess access() {
        return state.image().orElseThrow().accessTo(VOLUME);
    }

    private Optional<Long> log(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        if (transition.reply().code() != ErrorCode.OK) {
            return Optional.empty();
        }
        if (transition.next().image().orElseThrow().version()
                > images.get(images.size() - 1).version()) {
            images.add(transition.next().image().orElseThrow());
        }
        state = transition.next();
        return Optional.of(transition.reply().id());
    }

    private void attach() {
        String name = "gw" + random.nextInt(GATEWAYS);
        boolean sharing = random.nextInt(10) < shared;
        boolean force = !sharing && random.nextInt(6) == 0;
        long window = !sharing && !force && random.nextInt(2) == 0 ? 1000 : 0;
        Attachment.Mode mode = sharing ? Attachment.Mode.SHARED : Attachment.Mode.READ_WRITE;
        log(
                new MetaCommand.Attach(
                        VOLUME, mode, name, "host", "proof " + name, force, window, List.of(), 0));
    }

    private void takeSnapshot() {
        log(new MetaCommand.CreateSnapshot(VOLUME, "s" + images.size(), 0))
                .ifPresent(id -> acknowledgedAtOrder.put(id, acknowledged));
    }

    private void oddEvent() {
        switch (random.nextInt(8)) {
            case 0 ->
                    log(
                            new MetaCommand.EndMigration(
                                    VOLUME,
                                    access().migration().map(m -> m.id()).orElse(1L),
                                    List.of()));
            case 1 -> log(new MetaCommand.Revoke(VOLUME, "gw" + random.nextInt(GATEWAYS), "odd"));
            case 2 -> {
                if (random.nextInt(3) == 0) {
                    volume().sealing()
                            .flatMap(s -> log(new MetaCommand.AbortSnapshot(VOLUME, s.snapshot())))
                            .ifPresent(done -> aborted++);
                }
            }
            case 3 -> {
                // A gateway dies, and what it has sent arrives.
                if (!gateways.isEmpty()) {
                    anyOf(gateways).over = true;
                }
            }
            default -> {
                if (!gateways.isEmpty()) {
                    hearOfMap(anyOf(gateways));
                }
            }
        }
    }

    /** As a meta leader does, and as a new one does again. */
    private void orderGroups() {
        VolumeAccess access = access();
        if (!access.admitted()) {
            for (int group = 0; group < GROUPS; group++) {
                underWay.add(
                        new Order(
                                group,
                                new GroupOrder.Admit(
                                        pg(group),
                                        VOLUME,
                                        access.admissionVersion(),
                                        access.held().map(Attachment::epoch).toList(),
                                        List.of())));
            }
        }
        volume().sealing()
                .ifPresent(
                        sealing -> {
                            for (int group = 0; group < GROUPS; group++) {
                                underWay.add(
                                        new Order(
                                                group,
                                                GroupOrder.SealLayer.of(
                                                        pg(group), VOLUME, sealing)));
                            }
                        });
    }

    /** The meta leader logs what all groups have done, perhaps again. */
    private void settle() {
        admittedBy.forEach(
                (version, by) -> {
                    if (by.size() == GROUPS) {
                        log(new MetaCommand.AdmissionInstalled(VOLUME, version));
                    }
                });
        for (Attachment attachment : access().attachments()) {
            if (attachment.state() == Attachment.State.LIVE
                    && gateways.stream().noneMatch(g -> g.epoch.equals(attachment.epoch()))) {
                // Told with a map as new as the grant.
                gateways.add(
                        new Gateway(attachment.gateway(), attachment.epoch(), images.size() - 1));
            }
        }
        sealedBy.forEach(
                (snapshot, by) -> {
                    if (by.size() == GROUPS) {
                        log(new MetaCommand.LayerSealed(VOLUME, snapshot));
                    }
                });
        for (Snapshot snapshot : volume().snapshots()) {
            if (snapshot.state() == Snapshot.State.READY && !contents.containsKey(snapshot.id())) {
                check(snapshot);
            }
        }
    }

    // ---- the guest, and its gateways ----

    private static PlacementGroupId pg(int group) {
        return new PlacementGroupId(1 + group);
    }

    private static int slotOf(int number) {
        return number % JOURNAL_SLOTS;
    }

    private <T> T anyOf(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    private void hearOfMap(Gateway gateway) {
        gateway.image += random.nextInt(images.size() - gateway.image);
    }

    /** Issues the next write through one gateway, or has one send what is not settled again. */
    private void guest() {
        List<Gateway> usable = gateways.stream().filter(g -> !g.over).toList();
        Optional<Gateway> notFenced =
                gateways.stream()
                        .filter(g -> g.over && g.pending.isPresent())
                        .filter(g -> access().attachment(g.epoch).isPresent())
                        .findFirst();
        if (notFenced.isPresent()) {
            // What it has sent may still arrive, on top of what comes later.
            log(new MetaCommand.Revoke(VOLUME, notFenced.get().name, "dead"));
            return;
        }
        if (usable.isEmpty()) {
            return;
        }
        Gateway gateway = anyOf(usable);
        if (gateway.pending.isPresent()) {
            send(gateway, gateway.pending.get());
            return;
        }
        if (issued > acknowledged && usable.stream().anyMatch(g -> g.pending.isPresent())) {
            return;
        }
        // If whoever had it is gone, it is written anew: the same bytes to the same place.
        issued = acknowledged + 1;
        int slot = slotOf(issued);
        long sequence = gateway.sequences.merge(slot, 1L, Long::sum);
        Pending pending =
                new Pending(
                        issued,
                        new WriteIdentity(
                                VOLUME,
                                gateway.epoch,
                                new Slot(slot),
                                sequence,
                                sequence,
                                new LayerId(1)));
        gateway.pending = Optional.of(pending);
        send(gateway, pending);
    }

    private void send(Gateway gateway, Pending pending) {
        underWay.add(
                new Write(
                        slotOf(pending.number) % GROUPS,
                        gateway,
                        pending,
                        images.get(gateway.image).volumes().get(VOLUME).head()));
    }

    // ---- the placement groups ----

    private void deliver() {
        if (underWay.isEmpty()) {
            return;
        }
        // The newest write may be quick; orders, and the rest, may take for ever.
        Message last = underWay.get(underWay.size() - 1);
        Message message =
                quick && last instanceof Write && random.nextInt(3) > 0 ? last : anyOf(underWay);
        if (random.nextInt(4) > 0) {
            underWay.remove(message);
        }
        boolean answerIsLost = random.nextInt(8) == 0;
        if (message instanceof Order order) {
            ErrorCode code = apply(order.group(), order.order());
            if (code == ErrorCode.OK && !answerIsLost) {
                noteDone(order.group(), order.order());
            }
        } else if (message instanceof Write write) {
            ErrorCode code = applyWrite(write);
            if (!answerIsLost) {
                answer(write, code);
            }
        }
    }

    private void noteDone(int group, GroupOrder order) {
        if (order instanceof GroupOrder.Admit admit) {
            admittedBy.computeIfAbsent(admit.version(), v -> new HashSet<>()).add(group);
        } else if (order instanceof GroupOrder.SealLayer seal) {
            sealedBy.computeIfAbsent(seal.snapshotId(), v -> new HashSet<>()).add(group);
        }
    }

    private ErrorCode apply(int group, GroupOrder order) {
        return groups.get(group).apply(Commands.order(order)).get(0).code();
    }

    private ErrorCode applyWrite(Write write) {
        sealFirst(write);
        WriteIdentity first = write.pending().firstIdentity;
        WriteIdentity identity =
                new WriteIdentity(
                        first.volume(),
                        first.epoch(),
                        first.slot(),
                        first.sequence(),
                        first.lowestUnacknowledged(),
                        write.head());
        long offsetBytes = (long) first.slot().index() * EXTENT_BYTES;
        ByteBuf data = Unpooled.buffer(Block.BYTES);
        for (int i = 0; i < Block.BYTES / Integer.BYTES; i++) {
            data.writeInt(write.pending().number);
        }
        WriteRequest request =
                new WriteRequest(
                        pg(write.group()),
                        identity,
                        offsetBytes,
                        false,
                        Checksum.perBlock(offsetBytes, data),
                        data);
        return groups.get(write.group())
                .apply(ChunkCommandCodec.encode(request, ByteBufAllocator.DEFAULT))
                .get(0)
                .code();
    }

    /** What a leader does that has any map at all. */
    private void sealFirst(Write write) {
        GroupTables tables = groups.get(write.group()).machine.tables();
        if (tables.layer(write.head()).isPresent()) {
            return;
        }
        Volume known = anyOf(images).volumes().get(VOLUME);
        Optional<Sealing> seal =
                known.sealing()
                        .filter(s -> s.newHead().equals(write.head()))
                        .filter(s -> known.head().equals(write.head()));
        seal.ifPresent(
                s -> apply(write.group(), GroupOrder.SealLayer.of(pg(write.group()), VOLUME, s)));
    }

    private void answer(Write write, ErrorCode code) {
        Gateway gateway = write.gateway();
        if (gateway.over || write.pending().settled) {
            return;
        }
        switch (code) {
            case OK -> {
                write.pending().settled = true;
                gateway.pending = Optional.empty();
                acknowledged = Math.max(acknowledged, write.pending().number);
            }
            case STALE_LAYER, UNKNOWN_LAYER -> hearOfMap(gateway);
            case FENCED -> gateway.over = true;
            default -> throw new AssertionError(write + " was answered " + code);
        }
    }

    // ---- what a snapshot is ----

    /** The journal's entries by slot; 0 where there is none. */
    private List<Integer> read(LayerId layer) {
        List<Integer> journal = new ArrayList<>();
        for (int slot = 0; slot < JOURNAL_SLOTS; slot++) {
            ChunkStateMachine machine = groups.get(slot % GROUPS).machine;
            int blocksPerExtent = EXTENT_BYTES / Block.BYTES;
            BlocksRead blocks =
                    machine.store()
                            .read(
                                    machine.tables().chainOf(layer),
                                    blocksPerExtent,
                                    (long) slot * blocksPerExtent,
                                    1,
                                    ByteBufAllocator.DEFAULT);
            journal.add(
                    blocks.crcs().length == 0
                            ? 0
                            : blocks.data().getInt(blocks.data().readerIndex()));
            blocks.data().release();
        }
        return journal;
    }

    private void check(Snapshot snapshot) {
        List<Integer> journal = read(snapshot.layer());
        int newest = journal.stream().max(Integer::compare).orElseThrow();
        List<Integer> prefix =
                IntStream.range(0, JOURNAL_SLOTS)
                        .map(slot -> newestIn(slot, newest))
                        .boxed()
                        .collect(Collectors.toList());
        assertThat(journal).as("%s is a prefix", snapshot).isEqualTo(prefix);
        assertThat(newest)
                .as("%s has what was acknowledged before", snapshot)
                .isGreaterThanOrEqualTo(acknowledgedAtOrder.get(snapshot.id()))
                .isLessThanOrEqualTo(issued);
        for (int group = 0; group < GROUPS; group++) {
            GroupTables tables = groups.get(group).machine.tables();
            VolumeState known = tables.volume(VOLUME).orElseThrow();
            assertThat(tables.checkSnapshot(known, snapshot.layer())).isEqualTo(ErrorCode.OK);
        }
        contents.put(snapshot.id(), journal);
    }

    private static int newestIn(int slot, int newest) {
        for (int number = newest; number > 0 && number > newest - JOURNAL_SLOTS; number--) {
            if (slotOf(number) == slot) {
                return number;
            }
        }
        return 0;
    }
}
