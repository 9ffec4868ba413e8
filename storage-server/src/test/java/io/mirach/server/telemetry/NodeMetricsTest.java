package io.mirach.server.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.ClusterImage;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.store.Room;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class NodeMetricsTest {
    private final NodeMetrics metrics = new NodeMetrics();

    private String text() {
        return new String(metrics.page(null).text(), StandardCharsets.UTF_8);
    }

    @Test
    void theJvmIsShownUnderItsUsualNames() {
        assertThat(text())
                .contains(
                        "jvm_memory_used_bytes{area=\"heap\"}",
                        "jvm_threads_current ",
                        "process_cpu_seconds_total ");
    }

    @Test
    void theFormatIsWhatWasAskedFor() {
        assertThat(metrics.page(null).contentType()).startsWith("text/plain; version=0.0.4");
        NodeMetrics.Page open = metrics.page("application/openmetrics-text; version=1.0.0");
        assertThat(open.contentType()).startsWith("application/openmetrics-text");
        assertThat(new String(open.text(), StandardCharsets.UTF_8)).endsWith("# EOF\n");
    }

    @Test
    void requestsAreCountedByOutcomeAndTimed() {
        CompletableFuture<ByteBuf> later = new CompletableFuture<>();
        RequestHandler read = metrics.requests().measured(Opcode.READ, body -> later);
        CompletableFuture<ByteBuf> answer = read.handle(Unpooled.EMPTY_BUFFER);
        assertThat(text()).doesNotContain("opcode=\"READ\"");
        later.complete(Unpooled.EMPTY_BUFFER);
        assertThat(answer).isCompleted();

        RequestHandler write =
                metrics.requests()
                        .measured(
                                Opcode.WRITE,
                                body ->
                                        CompletableFuture.failedFuture(
                                                new MirachException(ErrorCode.FENCED, "no")));
        write.handle(Unpooled.EMPTY_BUFFER);
        write.handle(Unpooled.EMPTY_BUFFER);
        RequestHandler defect =
                metrics.requests()
                        .measured(
                                Opcode.PING,
                                body -> {
                                    throw new IllegalStateException("a defect");
                                });
        assertThatThrownBy(() -> defect.handle(Unpooled.EMPTY_BUFFER))
                .isInstanceOf(IllegalStateException.class);

        assertThat(text())
                .contains(
                        "mirach_requests_total{code=\"OK\",opcode=\"READ\"} 1.0",
                        "mirach_requests_total{code=\"FENCED\",opcode=\"WRITE\"} 2.0",
                        "mirach_requests_total{code=\"INTERNAL\",opcode=\"PING\"} 1.0",
                        "mirach_request_duration_seconds_count{opcode=\"WRITE\"} 2",
                        "mirach_request_duration_seconds_bucket{opcode=\"READ\",le=\"10.0\"} 1");
    }

    @Test
    void replicasAndDisksAreShownOnceThereAreAny() {
        assertThat(text()).doesNotContain("mirach_replica", "mirach_dir");
        ClusterImage image = MetaFixtures.after(MetaFixtures.form()).image().orElseThrow();
        metrics.showReplicas(
                () ->
                        new ReplicaMetrics.Observed(
                                List.of(
                                        replica(
                                                MetaFixtures.META_GROUP,
                                                ReplicaStatus.Role.FOLLOWER),
                                        replica(new UUID(3, 2), ReplicaStatus.Role.LEADER)
                                                .with(
                                                        new NodeHeartbeat.Damage(
                                                                3, 5, Optional.empty())),
                                        NodeHeartbeat.ReplicaReport.lost(
                                                MetaFixtures.dir(1),
                                                new UUID(3, 1),
                                                "entry 5 is damaged")),
                                image,
                                List.of(
                                        new NodeHeartbeat.DirUsage(
                                                MetaFixtures.dir(1),
                                                "/a \"b\"\\c",
                                                9,
                                                3,
                                                5,
                                                Room.LOW,
                                                250)),
                                List.of(
                                        new NodeHeartbeat.Backfill(
                                                MetaFixtures.dir(1),
                                                new UUID(3, 1),
                                                1,
                                                3,
                                                10,
                                                4096))));
        assertThat(text())
                .contains(
                        "mirach_map_version " + (double) image.version(),
                        "mirach_replica_leads{group=\"meta\"} 0.0",
                        "mirach_replica_leads{group=\"pg2\"} 1.0",
                        "mirach_replica_lost{group=\"pg2\"} 0.0",
                        "mirach_replica_lost{group=\"pg1\"} 1.0",
                        "mirach_replica_damaged_blocks{group=\"pg2\"} 3.0",
                        "mirach_replica_damaged_blocks{group=\"meta\"} 0.0",
                        "mirach_replica_repaired_blocks{group=\"pg2\"} 5.0",
                        "mirach_replica_term{group=\"pg2\"} 7.0",
                        "mirach_replica_applied_index{group=\"pg2\"} 9.0",
                        "mirach_replica_durable_index{group=\"pg2\"} 8.0",
                        "mirach_replica_commit_index{group=\"pg2\"} 10.0",
                        "mirach_replica_log_bytes{group=\"pg2\"} 100.0",
                        "mirach_backfill_left_bytes{group=\"pg1\"} 28672.0",
                        "mirach_backfill_bytes_per_second{group=\"pg1\"} 4096.0",
                        "mirach_dir_capacity_bytes{dir=\"/a \\\"b\\\"\\\\c\"} 9.0",
                        "mirach_dir_used_bytes{dir=\"/a \\\"b\\\"\\\\c\"} 3.0",
                        "mirach_dir_available_bytes{dir=\"/a \\\"b\\\"\\\\c\"} 5.0",
                        "mirach_dir_room_is_low{dir=\"/a \\\"b\\\"\\\\c\"} 1.0");
    }

    private static NodeHeartbeat.ReplicaReport replica(UUID group, ReplicaStatus.Role role) {
        return NodeHeartbeat.ReplicaReport.of(
                MetaFixtures.dir(1),
                new ReplicaStatus(
                        group,
                        role,
                        7,
                        Optional.empty(),
                        new LogPosition(7, 9),
                        new LogPosition(7, 8),
                        10,
                        1,
                        100,
                        List.of(),
                        Members.NONE,
                        -1));
    }
}
