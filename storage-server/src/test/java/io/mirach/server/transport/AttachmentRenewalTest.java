package io.mirach.server.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.client.AttachOptions;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClients;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.RenewAttachments;
import io.mirach.protocol.cluster.Renewal;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A client tells the meta leader that it still uses what it has attached. */
@Timeout(90)
@ExtendWith(NoLeaks.class)
class AttachmentRenewalTest {
    private FakeCluster cluster;
    private MirachClient client;

    @BeforeEach
    void start() throws Exception {
        cluster = new FakeCluster(1L << 30);
        // The shortest there is, so that a few come soon.
        cluster.renewalAnswer = Renewal.of(800);
        client =
                MirachClients.connect(ClientDataPathTest.config(cluster)).get(30, TimeUnit.SECONDS);
    }

    @AfterEach
    void stop() {
        client.close();
        cluster.close();
    }

    private AttachedVolume attach() throws Exception {
        return client.attach(FakeCluster.VOLUME, AttachOptions.of(Attachment.Mode.READ_WRITE))
                .get(30, TimeUnit.SECONDS);
    }

    @Test
    void whatIsAttachedIsRenewedUntilItIsDetached() throws Exception {
        AttachedVolume volume = attach();
        await().until(() -> cluster.renewals.size() >= 3);
        RenewAttachments.Held held =
                new RenewAttachments.Held(FakeCluster.VOLUME_ID, volume.epoch());
        assertThat(cluster.renewals)
                .allSatisfy(renewal -> assertThat(renewal.attachments()).containsExactly(held));
        volume.detach().get(10, TimeUnit.SECONDS);
        // The next one names the next attachment only: the first is not renewed any more.
        AttachedVolume next = attach();
        await().until(
                        () ->
                                last().attachments()
                                        .equals(
                                                List.of(
                                                        new RenewAttachments.Held(
                                                                FakeCluster.VOLUME_ID,
                                                                next.epoch()))));
    }

    private RenewAttachments last() {
        return cluster.renewals.get(cluster.renewals.size() - 1);
    }

    @Test
    void aMetaGroupThatDoesNotAnswerEndsNothing() throws Exception {
        AtomicInteger refused = new AtomicInteger();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.RENEW_ATTACHMENTS || refused.get() >= 4) {
                        return real.handle(body);
                    }
                    refused.incrementAndGet();
                    body.release();
                    return CompletableFuture.failedFuture(
                            new MirachException(ErrorCode.INTERNAL, "no"));
                };
        AttachedVolume volume = attach();
        await().until(() -> refused.get() >= 4 && !cluster.renewals.isEmpty());
        assertThat(volume.closed()).isNotDone();
        volume.discard(0, 4096).get(10, TimeUnit.SECONDS);
    }

    @Test
    void aRenewalThatIsRefusedSaysWhyItIsOver() throws Exception {
        AttachedVolume volume = attach();
        cluster.renewalAnswer =
                new Renewal(800, Map.of(volume.epoch(), "gateway x took it over by force"));
        assertThatThrownBy(() -> volume.closed().orTimeout(20, TimeUnit.SECONDS).join())
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("gateway x took it over by force")
                .satisfies(
                        e -> assertThat(((MirachException) e).code()).isEqualTo(ErrorCode.FENCED));
    }
}
