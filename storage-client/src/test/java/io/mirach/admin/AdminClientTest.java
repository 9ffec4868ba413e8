package io.mirach.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AdminClientTest {
    private static final ClusterView UNINITIALISED =
            new ClusterView(Optional.empty(), false, Optional.empty(), 0, List.of(), List.of());
    private static final CreateVolumeRequest VM1 = new CreateVolumeRequest("vm1", 1 << 20, 0);

    private FakeAdminServer first;
    private FakeAdminServer second;

    @BeforeEach
    void start() throws IOException {
        first = new FakeAdminServer();
        second = new FakeAdminServer();
    }

    @AfterEach
    void stop() {
        first.close();
        second.close();
    }

    private AdminClient client() {
        return new AdminClient(List.of(first.endpoint(), second.endpoint()));
    }

    private static MirachException failureOf(Runnable call) {
        return catchThrowableOfType(MirachException.class, call::run);
    }

    @Test
    void readsARecordAsItWasWritten() {
        first.on("GET /v1/cluster", UNINITIALISED);
        assertThat(client().cluster()).isEqualTo(UNINITIALISED);
        assertThat(second.calls()).isEmpty();
    }

    @Test
    void ignoresFieldsThatANewerNodeAdds() {
        first.raw(
                "GET /v1/cluster",
                200,
                "{\"initialised\":false,\"mapVersion\":0,\"metaNodes\":[],\"nodes\":[],\"new\":1}");
        assertThat(client().cluster()).isEqualTo(UNINITIALISED);
    }

    @Test
    void sendsTheRequestAsJson() {
        first.refuse("POST /v1/volumes", "VOLUME_EXISTS", "vm1 exists", "pick another");
        failureOf(() -> client().createVolume(VM1));
        assertThat(first.received().get(0).body().orElseThrow().toString())
                .isEqualTo(
                        "{\"name\":\"vm1\",\"sizeBytes\":1048576,\"extentBytes\":4194304,\"strictReads\":false}");
    }

    @Test
    void aRefusalCarriesCodeDetailAndRemedy() {
        first.refuse("POST /v1/volumes", "VOLUME_EXISTS", "vm1 exists", "pick another");
        MirachException e = failureOf(() -> client().createVolume(VM1));
        assertThat(e.code()).isEqualTo(ErrorCode.VOLUME_EXISTS);
        assertThat(e).hasMessage("vm1 exists");
        assertThat(e.remedy()).isEqualTo("pick another");
        assertThat(second.calls()).as("a refusal is final").isEmpty();
    }

    @Test
    void aCodeOfANewerNodeIsKeptInTheDetail() {
        first.refuse("GET /v1/status", "TOO_MODERN", "cannot say", "");
        MirachException e = failureOf(() -> client().status());
        assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(e).hasMessage("TOO_MODERN: cannot say");
    }

    @Test
    void aNodeThatIsDownIsPassedOver() {
        first.close();
        second.on("GET /v1/cluster", UNINITIALISED).on("DELETE /v1/volumes/vm1", "");
        assertThat(client().cluster()).isEqualTo(UNINITIALISED);
        client().deleteVolume("vm1");
        assertThat(second.calls()).containsExactly("GET /v1/cluster", "DELETE /v1/volumes/vm1");
    }

    @Test
    void aNodeThatCannotReachTheLeaderIsPassedOver() {
        first.refuse("DELETE /v1/volumes/vm1", "NOT_LEADER", "no leader known", "");
        second.on("DELETE /v1/volumes/vm1", "");
        client().deleteVolume("vm1");
        assertThat(second.calls()).containsExactly("DELETE /v1/volumes/vm1");
    }

    /** One that has lost its disks, and waits to be let in again. */
    @Test
    void aNodeThatBelongsToNoClusterIsPassedOver() {
        first.refuse("DELETE /v1/volumes/vm1", "NOT_INITIALISED", "no cluster yet", "");
        second.on("DELETE /v1/volumes/vm1", "");
        client().deleteVolume("vm1");
        second.refuse("GET /v1/status", "NOT_INITIALISED", "no cluster yet", "");
        first.refuse("GET /v1/status", "NOT_INITIALISED", "no cluster yet", "");
        assertThat(failureOf(() -> client().status()).code()).isEqualTo(ErrorCode.NOT_INITIALISED);
    }

    @Test
    void aReadWhoseAnswerIsLostIsAskedElsewhere() {
        first.hangUp("GET /v1/cluster");
        second.on("GET /v1/cluster", UNINITIALISED);
        assertThat(client().cluster()).isEqualTo(UNINITIALISED);
    }

    @Test
    void aChangeWhoseAnswerIsLostIsNotRepeated() {
        first.hangUp("POST /v1/volumes");
        MirachException e = failureOf(() -> client().createVolume(VM1));
        assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN_OUTCOME);
        assertThat(e).hasMessageContaining("may have taken effect");
        assertThat(first.calls()).hasSize(1);
        assertThat(second.calls()).isEmpty();
    }

    @Test
    void aNodeThatNeverAnswersIsGivenUp() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HttpEndpoint endpoint = new HttpEndpoint("127.0.0.1", silent.getLocalPort());
            AdminClient client =
                    new AdminClient(
                            List.of(endpoint), Duration.ofMillis(200), Duration.ofMillis(200));
            assertThat(failureOf(client::status).code()).isEqualTo(ErrorCode.UNREACHABLE);
            assertThat(failureOf(() -> client.createVolume(VM1)).code())
                    .isEqualTo(ErrorCode.UNKNOWN_OUTCOME);
        }
    }

    @Test
    void allNodesDownNamesEachOfThem() {
        first.close();
        second.close();
        MirachException e = failureOf(() -> client().status());
        assertThat(e.code()).isEqualTo(ErrorCode.UNREACHABLE);
        assertThat(e)
                .hasMessageContaining(first.endpoint() + ": connection refused")
                .hasMessageContaining(second.endpoint() + ": connection refused");
        assertThat(e.remedy()).contains("--endpoint");
    }

    @Test
    void aForeignServerIsRecognised() {
        MirachException e = failureOf(() -> client().status());
        assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(e).hasMessageContaining("HTTP status 404");

        first.raw("GET /v1/df", 200, "<html>");
        assertThat(failureOf(() -> client().df()).code()).isEqualTo(ErrorCode.MALFORMED);
        first.raw("GET /v1/pgs", 200, "null");
        assertThat(failureOf(() -> client().placementGroups()).code())
                .isEqualTo(ErrorCode.MALFORMED);
        first.raw("GET /v1/node", 200, "{}");
        assertThat(failureOf(() -> client().node()).code()).isEqualTo(ErrorCode.MALFORMED);
    }

    @Test
    void everyErrorCodeHasAnHttpStatus() {
        for (ErrorCode code : ErrorCode.values()) {
            assertThat(ErrorView.httpStatusOf(code))
                    .as(code.name())
                    .isBetween(code == ErrorCode.OK ? 200 : 400, code == ErrorCode.OK ? 200 : 599);
        }
    }
}
