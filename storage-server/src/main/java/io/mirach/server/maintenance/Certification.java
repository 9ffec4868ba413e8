package io.mirach.server.maintenance;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.PlacementGroup;
import io.mirach.model.Replica;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.cluster.NodeObservations;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Proves, before a replica that was made anew gets its vote, that it holds what a voter holds as of
 * the same entry. One that does not is called suspect, so it is made anew once more. On the meta
 * leader; a certificate is good for as long as that leads. Thread-safe; never blocks.
 */
public final class Certification {
    private static final Logger LOG = LoggerFactory.getLogger(Certification.class);

    /** Has some of a group's replicas compared; see {@link Verification#compare}. */
    public interface Comparing {
        CompletableFuture<VerificationView> compare(PlacementGroup group, List<Replica> replicas);
    }

    private record Key(UUID raftGroupId, UUID dataDir) {}

    private final Comparing comparing;
    private final NodeObservations observations;
    private final Set<Key> certified = ConcurrentHashMap.newKeySet();

    public Certification(Comparing comparing, NodeObservations observations) {
        this.comparing = comparing;
        this.observations = observations;
    }

    /**
     * Completes once it is proven. Fails if it is not, or not now: CHECKSUM_MISMATCH if they hold
     * different states, else NOT_READY.
     *
     * @param voter whose replica counts
     */
    public CompletableFuture<Void> certify(PlacementGroup group, Replica voter, Replica learner) {
        Key key = new Key(group.raftGroupId(), learner.dataDir());
        if (certified.contains(key)) {
            return CompletableFuture.completedFuture(null);
        }
        return comparing
                .compare(group, List.of(voter, learner))
                .thenAccept(view -> judge(group, voter, learner, view));
    }

    private void judge(
            PlacementGroup group, Replica voter, Replica learner, VerificationView view) {
        if (view.verdict() == Verdict.EQUAL) {
            LOG.info(
                    "the new replica of {} on {} holds what {} holds: {} blocks",
                    group.id(),
                    learner.node(),
                    voter.node(),
                    view.replicas().get(0).doneBlocks());
            certified.add(new Key(group.raftGroupId(), learner.dataDir()));
            return;
        }
        if (view.verdict() == Verdict.DIFFERENT) {
            String why = "it does not hold what " + voter.node() + " holds";
            LOG.error(
                    "the new replica of {} on {} is to be made once more: {}",
                    group.id(),
                    learner.node(),
                    why);
            observations.suspect(group.raftGroupId(), learner.dataDir(), why);
            throw new MirachException(ErrorCode.CHECKSUM_MISMATCH, learner.node() + ": " + why);
        }
        throw new MirachException(
                ErrorCode.NOT_READY,
                "the new replica on "
                        + learner.node()
                        + " is not certified yet: "
                        + view.replicas().stream()
                                .filter(replica -> replica.state() != State.DONE)
                                .map(replica -> replica.node() + " " + wording(replica))
                                .collect(Collectors.joining(", ")));
    }

    private static String wording(VerificationView.Result replica) {
        return replica.state() + (replica.detail().isEmpty() ? "" : " (" + replica.detail() + ")");
    }

    /** The replica is made anew. */
    public void forget(UUID raftGroupId, UUID dataDir) {
        certified.remove(new Key(raftGroupId, dataDir));
    }

    /** This node has begun to lead the meta group. */
    public void begin() {
        certified.clear();
    }
}
