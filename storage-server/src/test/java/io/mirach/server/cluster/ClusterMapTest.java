package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClusterMapTest {
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor();
    private final List<ClusterImage> images = images(100);
    private final ClusterMap map = new ClusterMap(atVersionZero(images.get(0)), thread);

    @AfterEach
    void end() {
        thread.shutdownNow();
    }

    /** Versions 1 and up. */
    private static List<ClusterImage> images(int count) {
        List<ClusterImage> images = new ArrayList<>();
        MetaState state = MetaFixtures.after(MetaFixtures.form());
        images.add(state.image().orElseThrow());
        for (int i = 1; i < count; i++) {
            state =
                    MetaTransition.apply(
                                    state,
                                    new MetaCommand.AddGateway(
                                            new Gateway("gw" + i, "host", List.of())))
                            .next();
            images.add(state.image().orElseThrow());
        }
        return images;
    }

    private static ClusterImage atVersionZero(ClusterImage image) {
        return new ClusterImage(
                0,
                image.clusterId(),
                image.metaGroupId(),
                image.metaReplicas(),
                image.nodes(),
                Map.of(),
                Map.of(),
                Map.of(),
                Map.of());
    }

    private static MapUpdate get(CompletableFuture<MapUpdate> update) throws Exception {
        return update.get(10, TimeUnit.SECONDS);
    }

    @Test
    void theMapBeforeTheClusterIsFormedIsNotGivenOut() throws Exception {
        MapUpdate update = get(map.poll(GetMap.poll(0, 0)));
        assertThat(update.image()).isEmpty();
        assertThat(update.delta()).isEmpty();
    }

    @Test
    void aPollIsAnsweredWhenTheMapChanges() throws Exception {
        map.publish(images.get(0));
        CompletableFuture<MapUpdate> waiting = map.poll(GetMap.poll(1, 10_000));
        assertThat(waiting).isNotDone();
        map.publish(images.get(1));
        MapUpdate update = get(waiting);
        assertThat(update.delta().orElseThrow().applyTo(images.get(0))).isEqualTo(images.get(1));
    }

    @Test
    void aPollWithoutNewsEndsAfterItsWait() throws Exception {
        map.publish(images.get(0));
        MapUpdate update = get(map.poll(GetMap.poll(1, 20)));
        assertThat(update.version()).isEqualTo(1);
        assertThat(update.image()).isEmpty();
        assertThat(update.delta()).isEmpty();
    }

    @Test
    void oneDeltaLeadsFromAnyRecentVersionAndTheWholeMapFromOlderOnes() throws Exception {
        images.forEach(map::publish);
        ClusterImage last = images.get(99);
        for (int known = 60; known < 99; known++) {
            MapUpdate update = get(map.poll(GetMap.poll(known + 1, 0)));
            assertThat(update.delta().orElseThrow().applyTo(images.get(known))).isEqualTo(last);
        }
        assertThat(get(map.poll(GetMap.poll(3, 0))).image()).contains(last);
        assertThat(get(map.poll(GetMap.poll(0, 0))).image()).contains(last);
    }

    @Test
    void anOlderMapIsNotTaken() {
        map.publish(images.get(5));
        map.publish(images.get(2));
        assertThat(map.image()).isEqualTo(images.get(5));
    }

    @Test
    void listenersHearTheCurrentMapAndEachNewerOne() throws Exception {
        List<Long> heard = new ArrayList<>();
        map.publish(images.get(0));
        map.onImage(image -> heard.add(image.version()));
        map.onImage(
                image -> {
                    throw new IllegalStateException("a listener that fails harms nobody else");
                });
        map.publish(images.get(1));
        map.publish(images.get(2));
        thread.submit(() -> {}).get(10, TimeUnit.SECONDS);
        assertThat(heard).endsWith(2L, 3L);
        assertThat(heard).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void whoWaitsIsNotShownTheMapFromBefore() throws Exception {
        CountDownLatch behind = new CountDownLatch(1);
        thread.execute(() -> awaitUninterrupted(behind));
        map.publish(images.get(0));
        map.publish(images.get(1));
        // True of the first, which the map thread has not served yet, but no longer of the second.
        CompletableFuture<ClusterImage> waiting =
                map.await(image -> !image.gateways().containsKey("gw1"), 60_000);
        behind.countDown();
        thread.submit(() -> {}).get(10, TimeUnit.SECONDS);
        assertThat(waiting).isNotDone();
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void waitingInVainEndsWithTimeout() {
        assertThatThrownBy(() -> map.await(image -> false, 20).get(10, TimeUnit.SECONDS))
                .hasCauseInstanceOf(MirachException.class)
                .satisfies(
                        e ->
                                assertThat(((MirachException) e.getCause()).code())
                                        .isEqualTo(ErrorCode.TIMEOUT));
    }
}
