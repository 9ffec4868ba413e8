package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment.Mode;
import io.mirach.model.Snapshot;
import io.mirach.nbd.SessionClient;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.cluster.EndedExport;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GatewayExportsTest {
    private final FakeCluster cluster = new FakeCluster();

    @BeforeEach
    void addVolumes() {
        cluster.addVolume("alpha");
        cluster.addVolume("beta");
    }

    private GatewayExports exports(boolean autoAttach) {
        GatewayExports exports = new GatewayExports(cluster, "gw", autoAttach);
        cluster.onImage(exports::follow);
        return exports;
    }

    @Test
    void autoAttachListsEveryVolumeAndAttachesNone() {
        GatewayExports exports = exports(true);
        try (SessionClient client = new SessionClient(exports)) {
            assertThat(client.list()).containsExactly("alpha", "beta");
        }
        try (SessionClient client = new SessionClient(exports)) {
            assertThat(client.knows("beta")).isTrue();
        }
        assertThat(cluster.events()).isEmpty();
    }

    @Test
    void withoutAutoAttachOnlyOrderedVolumesAreOffered() {
        GatewayExports exports = exports(false);
        cluster.order("beta", "gw", Mode.READ_WRITE);
        cluster.order("alpha", "another", Mode.READ_WRITE);
        try (SessionClient client = new SessionClient(exports)) {
            assertThat(client.list()).containsExactly("beta");
        }
        try (SessionClient client = new SessionClient(exports)) {
            client.go("alpha");
            assertThat(client.refusal()).contains("no export named 'alpha'");
        }
    }

    @Test
    void aVolumeMadeAMomentAgoIsOfferedThoughTheMapHereIsOlder() {
        GatewayExports exports = exports(true);
        cluster.addVolumeUnseen("fresh");
        try (SessionClient client = SessionClient.transmitting(exports, "fresh", true)) {
            assertThat(client.read(0, 1)).containsExactly(0);
        }
    }

    @Test
    void withoutAMetaLeaderAnUnknownNameIsNotSaidToBeMissing() {
        GatewayExports exports = exports(true);
        cluster.setUnreachable(true);
        try (SessionClient client = new SessionClient(exports)) {
            client.go("fresh");
            assertThat(client.refusal()).contains("UNREACHABLE").doesNotContain("no export");
        }
    }

    @Test
    void theFirstSessionAttachesAndTheLastDetaches() {
        GatewayExports exports = exports(true);
        SessionClient first = SessionClient.transmitting(exports, "alpha", true);
        SessionClient second = SessionClient.transmitting(exports, "alpha", true);
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE");
        first.write(5, (byte) 9);
        assertThat(second.read(4, 3)).containsExactly(0, 9, 0);
        first.disconnect();
        assertThat(cluster.events()).hasSize(1);
        second.disconnect();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE", "detach alpha");
        try (SessionClient third = SessionClient.transmitting(exports, "alpha", true)) {
            assertThat(third.read(0, 1)).containsExactly(0);
        }
        assertThat(cluster.events()).hasSize(4);
    }

    @Test
    void anOrderAttachesAtOnceAndKeepsAttachedWithoutSessions() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE");
        SessionClient.transmitting(exports, "alpha", true).disconnect();
        assertThat(cluster.events()).hasSize(1);
    }

    @Test
    void theEndOfAnOrderEndsItsSessionsAndDetaches() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        SessionClient client = SessionClient.transmitting(exports, "alpha", true);
        cluster.withdraw("alpha");
        assertThat(client.isClosed()).isTrue();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE", "detach alpha");
        try (SessionClient late = new SessionClient(exports)) {
            assertThat(late.list()).isEmpty();
        }
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(cluster.events()).hasSize(3);
    }

    @Test
    void anotherModeAttachesAnew() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        SessionClient writer = SessionClient.transmitting(exports, "alpha", true);
        cluster.order("alpha", "gw", Mode.READ_ONLY);
        assertThat(writer.isClosed()).isTrue();
        assertThat(cluster.events())
                .containsExactly(
                        "attach alpha READ_WRITE", "detach alpha", "attach alpha READ_ONLY");
        try (SessionClient reader = SessionClient.transmitting(exports, "alpha", true)) {
            assertThat(reader.write(0, (byte) 1).errno()).isEqualTo(1);
        }
    }

    @Test
    void aDeletedVolumeIsServedNoMore() {
        GatewayExports exports = exports(true);
        SessionClient client = SessionClient.transmitting(exports, "alpha", true);
        cluster.deleteVolume("alpha");
        assertThat(client.isClosed()).isTrue();
        try (SessionClient other = new SessionClient(exports)) {
            assertThat(other.list()).containsExactly("beta");
        }
    }

    @Test
    void aVolumeInUseIsRefusedAndTheOrderIsTriedAgain() {
        cluster.failAttaches(ErrorCode.VOLUME_IN_USE);
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        try (SessionClient client = new SessionClient(exports)) {
            client.go("alpha");
            assertThat(client.refusal()).isEqualTo("VOLUME_IN_USE: attached by another");
        }
        cluster.failAttaches(ErrorCode.OK);
        exports.retryOrders();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE");
        exports.retryOrders();
        assertThat(cluster.events()).hasSize(1);
    }

    @Test
    void fencingClosesTheExportAndLeavesOthersAlone() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        cluster.order("beta", "gw", Mode.READ_WRITE);
        SessionClient alpha = SessionClient.transmitting(exports, "alpha", true);
        try (SessionClient beta = SessionClient.transmitting(exports, "beta", true)) {
            cluster.content("alpha").fence();
            assertThat(alpha.isClosed()).isTrue();
            assertThat(beta.write(0, (byte) 1).errno()).isZero();
        }
        // Attaching again by itself would fence the one that replaced it.
        exports.retryOrders();
        assertThat(cluster.events()).hasSize(2);
        try (SessionClient late = new SessionClient(exports)) {
            assertThat(late.list()).containsExactly("beta");
        }
        cluster.withdraw("alpha");
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(cluster.events()).hasSize(3).last().isEqualTo("attach alpha READ_WRITE");
    }

    @Test
    void aClientThatLeavesWhileItsVolumeIsAttachedLeavesNothingAttached() {
        GatewayExports exports = exports(true);
        cluster.holdAttaches();
        SessionClient client = new SessionClient(exports);
        client.go("alpha");
        client.close();
        cluster.releaseAttaches();
        client.runPending();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE", "detach alpha");
    }

    @Test
    void anOrderThatEndsWhileItIsCarriedOutIsUndone() {
        GatewayExports exports = exports(false);
        cluster.holdAttaches();
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        SessionClient client = new SessionClient(exports);
        client.go("alpha");
        cluster.withdraw("alpha");
        cluster.releaseAttaches();
        assertThat(client.refusal()).startsWith("NOT_ATTACHED");
        client.close();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE", "detach alpha");
    }

    @Test
    void leftoversOfAFormerLifeAreGivenBack() {
        cluster.leaveAttachment("alpha", "gw", Mode.READ_WRITE);
        cluster.leaveAttachment("beta", "another", Mode.READ_WRITE);
        GatewayExports exports = exports(true);
        exports.releaseLeftovers();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE", "detach alpha");
    }

    @Test
    void aClientThatComesBackDuringThatKeepsTheVolumeAttached() {
        cluster.leaveAttachment("alpha", "gw", Mode.READ_WRITE);
        GatewayExports exports = exports(true);
        cluster.holdAttaches();
        exports.releaseLeftovers();
        SessionClient client = new SessionClient(exports);
        client.go("alpha");
        cluster.releaseAttaches();
        client.runPending();
        assertThat(cluster.events()).containsExactly("attach alpha READ_WRITE");
        client.close();
        assertThat(cluster.events()).hasSize(2);
    }

    @Test
    void closingDetachesWhatClientsAttachedAndKeepsWhatIsOrdered() {
        GatewayExports exports = exports(true);
        cluster.order("beta", "gw", Mode.READ_WRITE);
        SessionClient client = SessionClient.transmitting(exports, "alpha", true);
        exports.refuseOpens();
        try (SessionClient late = new SessionClient(exports)) {
            late.go("alpha");
            assertThat(late.refusal()).startsWith("SHUTTING_DOWN");
        }
        assertThat(exports.close()).isCompleted();
        assertThat(cluster.events())
                .containsExactly(
                        "attach beta READ_WRITE", "attach alpha READ_WRITE", "detach alpha");
        client.close();
    }

    @Test
    void aLeftoverIsResumedInTheModeThatItHad() {
        cluster.leaveAttachment("alpha", "gw", Mode.SHARED);
        GatewayExports exports = exports(true);
        exports.releaseLeftovers();
        assertThat(cluster.events()).containsExactly("attach alpha SHARED", "detach alpha");
    }

    @Test
    void whatWasTakenIsToldUntilItIsOfferedAgain() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(exports.ended()).isEmpty();
        cluster.content("alpha").fence();
        // Its order goes with it.
        cluster.withdraw("alpha");
        assertThat(exports.ended())
                .containsExactly(new EndedExport("alpha", "FENCED: another attached it"));
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(exports.ended()).isEmpty();
        assertThat(cluster.events()).hasSize(2);
    }

    @Test
    void anExportIsGoneAtOnceAndWhyIsToldOnceItIsKnown() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        cluster.content("alpha").fenceUnexplained("not admitted");
        assertThat(exports.ended())
                .containsExactly(new EndedExport("alpha", "FENCED: not admitted"));
        cluster.content("alpha").explain("another attached it");
        assertThat(exports.ended())
                .containsExactly(new EndedExport("alpha", "FENCED: another attached it"));
    }

    @Test
    void anOrderThatIsGivenAgainAttachesWhatWasTaken() {
        GatewayExports exports = exports(false);
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        cluster.content("alpha").fence();
        exports.retryOrders();
        assertThat(cluster.events()).hasSize(1);
        // The map in between, without the order, may never have been seen.
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(cluster.events()).hasSize(2);
        // While it is attached, another order in the same mode disturbs nobody.
        cluster.order("alpha", "gw", Mode.READ_WRITE);
        assertThat(cluster.events()).hasSize(2);
    }

    @Test
    void snapshotsAreReadOnlyExportsAndAttachNothing() {
        GatewayExports exports = exports(true);
        cluster.addSnapshot("beta", "monday", Snapshot.State.READY);
        cluster.addSnapshot("beta", "tuesday", Snapshot.State.DROPPED);
        cluster.addSnapshot("beta", "wednesday", Snapshot.State.READY);
        cluster.addSnapshot("beta", "thursday", Snapshot.State.SEALING);
        try (SessionClient client = new SessionClient(exports)) {
            assertThat(client.list())
                    .containsExactly("alpha", "beta", "beta@monday", "beta@wednesday");
        }
        for (String name : List.of("beta@tuesday", "beta@thursday", "beta@", "none@monday")) {
            try (SessionClient client = new SessionClient(exports)) {
                assertThat(client.knows(name)).as(name).isFalse();
            }
        }
        assertThat(cluster.events()).isEmpty();
        try (SessionClient client = SessionClient.transmitting(exports, "beta@monday", true)) {
            assertThat(client.read(0, 1)).containsExactly(0);
        }
        assertThat(cluster.events()).containsExactly("open beta@monday", "close beta@monday");
    }

    @Test
    void snapshotsOfVolumesThatAreServedElsewhereAreNotOffered() {
        GatewayExports exports = exports(false);
        cluster.addSnapshot("alpha", "monday", Snapshot.State.READY);
        cluster.addSnapshot("beta", "monday", Snapshot.State.READY);
        cluster.order("beta", "gw", Mode.READ_WRITE);
        try (SessionClient client = new SessionClient(exports)) {
            assertThat(client.list()).containsExactly("beta", "beta@monday");
        }
        try (SessionClient client = new SessionClient(exports)) {
            client.go("alpha@monday");
            assertThat(client.refusal()).contains("no export named 'alpha@monday'");
        }
    }

    @Test
    void theSessionOfASnapshotEndsWithIt() {
        GatewayExports exports = exports(true);
        cluster.addSnapshot("beta", "monday", Snapshot.State.READY);
        try (SessionClient client = SessionClient.transmitting(exports, "beta@monday", true)) {
            cluster.openedSnapshot().delete();
            client.runPending();
            assertThat(client.isClosed()).isTrue();
        }
    }
}
