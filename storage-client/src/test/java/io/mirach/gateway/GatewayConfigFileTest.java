package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GatewayConfigFileTest {
    private static final String LEAST =
            "endpoints: [127.0.0.1:7480]\nlisten: ['tcp://127.0.0.1:10809']\nstate-dir: /var/x\n";

    @TempDir Path folder;

    private GatewayConfig read(String yaml) throws IOException {
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, yaml);
        return GatewayConfigFile.read(file);
    }

    @Test
    void theLeastFileGetsTheDefaults() throws IOException {
        GatewayConfig config = read(LEAST);
        assertThat(config.name()).isEqualTo(GatewayConfigFile.hostName());
        assertThat(config.autoAttach()).isFalse();
        assertThat(config.limits()).isEqualTo(NbdLimits.DEFAULT);
        assertThat(config.ioTimeout()).as("it waits, as a disk would").isZero();
        assertThat(config.shutdownTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(config.threads()).isPositive();
    }

    @Test
    void everyKeyIsRead() throws IOException {
        GatewayConfig config =
                read(
                        """
                        name: hypervisor-1
                        endpoints: ["10.0.0.1:7480", "[::1]:7481"]
                        listen:
                          - unix:///run/mirach/nbd.sock
                          - tcp://[::1]:0
                        state-dir: /var/lib/mirach/gateway
                        auto-attach: true
                        io-timeout: 90s
                        limits:
                          connections: 8
                          requests-in-flight: 128
                          bytes-in-flight: 32MiB
                          memory: 1GiB
                          handshake-timeout: 500ms
                          stall-timeout: 2m
                          shutdown-timeout: 7s
                          threads: 3
                        """);
        assertThat(config.name()).isEqualTo("hypervisor-1");
        assertThat(config.endpoints())
                .containsExactly(new HttpEndpoint("10.0.0.1", 7480), new HttpEndpoint("::1", 7481));
        assertThat(config.listen())
                .containsExactly(
                        new NbdAddress.Unix(Path.of("/run/mirach/nbd.sock")),
                        new NbdAddress.Tcp("::1", 0));
        assertThat(config.stateDir()).isEqualTo(Path.of("/var/lib/mirach/gateway"));
        assertThat(config.autoAttach()).isTrue();
        assertThat(config.limits().maxConnections()).isEqualTo(8);
        assertThat(config.limits().maxInFlightRequests()).isEqualTo(128);
        assertThat(config.limits().maxInFlightBytes()).isEqualTo(32L << 20);
        assertThat(config.limits().memoryBytes()).isEqualTo(1L << 30);
        assertThat(config.limits().handshakeTimeout()).isEqualTo(Duration.ofMillis(500));
        assertThat(config.limits().stallTimeout()).isEqualTo(Duration.ofMinutes(2));
        assertThat(config.shutdownTimeout()).isEqualTo(Duration.ofSeconds(7));
        assertThat(config.ioTimeout()).isEqualTo(Duration.ofSeconds(90));
        assertThat(config.threads()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "auto-atach: true | unknown key 'auto-atach'",
                "limits: {conections: 3} | unknown key 'conections'",
                "limits: {connections: 0} | maxConnections",
                "limits: {connections: many} | limits.connections",
                "limits: {memory: 5} | limits.memory: not a size such as 64MiB: '5'",
                "limits: {memory: 1MiB} | memoryBytes must be at least 128 MiB",
                "limits: {stall-timeout: soon} | limits.stall-timeout: not a time",
                "auto-attach: [1] | auto-attach",
                "name: 'a b' | name must match",
                "io-timeout: soon | io-timeout: not a time",
                "io-timeout: 10ms | io-timeout must be 0s (wait) or at least 1s",
                "listen: [] | Duplicate field 'listen'",
                "threads: 3 | unknown key 'threads'"
            })
    void whatIsWrongIsNamed(String line, String expected) {
        assertThatThrownBy(() -> read(LEAST + line + "\n"))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        refused -> {
                            assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_CONFIG);
                            assertThat(refused).hasMessageContaining(expected);
                            assertThat(refused).hasMessageContaining("gateway.yaml");
                        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "listen: ['tcp://127.0.0.1:1'] | 'endpoints' is missing",
                "endpoints: ['a:1'] | 'listen' is missing",
                "endpoints: ['a'] | not an endpoint: 'a'",
                "'endpoints: [\"a:1\"]\nlisten: [\"udp://x:1\"]' | cannot listen on 'udp://x:1'",
                "'endpoints: [\"a:1\"]\nlisten: [\"unix://x\"]' | absolute",
                "'endpoints: [\"a:1\"]\nlisten: [\"tcp://x:1\"]' | 'state-dir' is missing",
                "'endpoints: [\"a:1\", ]\nlisten: [null]' | 'listen' has an empty element",
                "'- a' | gateway.yaml",
                "'a: [' | line"
            })
    void whatIsMissingOrMalformedIsNamed(String yaml, String expected) {
        assertThatThrownBy(() -> read(yaml))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        refused -> {
                            assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_CONFIG);
                            assertThat(refused).hasMessageContaining(expected);
                        });
    }

    @Test
    void anEmptyAndAMissingFileAreRefused() {
        assertThatThrownBy(() -> read("")).hasMessageContaining("gateway.yaml");
        assertThatThrownBy(() -> GatewayConfigFile.read(folder.resolve("none.yaml")))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("does not exist");
    }
}
