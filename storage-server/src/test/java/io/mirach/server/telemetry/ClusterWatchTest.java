package io.mirach.server.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.mirach.model.ClusterImage;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.HeartbeatReply;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.metadata.MetaFixtures;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What a node's log says of the cluster around it: once per change. */
class ClusterWatchTest {
    private static final ClusterImage IMAGE =
            MetaFixtures.after(MetaFixtures.form()).image().orElseThrow();
    private static final UUID PG1 = new UUID(3, 1);
    private static final UUID PG2 = new UUID(3, 2);

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(ClusterWatch.class);
    private long nowNanos = 1;
    private final ClusterWatch watch = new ClusterWatch(() -> nowNanos);

    @BeforeEach
    void listen() {
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(log);
    }

    /** What was logged since the last call. */
    private List<String> lines() {
        List<String> lines =
                log.list.stream().map(e -> e.getLevel() + " " + e.getFormattedMessage()).toList();
        log.list.clear();
        return lines;
    }

    private void passSeconds(long seconds) {
        nowNanos += TimeUnit.SECONDS.toNanos(seconds);
    }

    private void answer(String leader, Map<String, Long> lastSeenMs) {
        watch.answered(new HeartbeatReply(leader, leader + ":1", 1, lastSeenMs), IMAGE);
    }

    private static Map<String, Long> allUp() {
        return Map.of("node-1", 10L, "node-2", 20L, "node-3", 900L);
    }

    private void lead(String leader) {
        answer(leader, allUp());
        lines();
    }

    @Test
    void aNodeThatGoesAndComesIsToldOnceEach() {
        lead("node-1");
        Map<String, Long> without2 = new HashMap<>(allUp());
        for (long second = 1; second <= 30; second++) {
            passSeconds(1);
            without2.put("node-2", second * 1000);
            answer("node-1", without2);
        }
        assertThat(lines())
                .containsExactly(
                        "WARN node node-2 is down: the meta leader has not heard it for 6 s");
        for (int i = 0; i < 5; i++) {
            answer("node-1", allUp());
        }
        assertThat(lines()).containsExactly("INFO node node-2 is up again after 30 s");
    }

    @Test
    void aNewLeaderIsGivenTimeToHearOfTheNodes() {
        lead("node-1");
        for (int second = 0; second < 5; second++) {
            answer("node-2", Map.of("node-2", 0L));
            passSeconds(1);
        }
        answer("node-2", Map.of("node-2", 0L, "node-3", 0L));
        assertThat(lines()).containsExactly("INFO node-2 leads the meta group; before, node-1 did");
        passSeconds(1);
        answer("node-2", Map.of("node-2", 0L, "node-3", 0L));
        assertThat(lines())
                .containsExactly(
                        "WARN node node-1 is down: the meta leader has not heard it for 6 s");
    }

    @Test
    void unansweredHeartbeatsAreToldOnce() {
        lead("node-1");
        MirachException failure = new MirachException(ErrorCode.TIMEOUT, "no answer");
        for (int second = 0; second < 60; second++) {
            watch.unanswered(failure);
            passSeconds(1);
        }
        assertThat(lines())
                .singleElement()
                .asString()
                .startsWith("WARN no meta leader has answered for 6 s")
                .contains("no answer");
        answer("node-1", allUp());
        answer("node-1", allUp());
        assertThat(lines()).containsExactly("INFO the meta leader, node-1, answers again");
    }

    @Test
    void aClusterThatStartsMayElectItsFirstLeaderInPeace() {
        MirachException failure = new MirachException(ErrorCode.TIMEOUT, "no answer");
        passSeconds(25);
        watch.unanswered(failure);
        assertThat(lines()).isEmpty();
        passSeconds(10);
        watch.unanswered(failure);
        assertThat(lines()).hasSize(1);
    }

    private static NodeHeartbeat.ReplicaReport replica(
            UUID group, ReplicaStatus.Role role, long term, ReplicaStatus.Follower... followers) {
        LogPosition position = new LogPosition(term, 9);
        return NodeHeartbeat.ReplicaReport.of(
                MetaFixtures.dir(1),
                new ReplicaStatus(
                        group,
                        role,
                        term,
                        Optional.of(MetaFixtures.dir(2)),
                        position,
                        position,
                        9,
                        1,
                        100,
                        List.of(followers),
                        Members.NONE,
                        -1));
    }

    private static ReplicaStatus.Follower silentFor(int node, long ms) {
        return new ReplicaStatus.Follower(MetaFixtures.dir(node), 9, ms, false);
    }

    @Test
    void whatThisNodeLeadsIsToldOncePerTerm() {
        for (int i = 0; i < 3; i++) {
            watch.replicas(
                    List.of(
                            replica(MetaFixtures.META_GROUP, ReplicaStatus.Role.LEADER, 4),
                            replica(PG1, ReplicaStatus.Role.LEADER, 7),
                            replica(PG2, ReplicaStatus.Role.FOLLOWER, 7)),
                    IMAGE);
        }
        assertThat(lines())
                .containsExactly("INFO leads the meta group in term 4", "INFO leads pg1 in term 7");
        watch.replicas(
                List.of(
                        replica(MetaFixtures.META_GROUP, ReplicaStatus.Role.LEADER, 5),
                        replica(PG1, ReplicaStatus.Role.FOLLOWER, 8)),
                IMAGE);
        assertThat(lines())
                .containsExactly(
                        "INFO leads the meta group in term 5",
                        "INFO leads pg1 no longer; term 8 is led by node-2");
    }

    private void beat(long silentMs) {
        watch.replicas(
                List.of(
                        replica(PG1, ReplicaStatus.Role.LEADER, 7, silentFor(3, silentMs)),
                        replica(PG2, ReplicaStatus.Role.LEADER, 7, silentFor(3, silentMs))),
                IMAGE);
        passSeconds(1);
    }

    @Test
    void aNodeThatIsUpButSilentOverRaftIsToldOnceForAllGroups() {
        lead("node-1");
        beat(0);
        lines();
        for (int second = 1; second < 30; second++) {
            beat(second * 1000);
        }
        assertThat(lines())
                .containsExactly(
                        "WARN node node-3 is up, but its replicas of [pg1, pg2] do not answer this"
                                + " node over Raft; is its raft-address reachable?");
        beat(0);
        assertThat(lines()).containsExactly("INFO node node-3 answers over Raft again");
    }

    @Test
    void aNodeThatIsDownIsNotToldAgainForItsSilenceOverRaft() {
        lead("node-1");
        beat(0);
        answer("node-1", Map.of("node-1", 0L, "node-2", 0L, "node-3", 6_000L));
        lines();
        for (int second = 6; second < 40; second++) {
            beat(second * 1000);
        }
        assertThat(lines()).isEmpty();
    }
}
