package io.mirach.server.maintenance;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.server.cluster.ReplicaDigest;
import io.mirach.server.maintenance.Verification.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What is concluded from three replicas' answers. */
class VerificationTest {
    private static Replica replica(int number) {
        return new Replica("n" + number, new UUID(0, number));
    }

    private static ReplicaDigest digest(ReplicaDigest.State state, long index, String sha256) {
        return new ReplicaDigest(state, index, sha256, 5, 5, 100, "");
    }

    private static ReplicaDigest done(long index, String sha256) {
        return digest(ReplicaDigest.State.DONE, index, sha256);
    }

    private static VerificationView judge(ReplicaDigest... digests) {
        List<Answer> answers = new ArrayList<>();
        for (ReplicaDigest digest : digests) {
            answers.add(Answer.of(replica(answers.size() + 1), digest));
        }
        return Verification.judge(new PlacementGroupId(1), 7, answers);
    }

    private static void require(
            VerificationView view, Verdict verdict, boolean settled, State... states) {
        assertThat(view.verdict()).isEqualTo(verdict);
        assertThat(view.settled()).isEqualTo(settled);
        assertThat(view.replicas())
                .extracting(VerificationView.Result::state)
                .containsExactly(states);
    }

    @Test
    void equal() {
        require(
                judge(done(9, "a"), done(9, "a"), done(9, "a")),
                Verdict.EQUAL,
                true,
                State.DONE,
                State.DONE,
                State.DONE);
    }

    @Test
    void theOneThatDiffersFromTheOthersIsNamedBeforeAllAreDone() {
        require(
                judge(done(9, "b"), done(9, "a"), done(9, "a")),
                Verdict.DIFFERENT,
                true,
                State.DIFFERENT,
                State.DONE,
                State.DONE);
        require(
                judge(done(9, "b"), done(9, "a"), digest(ReplicaDigest.State.RUNNING, 9, "")),
                Verdict.DIFFERENT,
                false,
                State.DIFFERENT,
                State.DIFFERENT,
                State.RUNNING);
    }

    @Test
    void damageIsToldUnlessReplicasDifferToo() {
        ReplicaDigest damaged = digest(ReplicaDigest.State.DAMAGED, 9, "");
        require(
                judge(damaged, done(9, "a"), done(9, "a")),
                Verdict.DAMAGED,
                true,
                State.DAMAGED,
                State.DONE,
                State.DONE);
        require(
                judge(damaged, done(9, "a"), done(9, "b")),
                Verdict.DIFFERENT,
                true,
                State.DAMAGED,
                State.DIFFERENT,
                State.DIFFERENT);
    }

    @Test
    void statesAsOfDifferentEntriesAreNotCompared() {
        require(
                judge(done(9, "a"), done(12, "b"), done(9, "a")),
                Verdict.INCOMPLETE,
                true,
                State.DONE,
                State.UNKNOWN,
                State.DONE);
    }

    @Test
    void oneThatKnowsNothingIsBehindOrHasForgotten() {
        ReplicaDigest before = digest(ReplicaDigest.State.UNKNOWN, 8, "");
        ReplicaDigest beyond = digest(ReplicaDigest.State.UNKNOWN, 9, "");
        require(
                judge(done(9, "a"), before, beyond),
                Verdict.INCOMPLETE,
                false,
                State.DONE,
                State.BEHIND,
                State.UNKNOWN);
        require(judge(before, beyond), Verdict.INCOMPLETE, true, State.UNKNOWN, State.UNKNOWN);
    }

    @Test
    void lostAndUnreachableOnesAreNoneToCompare() {
        VerificationView view =
                Verification.judge(
                        new PlacementGroupId(1),
                        7,
                        List.of(
                                Answer.of(replica(1), done(9, "a")),
                                Answer.none(replica(2), State.LOST, "a bad entry"),
                                Answer.none(replica(3), State.UNREACHABLE, "no answer")));
        require(view, Verdict.INCOMPLETE, true, State.DONE, State.LOST, State.UNREACHABLE);
        assertThat(view.replicas().get(1).detail()).isEqualTo("a bad entry");
        assertThat(judge().verdict()).isEqualTo(Verdict.INCOMPLETE);
    }
}
