package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.AttachmentView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.DetachRequest;
import io.mirach.admin.PgView;
import io.mirach.client.AttachOptions;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.model.Attachment;
import io.mirach.model.Attachment.Mode;
import io.mirach.model.Epoch;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.RenewAttachments;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who may use a volume, on three nodes in this JVM, with clients that write while they lose it. */
@Timeout(180)
class AttachmentIT {
    private static final Duration TERM = Duration.ofSeconds(3);
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 64;
    // Blocks of all placement groups are written: one in each extent.
    private static final long STRIDE = 4L << 20;

    @TempDir static Path folder;

    private static InProcessCluster cluster;
    private static int names;

    @BeforeAll
    static void start() throws Exception {
        cluster = new InProcessCluster(folder, 3, 1, TERM);
        cluster.startAll();
        cluster.init();
        await().atMost(SOON)
                .ignoreExceptions()
                .until(
                        () ->
                                cluster.admin().placementGroups().stream()
                                        .allMatch(pg -> pg.state() == PgView.Condition.HEALTHY));
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    private static String newVolume() {
        String name = "vm-" + ++names;
        cluster.admin().createVolume(new CreateVolumeRequest(name, 1L << 30, 0));
        return name;
    }

    private static AttachedVolume attach(MirachClient client, String volume, AttachOptions how) {
        return client.attach(volume, how).orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static AttachedVolume attach(MirachClient client, String volume, Mode mode) {
        return attach(client, volume, AttachOptions.of(mode));
    }

    private static ByteBuf filled(int value) {
        byte[] bytes = new byte[BLOCK];
        Arrays.fill(bytes, (byte) value);
        return Unpooled.wrappedBuffer(bytes);
    }

    private static void write(AttachedVolume volume, int block, int value) {
        volume.write(block * STRIDE, filled(value)).orTimeout(60, TimeUnit.SECONDS).join();
    }

    /** The value that all bytes of the block have. */
    private static int read(AttachedVolume volume, int block) {
        ByteBuf data = volume.read(block * STRIDE, BLOCK).orTimeout(60, TimeUnit.SECONDS).join();
        byte[] bytes = ByteBufUtil.getBytes(data);
        data.release();
        for (byte each : bytes) {
            assertThat(each).as("a block is not torn").isEqualTo(bytes[0]);
        }
        return bytes[0] & 0xff;
    }

    private static void assertFails(CompletableFuture<?> future, ErrorCode code) {
        assertThatThrownBy(() -> future.orTimeout(60, TimeUnit.SECONDS).join())
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(code));
    }

    private static ErrorCode codeOf(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof MirachException e ? e.code() : null;
    }

    private static void assertFenced(AttachedVolume volume, String why) {
        assertFails(volume.closed(), ErrorCode.FENCED);
        assertThat(volume.explanation().orTimeout(60, TimeUnit.SECONDS).join())
                .hasMessageContaining(why);
        assertFails(volume.write(0, filled(99)), ErrorCode.FENCED);
        assertFails(volume.read(0, BLOCK), ErrorCode.FENCED);
    }

    /** Writes to a volume as fast as answers come, until it may not any more. */
    private static final class Writer {
        private final AttachedVolume volume;
        private final Map<Integer, Integer> acknowledged = new ConcurrentHashMap<>();
        private final Map<Integer, Integer> begun = new ConcurrentHashMap<>();
        private final List<CompletableFuture<Void>> ended = new ArrayList<>();

        Writer(AttachedVolume volume) {
            this.volume = volume;
            for (int block = 0; block < BLOCKS; block++) {
                CompletableFuture<Void> end = new CompletableFuture<>();
                ended.add(end);
                next(block, 1, end);
            }
        }

        private void next(int block, int value, CompletableFuture<Void> end) {
            begun.put(block, value);
            volume.write(block * STRIDE, filled(value % 251))
                    .whenCompleteAsync(
                            (ok, failure) -> {
                                if (failure == null) {
                                    acknowledged.put(block, value);
                                    next(block, value + 1, end);
                                } else if (codeOf(failure) == ErrorCode.FENCED) {
                                    end.complete(null);
                                } else {
                                    end.completeExceptionally(failure);
                                }
                            });
        }

        void awaitEnd() {
            CompletableFuture.allOf(ended.toArray(CompletableFuture[]::new))
                    .orTimeout(60, TimeUnit.SECONDS)
                    .join();
        }
    }

    @Test
    void whatAFencedWriterSendsIsDoneBeforeTheGrantOrNever() throws Exception {
        String name = newVolume();
        MirachClient first = cluster.client("gw-1");
        MirachClient second = cluster.client("gw-2");
        Writer writer = new Writer(attach(first, name, Mode.READ_WRITE));
        await().atMost(SOON).until(() -> writer.acknowledged.size() == BLOCKS);
        assertFails(second.attach(name, Mode.READ_WRITE), ErrorCode.VOLUME_IN_USE);

        AttachedVolume taken = attach(second, name, AttachOptions.forced(Mode.READ_WRITE));
        List<Integer> atGrant = new ArrayList<>();
        for (int block = 0; block < BLOCKS; block++) {
            atGrant.add(read(taken, block));
        }
        writer.awaitEnd();
        for (int block = 0; block < BLOCKS; block++) {
            assertThat(read(taken, block)).as("block " + block).isEqualTo(atGrant.get(block));
            // The last one that was begun had taken effect or not; all before it had.
            assertThat(atGrant.get(block))
                    .isIn(writer.acknowledged.get(block) % 251, writer.begun.get(block) % 251);
        }
        assertFenced(writer.volume, "gateway gw-2 took it over by force");
        write(taken, 0, 7);
        assertThat(read(taken, 0)).isEqualTo(7);
    }

    @Test
    void oneOfTwoSharersIsEvictedAloneAndMayResume() throws Exception {
        String name = newVolume();
        AttachedVolume one = attach(cluster.client("gw-1"), name, Mode.SHARED);
        MirachClient second = cluster.client("gw-2");
        AttachedVolume two = attach(second, name, Mode.SHARED);
        AttachedVolume reader = attach(cluster.client("gw-3"), name, Mode.READ_ONLY);
        write(one, 1, 11);
        write(two, 2, 22);
        assertThat(read(two, 1)).isEqualTo(11);
        assertThat(read(reader, 2)).isEqualTo(22);
        assertFails(reader.write(0, filled(1)), ErrorCode.READ_ONLY);
        assertFails(cluster.client("gw-4").attach(name, Mode.READ_WRITE), ErrorCode.VOLUME_IN_USE);

        // The same owner comes back: a new epoch at once, and nobody else notices.
        AttachedVolume again = attach(cluster.client("gw-2"), name, Mode.SHARED);
        assertThat(again.epoch()).isGreaterThan(two.epoch());
        assertFenced(two, "attached anew");
        write(again, 2, 23);

        cluster.admin().detach(name, new DetachRequest(true, Optional.of("gw-1")));
        assertFenced(one, "an operator detached it by force");
        write(again, 1, 12);
        assertThat(read(reader, 1)).isEqualTo(12);
        assertThat(cluster.admin().volume(name).attachments())
                .extracting(AttachmentView::gateway)
                .containsExactlyInAnyOrder("gw-2", "gw-3");
        assertFails(
                CompletableFuture.runAsync(
                        () -> cluster.admin().detach(name, new DetachRequest(true))),
                ErrorCode.INVALID_ARGUMENT);
    }

    @Test
    void aMigrationHasTwoWritersForItsWindow() throws Exception {
        String name = newVolume();
        MirachClient source = cluster.client("gw-1");
        MirachClient target = cluster.client("gw-2");
        AttachedVolume from = attach(source, name, Mode.READ_WRITE);
        // Called off: the first goes on.
        AttachedVolume calledOff =
                attach(target, name, AttachOptions.migrating(Duration.ofSeconds(60)));
        write(from, 1, 1);
        write(calledOff, 1, 2);
        assertThat(read(from, 1)).isEqualTo(2);
        calledOff.detach().get(60, TimeUnit.SECONDS);
        write(from, 1, 3);

        AttachedVolume to = attach(target, name, AttachOptions.migrating(Duration.ofSeconds(2)));
        assertFails(cluster.client("gw-3").attach(name, Mode.READ_WRITE), ErrorCode.VOLUME_IN_USE);
        write(to, 2, 4);
        assertFenced(from, "the window of its migration to gateway gw-2 is over");
        write(to, 1, 5);
        await().atMost(SOON).until(() -> cluster.admin().volume(name).attachments().size() == 1);
        assertThat(read(to, 1)).isEqualTo(5);
    }

    @Test
    void whoIsNotHeardForATermIsInNobodysWay() throws Exception {
        String name = newVolume();
        MirachClient gone = cluster.client("gw-1");
        MirachClient next = cluster.client("gw-2");
        AttachedVolume held = attach(gone, name, Mode.READ_WRITE);
        write(held, 1, 1);
        long epoch = held.epoch().value();
        // It renews: two terms later it still holds the volume.
        long since = System.nanoTime();
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(500))
                .until(
                        () -> {
                            AttachmentView view = viewOf(name);
                            assertThat(view.epoch()).isEqualTo(epoch);
                            assertThat(view.expiresInMs()).isPositive();
                            return System.nanoTime() - since > TERM.toNanos() * 2;
                        });
        assertFails(next.attach(name, Mode.READ_WRITE), ErrorCode.VOLUME_IN_USE);

        gone.close();
        assertFails(next.attach(name, Mode.READ_WRITE), ErrorCode.VOLUME_IN_USE);
        await().atMost(SOON).until(() -> viewOf(name).expiresInMs() == 0);
        assertThat(viewOf(name).state()).isEqualTo(Attachment.State.LIVE);
        AttachedVolume taken = attach(next, name, Mode.READ_WRITE);
        assertThat(read(taken, 1)).isEqualTo(1);
    }

    @Test
    void whoDoesNotProveToBeTheOwnerNeitherDetachesNorRenews() throws Exception {
        String name = newVolume();
        MirachClient owner = cluster.client("gw-1");
        AttachedVolume held = attach(owner, name, Mode.READ_WRITE);
        VolumeId volume = owner.image().volumeNamed(name).orElseThrow().id();
        try (NodeCaller caller = new NodeCaller(owner.image())) {
            assertFails(
                    caller.ask(
                            Opcode.DETACH,
                            new io.mirach.protocol.cluster.DetachRequest(
                                    volume, held.epoch(), "a guess")),
                    ErrorCode.NOT_ATTACHED);
            write(held, 1, 1);

            // Nobody else renews it from here on.
            owner.close();
            await().atMost(SOON)
                    .until(
                            () -> {
                                renew(caller, "a guess", volume, held.epoch());
                                return viewOf(name).expiresInMs() == 0;
                            });
            renew(caller, "secret-gw-1", volume, held.epoch());
            assertThat(viewOf(name).expiresInMs()).isPositive();
        }
    }

    private static void renew(NodeCaller caller, String secret, VolumeId volume, Epoch epoch) {
        RenewAttachments.Held each = new RenewAttachments.Held(volume, epoch);
        caller.ask(Opcode.RENEW_ATTACHMENTS, new RenewAttachments("gw-1", secret, List.of(each)))
                .orTimeout(60, TimeUnit.SECONDS)
                .join();
    }

    private static AttachmentView viewOf(String volume) {
        return cluster.admin().volume(volume).attachments().get(0);
    }
}
