package io.mirach.server.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.PlacementGroupId;
import io.mirach.model.ScrubTimes;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScrubChangesTest {
    private static final PlacementGroupId PG = new PlacementGroupId(1);

    private MetaState state = MetaTransition.apply(MetaState.EMPTY, MetaFixtures.form()).next();

    private MetaReply apply(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        state = transition.next();
        return transition.reply();
    }

    private ScrubTimes times() {
        return state.image().orElseThrow().placementGroups().get(PG).scrub();
    }

    @Test
    void wishIsMetByTheScrubThatBeganAfterIt() {
        assertThat(times()).isEqualTo(ScrubTimes.NEVER);
        apply(new MetaCommand.OrderScrub(List.of(PG), 100));
        apply(new MetaCommand.OrderScrub(List.of(PG), 200));
        assertThat(times()).isEqualTo(new ScrubTimes(0, 100));
        apply(new MetaCommand.Scrubbed(PG, 150, 100));
        assertThat(times()).isEqualTo(new ScrubTimes(150, 0));
        long version = state.version();
        apply(new MetaCommand.Scrubbed(PG, 150, 100));
        assertThat(state.version()).as("twice is once").isEqualTo(version);
    }

    @Test
    void wishThatComesDuringAScrubStands() {
        apply(new MetaCommand.OrderScrub(List.of(PG), 100));
        apply(new MetaCommand.Scrubbed(PG, 50, 0));
        assertThat(times()).isEqualTo(new ScrubTimes(50, 100));
    }

    @Test
    void unknownGroupIsRefusedAndNothingIsOrdered() {
        MetaReply reply =
                apply(new MetaCommand.OrderScrub(List.of(PG, new PlacementGroupId(99)), 100));
        assertThat(reply.code()).isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
        assertThat(times()).isEqualTo(ScrubTimes.NEVER);
    }

    @Test
    void dueByTimeByWishAndWhenTheClockWasWrong() {
        ScrubTimes done = new ScrubTimes(1_000, 0);
        assertThat(done.isDue(1_999, 1_000)).isFalse();
        assertThat(done.isDue(2_000, 1_000)).isTrue();
        assertThat(done.isDue(999, 1_000)).isTrue();
        assertThat(done.isDue(9_999, 0)).as("only when asked").isFalse();
        assertThat(done.orderedAt(5).isDue(1_001, 0)).isTrue();
    }
}
