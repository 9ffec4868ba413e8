package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.SnapshotView;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.OpenSnapshot;
import io.mirach.client.VolumeIo;
import io.mirach.model.Attachment.Mode;
import io.mirach.model.BlockRange;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots of a three-node cluster in this JVM, by the native client. */
@Timeout(120)
class SnapshotIT {
    private static final int EXTENT_BYTES = 64 << 10;
    private static final long SIZE_BYTES = 64L * EXTENT_BYTES;

    @TempDir Path folder;
    private InProcessCluster cluster;
    private AdminClient admin;
    private MirachClient client;

    @BeforeEach
    void start() throws Exception {
        cluster = new InProcessCluster(folder, 3);
        cluster.startAll();
        cluster.init();
        cluster.awaitHealthy();
        admin = cluster.admin();
        admin.createVolume(new CreateVolumeRequest("vm1", SIZE_BYTES, EXTENT_BYTES));
        client = cluster.client("gw");
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    private static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(30, TimeUnit.SECONDS);
    }

    private static byte[] filled(int lengthBytes, int value) {
        byte[] data = new byte[lengthBytes];
        Arrays.fill(data, (byte) value);
        return data;
    }

    private static void write(VolumeIo volume, long offsetBytes, int lengthBytes, int value)
            throws Exception {
        await(volume.write(offsetBytes, Unpooled.wrappedBuffer(filled(lengthBytes, value))));
    }

    private static byte[] read(VolumeIo volume, long offsetBytes, int lengthBytes)
            throws Exception {
        ByteBuf bytes = await(volume.read(offsetBytes, lengthBytes));
        try {
            return ByteBufUtil.getBytes(bytes);
        } finally {
            bytes.release();
        }
    }

    private OpenSnapshot open(String name) throws Exception {
        return await(client.openSnapshot(SnapshotName.parse(name).orElseThrow()));
    }

    private SnapshotView take(String name) {
        return admin.createSnapshot("vm1", new CreateSnapshotRequest(name));
    }

    @Test
    void aSnapshotStaysAsTheVolumeWasWhileThatGoesOn() throws Exception {
        AttachedVolume volume = await(client.attach("vm1", Mode.READ_WRITE));
        // Every slot, so every placement group.
        for (int extent = 0; extent < 64; extent++) {
            write(volume, (long) extent * EXTENT_BYTES, 8192, 1);
        }
        assertThat(take("one").state()).isEqualTo(Snapshot.State.READY);
        for (int extent = 0; extent < 64; extent += 2) {
            write(volume, (long) extent * EXTENT_BYTES + 100, 4096, 2);
        }
        await(volume.writeZeroes(EXTENT_BYTES, EXTENT_BYTES, false));
        assertThat(take("two").state()).isEqualTo(Snapshot.State.READY);
        await(volume.discard(0, SIZE_BYTES));

        OpenSnapshot one = open("vm1@one");
        OpenSnapshot two = open("vm1@two");
        for (int extent = 0; extent < 64; extent++) {
            long at = (long) extent * EXTENT_BYTES;
            assertThat(read(volume, at, 12288)).containsOnly(0);
            assertThat(read(one, at, 8192)).containsOnly(1);
            assertThat(read(one, at + 8192, 4096)).containsOnly(0);
            if (extent % 2 == 0) {
                assertThat(read(two, at, 100)).containsOnly(1);
                assertThat(read(two, at + 100, 4096)).containsOnly(2);
                assertThat(read(two, at + 4196, 3996)).containsOnly(1);
            } else {
                assertThat(read(two, at, 8192)).containsOnly(extent == 1 ? 0 : 1);
            }
        }
        assertThat(await(one.allocation(0, 2L * EXTENT_BYTES, 10)).allocated())
                .containsExactly(new BlockRange(0, 2), new BlockRange(16, 2));
        assertThat(await(two.allocation(0, 2L * EXTENT_BYTES, 10)).allocated())
                .containsExactly(new BlockRange(0, 2));
        assertThat(await(volume.allocation(0, SIZE_BYTES, 10)).allocated()).isEmpty();
        assertThatThrownBy(() -> write(one, 0, 4096, 9))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.READ_ONLY));
        one.close();
        two.close();
        assertThat(admin.snapshots("vm1"))
                .extracting(SnapshotView::name)
                .containsExactly("one", "two");
        assertThat(admin.volume("vm1").snapshots()).isEqualTo(2);
    }

    @Test
    void snapshotsOfSharedAndOfUnusedVolumesAndWhatIsRefused() throws Exception {
        take("unused");
        AttachedVolume one = await(client.attach("vm1", Mode.SHARED));
        AttachedVolume other = await(cluster.client("gw2").attach("vm1", Mode.SHARED));
        write(one, 0, 4096, 1);
        write(other, EXTENT_BYTES, 4096, 2);
        take("shared");
        write(other, 0, 4096, 3);
        assertThat(read(one, 0, 4096)).containsOnly(3);
        assertThat(read(open("vm1@unused"), 0, 4096)).containsOnly(0);
        assertThat(read(open("vm1@shared"), 0, 4096)).containsOnly(1);
        assertThat(read(open("vm1@shared"), EXTENT_BYTES, 4096)).containsOnly(2);

        assertThatThrownBy(() -> take("shared"))
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.SNAPSHOT_EXISTS));
        assertThatThrownBy(() -> open("vm1@none"))
                .cause()
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.NO_SUCH_SNAPSHOT));
        await(one.detach());
        await(other.detach());
        assertThatThrownBy(() -> admin.deleteVolume("vm1"))
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.HAS_SNAPSHOTS));
        OpenSnapshot open = open("vm1@shared");
        admin.deleteVolume("vm1", true);
        assertThatThrownBy(() -> await(open.closed()))
                .cause()
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.NO_SUCH_SNAPSHOT));
        assertThat(admin.snapshots()).isEmpty();
    }

    private static ErrorCode codeOf(Throwable failure) {
        return ((MirachException) failure).code();
    }
}
