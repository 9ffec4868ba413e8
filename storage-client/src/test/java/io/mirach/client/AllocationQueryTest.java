package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.client.VolumeIo.Allocation;
import io.mirach.model.BlockRange;
import io.mirach.protocol.data.BlockStatusReply;
import java.util.List;
import org.junit.jupiter.api.Test;

class AllocationQueryTest {
    private static BlockRange run(long first, long count) {
        return new BlockRange(first, count);
    }

    private static Allocation merge(BlockRange range, int maxRuns, BlockStatusReply... replies) {
        return AllocationQuery.merge(range, maxRuns, List.of(replies));
    }

    @Test
    void touchingRunsOfDifferentGroupsAreJoined() {
        Allocation merged =
                merge(
                        run(0, 100),
                        10,
                        new BlockStatusReply(100, List.of(run(10, 5), run(30, 1))),
                        new BlockStatusReply(100, List.of(run(15, 5))));
        assertThat(merged.allocated()).containsExactly(run(10, 10), run(30, 1));
        assertThat(merged.coveredEndBlock()).isEqualTo(100);
    }

    @Test
    void answerHoldsOnlyWhereEveryGroupsAnswerDoes() {
        Allocation merged =
                merge(
                        run(0, 100),
                        10,
                        new BlockStatusReply(20, List.of(run(5, 15))),
                        new BlockStatusReply(100, List.of(run(50, 5))));
        assertThat(merged.allocated()).containsExactly(run(5, 15));
        assertThat(merged.coveredEndBlock()).isEqualTo(20);
    }

    @Test
    void tooManyRunsAreCutWhereTheNextOneBegins() {
        Allocation merged =
                merge(
                        run(0, 100),
                        2,
                        new BlockStatusReply(100, List.of(run(1, 1), run(5, 1))),
                        new BlockStatusReply(100, List.of(run(3, 1))));
        assertThat(merged.allocated()).containsExactly(run(1, 1), run(3, 1));
        assertThat(merged.coveredEndBlock()).isEqualTo(5);
    }

    @Test
    void runsAreClippedToTheRange() {
        Allocation merged =
                merge(run(10, 10), 2, new BlockStatusReply(40, List.of(run(0, 12), run(18, 20))));
        assertThat(merged.allocated()).containsExactly(run(10, 2), run(18, 2));
        assertThat(merged.coveredEndBlock()).isEqualTo(20);
    }
}
