package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Migration;
import io.mirach.model.ReplicaSet;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class AttachmentTermsTest {
    private static final VolumeId VOLUME = new VolumeId(1);
    private static final Migration MIGRATION = new Migration(7, "a", "b", 60_000);

    // Monotonic clocks may be negative.
    private long nowNanos = -5;
    private final AttachmentTerms terms =
            new AttachmentTerms(Duration.ofSeconds(30), () -> nowNanos);

    /** As the reconciler does, once per second. */
    private void pass(long seconds, VolumeAccess access) {
        for (long i = 0; i < seconds; i++) {
            nowNanos += TimeUnit.SECONDS.toNanos(1);
            terms.observe(image(access));
        }
    }

    private static VolumeAccess access(Optional<Migration> migration, long... epochs) {
        List<Attachment> attachments =
                LongStream.of(epochs)
                        .mapToObj(
                                epoch ->
                                        new Attachment(
                                                VOLUME,
                                                new Epoch(epoch),
                                                Attachment.Mode.SHARED,
                                                "gw" + epoch,
                                                "h",
                                                "p",
                                                Attachment.State.LIVE,
                                                0,
                                                ""))
                        .toList();
        return new VolumeAccess(VOLUME, 1, true, attachments, List.of(), migration, List.of());
    }

    private static VolumeAccess access(long... epochs) {
        return access(Optional.empty(), epochs);
    }

    private static ClusterImage image(VolumeAccess access) {
        return new ClusterImage(
                1,
                new UUID(0, 1),
                new UUID(0, 2),
                new ReplicaSet(1, List.of()),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of(VOLUME, access),
                Map.of());
    }

    @Test
    void whatIsNotRenewedExpiresAndWhatIsRenewedDoesNot() {
        VolumeAccess both = access(1, 2);
        terms.observe(image(both));
        pass(20, both);
        terms.renewed(List.of(new Epoch(2)));
        assertThat(terms.leftMs(new Epoch(1))).isEqualTo(10_000);
        assertThat(terms.leftMs(new Epoch(2))).isEqualTo(30_000);
        pass(9, both);
        assertThat(terms.expired(both)).isEmpty();
        pass(1, both);
        assertThat(terms.expired(both)).containsExactly(new Epoch(1));
        assertThat(terms.leftMs(new Epoch(1))).isZero();
        // Nobody wanted it: it goes on.
        terms.renewed(List.of(new Epoch(1)));
        assertThat(terms.expired(both)).isEmpty();
    }

    @Test
    void aNewOneRunsFromWhenItIsFirstSeen() {
        pass(100, access(1));
        VolumeAccess both = access(1, 2);
        assertThat(terms.leftMs(new Epoch(2))).as("not seen yet").isEqualTo(30_000);
        pass(1, both);
        assertThat(terms.expired(both)).containsExactly(new Epoch(1));
        pass(29, both);
        assertThat(terms.leftMs(new Epoch(2))).isEqualTo(1_000);
    }

    @Test
    void aNewLeaderGrantsEveryoneAFullTerm() {
        VolumeAccess one = access(Optional.of(MIGRATION), 1);
        pass(40, one);
        assertThat(terms.expired(one)).hasSize(1);
        assertThat(terms.leftMs(MIGRATION)).isEqualTo(21_000);
        terms.begin();
        assertThat(terms.expired(one)).isEmpty();
        pass(29, one);
        assertThat(terms.expired(one)).isEmpty();
        pass(2, one);
        assertThat(terms.expired(one)).hasSize(1);
        assertThat(terms.leftMs(MIGRATION)).isEqualTo(30_000);
    }

    @Test
    void aLeaderThatWasStoppedMayHaveMissedRenewals() {
        VolumeAccess one = access(1);
        pass(10, one);
        nowNanos += TimeUnit.SECONDS.toNanos(300);
        terms.observe(image(one));
        assertThat(terms.leftMs(new Epoch(1))).isEqualTo(30_000);
        pass(30, one);
        assertThat(terms.expired(one)).hasSize(1);
    }

    @Test
    void aMigrationRunsForItsWindowWhateverIsRenewed() {
        VolumeAccess migrating = access(Optional.of(MIGRATION), 1, 2);
        terms.observe(image(migrating));
        for (int i = 0; i < 59; i++) {
            pass(1, migrating);
            terms.renewed(List.of(new Epoch(1), new Epoch(2)));
        }
        assertThat(terms.leftMs(MIGRATION)).isEqualTo(1_000);
        pass(1, migrating);
        assertThat(terms.leftMs(MIGRATION)).isZero();
        assertThat(terms.expired(migrating)).isEmpty();
        // Another one of the same gateways starts over.
        Migration next = new Migration(8, "a", "b", 60_000);
        pass(1, access(Optional.of(next), 1, 2));
        assertThat(terms.leftMs(next)).isEqualTo(60_000);
    }
}
