package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.VolumeId;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import io.mirach.server.placement.Step;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SealTermsTest {
    private static final VolumeId ID = new VolumeId(1);

    private long nowNanos = -5;
    private final SealTerms terms = new SealTerms(() -> nowNanos);
    private MetaState state =
            MetaFixtures.after(
                    MetaFixtures.form(),
                    MetaFixtures.create("vm1"),
                    new MetaCommand.VolumeOpened(ID));

    private ClusterImage apply(MetaCommand... commands) {
        for (MetaCommand command : commands) {
            MetaTransition transition = MetaTransition.apply(state, command);
            transition.reply().orThrow();
            state = transition.next();
        }
        return state.image().orElseThrow();
    }

    private static MetaCommand shared(String gateway) {
        return new MetaCommand.Attach(
                ID, Attachment.Mode.SHARED, gateway, "host", "proof", false, 0, List.of(), 0);
    }

    private void pass(Duration time) {
        nowNanos += time.toNanos();
    }

    @Test
    void aSnapshotIsGivenUpAfterItsTimeAndNotAgain() {
        ClusterImage image = apply(new MetaCommand.CreateSnapshot(ID, "one", 0));
        assertThat(terms.overdue(image)).isEmpty();
        pass(SealTerms.OPEN_LIMIT);
        assertThat(terms.overdue(image)).isEmpty();
        pass(Duration.ofMillis(1));
        assertThat(terms.overdue(image))
                .containsExactly(
                        new Step.AbortSnapshot(
                                image.volumes().get(ID),
                                image.volumes().get(ID).sealing().orElseThrow()));
        image = apply(new MetaCommand.AbortSnapshot(ID, 1));
        assertThat(terms.overdue(image)).isEmpty();
    }

    @Test
    void whileNobodyCanWriteTheTimeIsShort() {
        ClusterImage image =
                apply(shared("gw1"), shared("gw2"), new MetaCommand.CreateSnapshot(ID, "one", 0));
        assertThat(terms.overdue(image)).isEmpty();
        pass(SealTerms.CLOSED_LIMIT.plusMillis(1));
        assertThat(terms.overdue(image)).hasSize(1);
    }

    @Test
    void aNewLeaderGivesTheWholeTime() {
        ClusterImage image = apply(new MetaCommand.CreateSnapshot(ID, "one", 0));
        terms.overdue(image);
        pass(SealTerms.OPEN_LIMIT.plusMillis(1));
        terms.begin();
        assertThat(terms.overdue(image)).isEmpty();
    }

    @Test
    void whatIsSealedIsForgotten() {
        ClusterImage image = apply(new MetaCommand.CreateSnapshot(ID, "one", 0));
        terms.overdue(image);
        pass(SealTerms.OPEN_LIMIT.plusMillis(1));
        image = apply(new MetaCommand.LayerSealed(ID, 1));
        assertThat(terms.overdue(image)).isEmpty();
        image = apply(new MetaCommand.CreateSnapshot(ID, "two", 0));
        assertThat(terms.overdue(image)).isEmpty();
    }
}
