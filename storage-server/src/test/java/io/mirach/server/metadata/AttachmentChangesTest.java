package io.mirach.server.metadata;

import static io.mirach.model.Attachment.Mode.READ_ONLY;
import static io.mirach.model.Attachment.Mode.READ_WRITE;
import static io.mirach.model.Attachment.Mode.SHARED;
import static io.mirach.server.metadata.MetaFixtures.admitted;
import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.form;
import static io.mirach.server.metadata.MetaFixtures.gateway;
import static io.mirach.server.metadata.MetaFixtures.release;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.Migration;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class AttachmentChangesTest {
    private static final VolumeId VOLUME = new VolumeId(1);

    private MetaState state =
            MetaFixtures.after(
                    form(),
                    create("vm1"),
                    new MetaCommand.VolumeOpened(VOLUME),
                    new MetaCommand.AddGateway(gateway("a")),
                    new MetaCommand.AddGateway(gateway("b")),
                    new MetaCommand.AddGateway(gateway("c")));

    private VolumeAccess access() {
        return state.image().orElseThrow().accessTo(VOLUME);
    }

    private MetaReply log(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        if (transition.reply().code() != ErrorCode.OK) {
            assertThat(transition.next()).as("a refusal changes nothing").isEqualTo(state);
        }
        state = transition.next();
        return transition.reply();
    }

    private static MetaCommand.Attach attach(String gateway, Attachment.Mode mode) {
        return new MetaCommand.Attach(
                VOLUME, mode, gateway, gateway + "-host", gateway, false, 0, List.of(), 2000);
    }

    private static MetaCommand.Attach force(String gateway, Attachment.Mode mode) {
        return new MetaCommand.Attach(
                VOLUME, mode, gateway, gateway + "-host", gateway, true, 0, List.of(), 2000);
    }

    private static MetaCommand.Attach migrate(String gateway) {
        return new MetaCommand.Attach(
                VOLUME, READ_WRITE, gateway, "host", gateway, false, 60_000, List.of(), 2000);
    }

    private static MetaCommand.SetExport order(
            String gateway, Attachment.Mode mode, boolean force, long windowMs, Epoch... expired) {
        return new MetaCommand.SetExport(
                new Export(VOLUME, gateway, mode, 0), force, windowMs, List.of(expired));
    }

    /** Everything that is pending has reached every placement group. */
    private void admit() {
        log(admitted(1, access().admissionVersion())).orThrow();
    }

    private Epoch attached(String gateway, Attachment.Mode mode) {
        Epoch epoch = new Epoch(log(attach(gateway, mode)).orThrow().id());
        admit();
        return epoch;
    }

    private List<String> holders() {
        return access().held().map(Attachment::gateway).toList();
    }

    private Attachment.State stateOf(Epoch epoch) {
        return access().attachment(epoch).orElseThrow().state();
    }

    private String reasonOf(Epoch epoch) {
        return access().attachment(epoch).orElseThrow().revokedBecause();
    }

    @Test
    void aVolumeCannotBeAttachedBeforeItIsAvailable() {
        state = MetaFixtures.after(form(), create("vm1"));
        assertThat(log(attach("a", READ_WRITE)).code()).isEqualTo(ErrorCode.VOLUME_NOT_READY);
        state = MetaFixtures.after(form());
        assertThat(log(attach("a", READ_WRITE)).code()).isEqualTo(ErrorCode.NO_SUCH_VOLUME);
    }

    static Stream<Arguments> pairs() {
        return Stream.of(
                Arguments.of(READ_WRITE, READ_WRITE, false),
                Arguments.of(READ_WRITE, READ_ONLY, false),
                Arguments.of(READ_WRITE, SHARED, false),
                Arguments.of(READ_ONLY, READ_WRITE, false),
                Arguments.of(READ_ONLY, READ_ONLY, true),
                Arguments.of(READ_ONLY, SHARED, true),
                Arguments.of(SHARED, READ_WRITE, false),
                Arguments.of(SHARED, READ_ONLY, true),
                Arguments.of(SHARED, SHARED, true));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void whoMayStandBesideWhom(Attachment.Mode held, Attachment.Mode asked, boolean both) {
        Epoch first = attached("a", held);
        MetaReply reply = log(attach("b", asked));
        if (both) {
            assertThat(reply.code()).isEqualTo(ErrorCode.OK);
            assertThat(holders()).containsExactly("a", "b");
            assertThat(stateOf(first)).isEqualTo(Attachment.State.LIVE);
            assertThat(stateOf(new Epoch(reply.id()))).isEqualTo(Attachment.State.PENDING);
            admit();
            assertThat(stateOf(new Epoch(reply.id()))).isEqualTo(Attachment.State.LIVE);
        } else {
            assertThat(reply.code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
            assertThat(reply.detail()).contains("gateway a on a-host");
            assertThat(reply.remedy()).contains("mirach detach vm1", "--force");
        }
        // Whatever was there, force has it; those who may stay, stay.
        MetaReply forced = log(force("b", asked)).orThrow();
        assertThat(holders()).isEqualTo(both ? List.of("a", "b") : List.of("b"));
        assertThat(stateOf(first))
                .isEqualTo(both ? Attachment.State.LIVE : Attachment.State.RELEASING);
        if (!both) {
            assertThat(reasonOf(first)).isEqualTo("gateway b took it over by force");
            admit();
            assertThat(access().attachment(first)).isEmpty();
        }
        assertThat(access().attachment(new Epoch(forced.id()))).isPresent();
    }

    @ParameterizedTest
    @EnumSource(Attachment.Mode.class)
    void theSameOwnerGetsANewEpochAtOnceInEveryMode(Attachment.Mode mode) {
        boolean beside = mode != READ_WRITE;
        Epoch other = beside ? attached("b", mode) : null;
        Epoch first = attached("a", mode);
        Epoch again = new Epoch(log(attach("a", mode)).orThrow().id());
        assertThat(again).isGreaterThan(first);
        assertThat(stateOf(first)).isEqualTo(Attachment.State.RELEASING);
        assertThat(stateOf(again)).isEqualTo(Attachment.State.PENDING);
        // What is late about the former self has no effect on the new one.
        VolumeAccess before = access();
        log(release(1, first.value())).orThrow();
        log(admitted(1, before.admissionVersion() - 1)).orThrow();
        assertThat(access()).isEqualTo(before);
        admit();
        assertThat(stateOf(again)).isEqualTo(Attachment.State.LIVE);
        assertThat(access().attachment(first)).isEmpty();
        if (beside) {
            assertThat(stateOf(other)).isEqualTo(Attachment.State.LIVE);
        }
    }

    @ParameterizedTest
    @EnumSource(Attachment.Mode.class)
    void whoCannotProveThatItIsTheOwnerIsAStranger(Attachment.Mode mode) {
        Epoch first = attached("a", mode);
        MetaCommand.Attach stranger =
                new MetaCommand.Attach(
                        VOLUME, mode, "a", "h", "another secret", false, 0, List.of(), 1);
        assertThat(log(stranger).code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
        log(order("a", mode, false, 0)).orThrow();
        MetaCommand.Attach expired =
                new MetaCommand.Attach(
                        VOLUME, mode, "a", "h", "another secret", false, 0, List.of(first), 1);
        log(expired).orThrow();
        assertThat(holders()).containsExactly("a");
        assertThat(stateOf(first)).isEqualTo(Attachment.State.RELEASING);
        assertThat(access().exportAt("a")).as("its own order stands").isPresent();
    }

    @Test
    void aReleasedAttachmentGoesOnlyOnceNoGroupAdmitsIt() {
        Epoch epoch = attached("a", READ_WRITE);
        log(release(1, epoch.value())).orThrow();
        assertThat(stateOf(epoch)).isEqualTo(Attachment.State.RELEASING);
        assertThat(reasonOf(epoch)).isEmpty();
        log(admitted(1, access().admissionVersion() - 1)).orThrow();
        assertThat(stateOf(epoch)).isEqualTo(Attachment.State.RELEASING);
        admit();
        assertThat(state.image().orElseThrow().access()).isEmpty();
    }

    @Test
    void anotherMayTakeWhatIsBeingReleased() {
        Epoch epoch = attached("a", READ_WRITE);
        log(release(1, epoch.value())).orThrow();
        log(attach("b", READ_WRITE)).orThrow();
        assertThat(holders()).containsExactly("b");
        admit();
        assertThat(access().attachments()).hasSize(1);
    }

    @Test
    void oneOfSeveralSharersIsEvictedAlone() {
        Epoch a = attached("a", SHARED);
        Epoch b = attached("b", SHARED);
        Epoch c = attached("c", READ_ONLY);
        log(new MetaCommand.Revoke(VOLUME, "b", "an operator said so")).orThrow();
        assertThat(holders()).containsExactly("a", "c");
        assertThat(reasonOf(b)).isEqualTo("an operator said so");
        assertThat(stateOf(a)).isEqualTo(Attachment.State.LIVE);
        assertThat(stateOf(c)).isEqualTo(Attachment.State.LIVE);
        admit();
        assertThat(access().attachment(b)).isEmpty();
    }

    @Test
    void anExpiredOneIsInNobodysWayAndLosesItsOrder() {
        log(order("a", READ_WRITE, false, 0)).orThrow();
        Epoch a = attached("a", READ_WRITE);
        MetaCommand.Attach attach =
                new MetaCommand.Attach(
                        VOLUME, READ_WRITE, "b", "h", "b", false, 0, List.of(a), 2000);
        log(attach).orThrow();
        assertThat(holders()).containsExactly("b");
        assertThat(reasonOf(a)).contains("not renewed", "gateway b");
        assertThat(access().exports()).isEmpty();
    }

    @Test
    void anExpiredOneThatIsNotInTheWayStays() {
        Epoch a = attached("a", SHARED);
        log(new MetaCommand.Attach(VOLUME, SHARED, "b", "h", "b", false, 0, List.of(a), 1))
                .orThrow();
        assertThat(holders()).containsExactly("a", "b");
    }

    @Test
    void aLaterChangeTakesThePlaceOfOneThatIsPending() {
        Epoch a = new Epoch(log(attach("a", SHARED)).orThrow().id());
        long first = access().admissionVersion();
        Epoch b = new Epoch(log(attach("b", SHARED)).orThrow().id());
        log(admitted(1, first)).orThrow();
        assertThat(stateOf(a))
                .as("that version no longer counts")
                .isEqualTo(Attachment.State.PENDING);
        admit();
        assertThat(stateOf(a)).isEqualTo(Attachment.State.LIVE);
        assertThat(stateOf(b)).isEqualTo(Attachment.State.LIVE);
    }

    // ---- migration ----

    @Test
    void bothWriteDuringAMigrationAndTheFirstIsRevokedAfterIt() {
        log(order("a", READ_WRITE, false, 0)).orThrow();
        Epoch a = attached("a", READ_WRITE);
        log(order("b", READ_WRITE, false, 60_000)).orThrow();
        Epoch b = attached("b", READ_WRITE);
        assertThat(stateOf(a)).isEqualTo(Attachment.State.LIVE);
        assertThat(stateOf(b)).isEqualTo(Attachment.State.LIVE);
        Migration migration = access().migration().orElseThrow();
        assertThat(migration.from()).isEqualTo("a");
        assertThat(migration.to()).isEqualTo("b");
        assertThat(log(attach("c", READ_WRITE)).code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
        assertThat(log(migrate("c")).code()).isEqualTo(ErrorCode.CONFLICT);

        log(new MetaCommand.EndMigration(VOLUME, migration.id() + 99, List.of())).orThrow();
        assertThat(holders()).containsExactly("a", "b");
        log(new MetaCommand.EndMigration(VOLUME, migration.id(), List.of())).orThrow();
        assertThat(holders()).containsExactly("b");
        assertThat(reasonOf(a)).contains("window", "gateway b");
        assertThat(access().exportAt("a")).isEmpty();
        assertThat(access().exportAt("b")).isPresent();
        assertThat(access().migration()).isEmpty();
    }

    @Test
    void whicheverLeavesEndsTheMigrationAndTheOtherGoesOnAlone() {
        Epoch a = attached("a", READ_WRITE);
        Epoch b = new Epoch(log(migrate("b")).orThrow().id());
        admit();
        MetaState both = state;
        log(release(1, a.value())).orThrow();
        assertThat(access().migration()).isEmpty();
        assertThat(holders()).containsExactly("b");

        state = both;
        log(release(1, b.value())).orThrow();
        assertThat(access().migration()).isEmpty();
        assertThat(holders()).containsExactly("a");

        state = both;
        log(force("a", READ_WRITE)).orThrow();
        assertThat(access().migration()).isEmpty();
        assertThat(holders()).containsExactly("a");
    }

    @Test
    void callingAMigrationOffRevokesTheSecondAtOnce() {
        Epoch a = attached("a", READ_WRITE);
        log(order("b", READ_WRITE, false, 60_000)).orThrow();
        Epoch b = attached("b", READ_WRITE);
        log(new MetaCommand.RemoveExport(VOLUME, "b")).orThrow();
        assertThat(holders()).containsExactly("a");
        assertThat(stateOf(a)).isEqualTo(Attachment.State.LIVE);
        assertThat(reasonOf(b)).contains("called off");
        assertThat(access().migration()).isEmpty();
    }

    @Test
    void aMigrationWhoseSecondNeverArrivedLeavesTheFirstAlone() {
        attached("a", READ_WRITE);
        log(order("b", READ_WRITE, false, 60_000)).orThrow();
        long id = access().migration().orElseThrow().id();
        Epoch b = new Epoch(log(attach("b", READ_WRITE)).orThrow().id());
        // Not yet admitted everywhere.
        log(new MetaCommand.EndMigration(VOLUME, id, List.of())).orThrow();
        assertThat(holders()).containsExactly("a");
        assertThat(reasonOf(b)).contains("did not arrive");
        assertThat(access().exports()).isEmpty();
    }

    @Test
    void aSecondThatDiedInTheWindowDoesNotWinAgainstAFirstThatLives() {
        Epoch a = attached("a", READ_WRITE);
        Epoch b = new Epoch(log(migrate("b")).orThrow().id());
        admit();
        long id = access().migration().orElseThrow().id();
        MetaState both = state;
        log(new MetaCommand.EndMigration(VOLUME, id, List.of(b))).orThrow();
        assertThat(holders()).containsExactly("a");
        state = both;
        log(new MetaCommand.EndMigration(VOLUME, id, List.of(a, b))).orThrow();
        assertThat(holders()).containsExactly("b");
    }

    @Test
    void eitherMayRestartDuringAMigration() {
        attached("a", READ_WRITE);
        log(migrate("b")).orThrow();
        admit();
        Migration migration = access().migration().orElseThrow();
        attached("a", READ_WRITE);
        attached("b", READ_WRITE);
        log(migrate("b")).orThrow();
        admit();
        assertThat(holders()).containsExactly("a", "b");
        assertThat(access().migration()).contains(migration);
        // In another mode it would be an ordinary rival.
        assertThat(log(attach("a", SHARED)).code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
    }

    @Test
    void onlyAnExclusiveWriterMigrates() {
        assertThat(log(order("b", READ_WRITE, false, 60_000)).code())
                .isEqualTo(ErrorCode.NOT_ATTACHED);
        attached("a", SHARED);
        assertThat(log(migrate("b")).code()).isEqualTo(ErrorCode.CONFLICT);
        assertThat(log(order("b", READ_WRITE, false, 60_000)).code()).isEqualTo(ErrorCode.CONFLICT);
        assertThat(log(order("b", SHARED, false, 60_000)).code())
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    }

    // ---- orders ----

    @Test
    void anOrderNeedsAKnownGatewayAndAVolumeThatIsFree() {
        assertThat(log(order("nobody", READ_ONLY, false, 0)).code())
                .isEqualTo(ErrorCode.NO_SUCH_GATEWAY);
        log(order("a", READ_WRITE, false, 0)).orThrow();
        MetaReply refused = log(order("b", READ_WRITE, false, 0));
        assertThat(refused.code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
        assertThat(refused.remedy()).contains("mirach detach vm1 --gateway a");
        log(new MetaCommand.RemoveExport(VOLUME, "a")).orThrow();
        assertThat(state.image().orElseThrow().access()).isEmpty();
        attached("c", READ_ONLY);
        assertThat(log(order("b", READ_WRITE, false, 0)).code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
        log(order("b", READ_ONLY, false, 0)).orThrow();
        log(order("a", SHARED, false, 0)).orThrow();
        assertThat(access().exports()).hasSize(2);
    }

    @Test
    void anOrderByForceRevokesFirstAndTakesTheOtherOrdersPlace() {
        log(order("a", READ_WRITE, false, 0)).orThrow();
        Epoch a = attached("a", READ_WRITE);
        log(order("b", READ_WRITE, true, 0)).orThrow();
        assertThat(stateOf(a)).isEqualTo(Attachment.State.RELEASING);
        assertThat(access().exports()).extracting(Export::gateway).containsExactly("b");
        assertThat(access().admitted()).isFalse();
        // It may attach before that has reached all placement groups.
        log(attach("b", READ_WRITE)).orThrow();
        admit();
        assertThat(holders()).containsExactly("b");
    }

    @Test
    void anOrderTakesTheVolumeFromOneThatHasExpired() {
        log(order("a", READ_WRITE, false, 0)).orThrow();
        Epoch a = attached("a", READ_WRITE);
        assertThat(log(order("b", READ_WRITE, false, 0)).code()).isEqualTo(ErrorCode.VOLUME_IN_USE);
        log(order("b", READ_WRITE, false, 0, a)).orThrow();
        assertThat(holders()).isEmpty();
        assertThat(access().exports()).extracting(Export::gateway).containsExactly("b");
    }

    @Test
    void anOrderThatIsGivenAgainIsAnotherOne() {
        log(order("a", READ_WRITE, false, 0)).orThrow();
        Export first = access().exportAt("a").orElseThrow();
        attached("a", READ_WRITE);
        log(order("a", READ_WRITE, false, 0)).orThrow();
        assertThat(access().exportAt("a").orElseThrow().order()).isGreaterThan(first.order());
        assertThat(access().admitted()).as("nobody's right has changed").isTrue();
    }
}
