package io.mirach.server.metadata;

import static io.mirach.server.metadata.MetaFixtures.admitted;
import static io.mirach.server.metadata.MetaFixtures.attach;
import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.form;
import static io.mirach.server.metadata.MetaFixtures.release;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.ClusterImage;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.RoleChange;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.StoreConfig;
import io.mirach.server.store.StoreMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetadataStateMachineTest {
    private static final List<List<MetaCommand>> LOG =
            List.of(
                    List.of(form()),
                    List.of(create("vm1"), create("vm1"), create("vm2")),
                    List.of(new MetaCommand.VolumeOpened(new VolumeId(1))),
                    List.of(
                            new MetaCommand.AddGateway(MetaFixtures.gateway("gw1")),
                            attach(1, "gw1", "p"),
                            admitted(1, 1)),
                    List.of(new MetaCommand.DeleteVolume(new VolumeId(2))),
                    List.of(
                            new MetaCommand.VolumeDropped(new VolumeId(2)),
                            attach(1, "gw2", "q"),
                            release(1, 1)));

    private static final class Heard implements MetadataStateMachine.Listener {
        final List<Long> versions = new ArrayList<>();

        @Override
        public void applied(ClusterImage image) {
            versions.add(image.version());
        }

        @Override
        public void roleChanged(RoleChange change) {}
    }

    @TempDir Path folder;
    private final StoreMemory memory = new StoreMemory(notFlushing());

    /** Closing leaves what a killed process leaves. */
    private static StoreConfig notFlushing() {
        StoreConfig d = StoreConfig.defaults();
        return new StoreConfig(
                d.blockCacheBytes(),
                d.writeBufferBytes(),
                d.groupWriteBufferBytes(),
                d.blobFileBytes(),
                1,
                d.maxOpenFiles(),
                false);
    }

    @AfterEach
    void closeMemory() {
        memory.close();
    }

    private static List<MetaReply> apply(
            MetadataStateMachine machine, long index, List<MetaCommand> commands) {
        List<ByteBuf> encoded = commands.stream().map(MetaCommandCodec::encode).toList();
        try {
            return machine.apply(new LogPosition(1, index), encoded);
        } finally {
            encoded.forEach(ByteBuf::release);
        }
    }

    @Test
    void theSameLogGivesTheSameStateAndRepliesHoweverItIsCutIntoEntries() {
        try (ChunkStores one = ChunkStores.open(folder.resolve("one"), memory);
                ChunkStores two = ChunkStores.open(folder.resolve("two"), memory);
                MetadataStateMachine batched =
                        new MetadataStateMachine(
                                one.metaStore(MetaFixtures.META_GROUP), new Heard());
                MetadataStateMachine single =
                        new MetadataStateMachine(
                                two.metaStore(MetaFixtures.META_GROUP), new Heard())) {
            List<MetaReply> batchedReplies = new ArrayList<>();
            List<MetaReply> singleReplies = new ArrayList<>();
            long singleIndex = 0;
            for (int entry = 0; entry < LOG.size(); entry++) {
                batchedReplies.addAll(apply(batched, entry, LOG.get(entry)));
                for (MetaCommand command : LOG.get(entry)) {
                    singleReplies.addAll(apply(single, singleIndex++, List.of(command)));
                }
            }
            assertThat(batchedReplies).isEqualTo(singleReplies);
            assertThat(batched.state()).isEqualTo(single.state());
            assertThat(batchedReplies)
                    .extracting(MetaReply::code)
                    .contains(ErrorCode.VOLUME_EXISTS, ErrorCode.VOLUME_IN_USE);
        }
    }

    @Test
    void replayFromTheDurablePositionGivesTheSameState() {
        MetaState expected;
        LogPosition durable;
        Path dir = folder.resolve("replica");
        try (ChunkStores stores = ChunkStores.open(dir, memory);
                MetadataStateMachine machine =
                        new MetadataStateMachine(
                                stores.metaStore(MetaFixtures.META_GROUP), new Heard())) {
            for (int entry = 0; entry < LOG.size(); entry++) {
                apply(machine, entry, LOG.get(entry));
                if (entry == 2) {
                    machine.checkpoint();
                }
            }
            expected = machine.state();
        }
        try (ChunkStores stores = ChunkStores.open(dir, memory)) {
            Heard heard = new Heard();
            try (MetadataStateMachine machine =
                    new MetadataStateMachine(stores.metaStore(MetaFixtures.META_GROUP), heard)) {
                durable = machine.durablePosition();
                assertThat(durable.index()).isEqualTo(2);
                assertThat(heard.versions).containsExactly(machine.state().version());
                for (int entry = 3; entry < LOG.size(); entry++) {
                    apply(machine, entry, LOG.get(entry));
                }
                assertThat(machine.state()).isEqualTo(expected);
                machine.checkpoint();
            }
        }
        try (ChunkStores stores = ChunkStores.open(dir, memory);
                MetadataStateMachine machine =
                        new MetadataStateMachine(
                                stores.metaStore(MetaFixtures.META_GROUP), new Heard())) {
            assertThat(machine.state()).isEqualTo(expected);
            assertThat(machine.appliedPosition().index()).isEqualTo(LOG.size() - 1L);
        }
    }

    @Test
    void listenersHearEveryVersionOnceAndInOrder() {
        Heard heard = new Heard();
        try (ChunkStores stores = ChunkStores.open(folder.resolve("r"), memory);
                MetadataStateMachine machine =
                        new MetadataStateMachine(
                                stores.metaStore(MetaFixtures.META_GROUP), heard)) {
            for (int entry = 0; entry < LOG.size(); entry++) {
                apply(machine, entry, LOG.get(entry));
            }
            for (int i = 0; i < heard.versions.size(); i++) {
                assertThat(heard.versions.get(i)).isEqualTo(i + 1);
            }
            assertThat(heard.versions.size()).isEqualTo((int) machine.state().version());
        }
    }

    @Test
    void anEntryThatThisBuildCannotReadStopsTheReplica() {
        try (ChunkStores stores = ChunkStores.open(folder.resolve("r"), memory);
                MetadataStateMachine machine =
                        new MetadataStateMachine(
                                stores.metaStore(MetaFixtures.META_GROUP), new Heard())) {
            apply(machine, 0, List.of(form()));
            MetaState before = machine.state();
            for (String bad :
                    List.of(
                            "\u0003{\"command\":\"create-volume\"}",
                            "\u0002{\"command\":\"from-the-future\"}",
                            "\u0002{\"command\":\"remove-export\",\"volume\":1,\"gateway\":\"g\",\"more\":2}",
                            "\u0002not json")) {
                ByteBuf entry = Unpooled.copiedBuffer(bad, StandardCharsets.UTF_8);
                assertThatThrownBy(() -> machine.apply(new LogPosition(1, 1), List.of(entry)))
                        .isInstanceOf(IllegalStateException.class);
                entry.release();
            }
            assertThat(machine.state()).isEqualTo(before);
            assertThat(machine.appliedPosition().index()).isZero();
        }
    }

    @Test
    void commandsKeepTheirFormatInTheLog() {
        ByteBuf encoded = MetaCommandCodec.encode(new MetaCommand.VolumeOpened(new VolumeId(7)));
        assertThat(encoded.toString(StandardCharsets.UTF_8))
                .isEqualTo("\u0002{\"command\":\"volume-opened\",\"volume\":7}");
        assertThat(MetaCommandCodec.decode(encoded))
                .isEqualTo(new MetaCommand.VolumeOpened(new VolumeId(7)));
        encoded.release();
        for (List<MetaCommand> entry : LOG) {
            for (MetaCommand command : entry) {
                ByteBuf once = MetaCommandCodec.encode(command);
                assertThat(MetaCommandCodec.decode(once)).isEqualTo(command);
                once.release();
            }
        }
    }
}
