package io.mirach.client.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.MirachException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeAddressTest {
    @Test
    void hostsAndPortsAreRead() {
        assertThat(NodeAddress.parse("node-1:80")).isEqualTo(new NodeAddress("node-1", 80));
        assertThat(NodeAddress.parse("[::1]:9")).isEqualTo(new NodeAddress("::1", 9));
        assertThat(NodeAddress.parse("[::1]:9")).hasToString("[::1]:9");
        assertThat(NodeAddress.parse("[::1]:9").numeric()).isPresent();
        assertThat(NodeAddress.parse("127.0.0.1:9").numeric()).isPresent();
        assertThat(NodeAddress.parse("localhost:9").numeric()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", ":", "host", "host:", ":80", "host:65536", "host:-1", "::1:80", "h:x"})
    void otherTextIsRefused(String text) {
        assertThatThrownBy(() -> NodeAddress.parse(text))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("'" + text + "'");
    }
}
