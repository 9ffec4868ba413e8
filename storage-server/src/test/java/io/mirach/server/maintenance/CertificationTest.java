package io.mirach.server.maintenance;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.metadata.MetaFixtures;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class CertificationTest {
    private static final UUID RAFT_GROUP = new UUID(3, 1);
    private static final Replica VOTER = new Replica("node-1", MetaFixtures.dir(1));
    private static final Replica LEARNER = new Replica("node-2", MetaFixtures.dir(2));
    private static final PlacementGroup GROUP =
            new PlacementGroup(
                    new PlacementGroupId(1),
                    RAFT_GROUP,
                    new ReplicaSet(1, List.of(VOTER, LEARNER)),
                    VOTER.dataDir(),
                    PlacementGroup.State.ACTIVE);

    private CompletableFuture<VerificationView> outcome = new CompletableFuture<>();
    private int compared;
    private final Certification certification =
            new Certification(this::compare, new NodeObservations(() -> 0));

    private CompletableFuture<VerificationView> compare(
            PlacementGroup group, List<Replica> replicas) {
        assertThat(group).isEqualTo(GROUP);
        assertThat(replicas).containsExactly(VOTER, LEARNER);
        compared++;
        outcome = new CompletableFuture<>();
        return outcome;
    }

    private static VerificationView.Result result(Replica replica, State state, String detail) {
        return new VerificationView.Result(
                replica.node(), replica.dataDir(), state, 9, 5, 5, 100, "", detail);
    }

    private void end(Verdict verdict, State voter, State learner) {
        outcome.complete(
                new VerificationView(
                        1,
                        7,
                        verdict,
                        true,
                        List.of(result(VOTER, voter, ""), result(LEARNER, learner, "why"))));
    }

    private CompletableFuture<Void> certify() {
        return certification.certify(GROUP, VOTER, LEARNER);
    }

    private static MirachException failure(CompletableFuture<Void> outcome) {
        try {
            outcome.join();
            throw new AssertionError("it is certified");
        } catch (CompletionException e) {
            return (MirachException) e.getCause();
        }
    }

    @Test
    void certificateIsGoodUntilTheReplicaIsMadeAnew() {
        CompletableFuture<Void> first = certify();
        assertThat(first).isNotDone();
        end(Verdict.EQUAL, State.DONE, State.DONE);
        assertThat(first).isCompleted();
        assertThat(certify()).isCompleted();
        assertThat(compared).isEqualTo(1);
        certification.forget(RAFT_GROUP, LEARNER.dataDir());
        assertThat(certify()).isNotDone();
        certification.begin();
        assertThat(certify()).isNotDone();
        assertThat(compared).isEqualTo(3);
    }

    @Test
    void whatIsNotProvenIsNotCertified() {
        CompletableFuture<Void> different = certify();
        end(Verdict.DIFFERENT, State.DIFFERENT, State.DIFFERENT);
        assertThat(failure(different).code()).isEqualTo(ErrorCode.CHECKSUM_MISMATCH);

        CompletableFuture<Void> behind = certify();
        end(Verdict.INCOMPLETE, State.DONE, State.BEHIND);
        assertThat(failure(behind).code()).isEqualTo(ErrorCode.NOT_READY);
        assertThat(failure(behind)).hasMessageContaining("node-2 BEHIND (why)");

        CompletableFuture<Void> unanswered = certify();
        outcome.completeExceptionally(new MirachException(ErrorCode.NOT_LEADER, "moved"));
        assertThat(failure(unanswered).code()).isEqualTo(ErrorCode.NOT_LEADER);
        assertThat(compared).isEqualTo(3);
    }
}
