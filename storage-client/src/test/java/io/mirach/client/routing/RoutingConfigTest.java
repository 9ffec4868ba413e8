package io.mirach.client.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RoutingConfigTest {
    @Test
    void pausesDoubleUpToTheLongestAndAreShortenedByAtMostHalf() {
        RoutingConfig config = RoutingConfig.DEFAULT;
        assertThat(config.backoffNanos(0, 0)).isEqualTo(Duration.ofMillis(5).toNanos());
        assertThat(config.backoffNanos(1, 0)).isEqualTo(Duration.ofMillis(10).toNanos());
        assertThat(config.backoffNanos(2, 1)).isEqualTo(Duration.ofMillis(10).toNanos());
        assertThat(config.backoffNanos(7, 0)).isEqualTo(Duration.ofMillis(500).toNanos());
        assertThat(config.backoffNanos(Integer.MAX_VALUE, 1))
                .isEqualTo(Duration.ofMillis(250).toNanos());
    }
}
