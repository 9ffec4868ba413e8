package io.mirach.server.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeConfigFileTest {
    private static final String GOOD =
            """
            name: node-1
            data-dirs: [/data/one, /data/two]
            native-address: 127.0.0.1:7481
            http-address: 127.0.0.1:7480
            raft-address: 127.0.0.1:7482
            """;

    @TempDir Path folder;

    private NodeConfig read(String text) throws IOException {
        Path file = folder.resolve("node.yaml");
        Files.writeString(file, text);
        return NodeConfigFile.read(file);
    }

    @Test
    void defaultsAreFilledIn() throws IOException {
        NodeConfig config = read(GOOD);
        assertThat(config.dataDirs()).containsExactly(Path.of("/data/one"), Path.of("/data/two"));
        assertThat(config.raftAddressOf(1)).isEqualTo("127.0.0.1:7483");
        assertThat(config.zone()).isEmpty();
        assertThat(config.store().writeBufferBytes()).isEqualTo(128 << 20);
    }

    @Test
    void everyKeyIsTaken() throws IOException {
        NodeConfig config =
                read(
                        GOOD
                                + """
                                zone: z
                                rack: r
                                labels: {disk: nvme}
                                limits:
                                  block-cache: 8MiB
                                  write-buffers: 1GiB
                                  raft-queue: 4096KiB
                                  scrub-rate: 3MiB
                                  writes-in-flight: 16MiB
                                  reader-threads: 3
                                  queued-reads: 10
                                  threads: 4
                                """);
        assertThat(config.zone()).isEqualTo("z");
        assertThat(config.rack()).isEqualTo("r");
        assertThat(config.labels()).isEqualTo(Map.of("disk", "nvme"));
        assertThat(config.store().blockCacheBytes()).isEqualTo(8 << 20);
        assertThat(config.store().writeBufferBytes()).isEqualTo(1 << 30);
        assertThat(config.replication().queueBytes()).isEqualTo(4 << 20);
        assertThat(config.replication().scrubBytesPerSecond()).isEqualTo(3 << 20);
        assertThat(config.chunks().maxWriteBytesInFlight()).isEqualTo(16 << 20);
        assertThat(config.chunks().readerThreads()).isEqualTo(3);
        assertThat(config.chunks().maxQueuedReads()).isEqualTo(10);
        assertThat(config.eventLoops()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "zoen: z | zoen",
                "limits: {cache: 1MiB} | cache",
                "limits: {block-cache: lots} | limits.block-cache",
                "limits: {threads: 0} | limits.threads",
                "name: again | name",
                "labels: [] | labels",
                "zone: 'a b' | zone",
            })
    void whatIsWrongIsNamed(String line, String named) {
        assertThatThrownBy(() -> read(GOOD + line + "\n"))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
                .hasMessageContaining("node.yaml")
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "name: node-1 | '' | name",
                "name: node-1 | name: '../x' | name",
                "native-address: 127.0.0.1:7481 | native-address: 0.0.0.0:7481 | native-address",
                "native-address: 127.0.0.1:7481 | native-address: 127.0.0.1:0 | native-address",
                "native-address: 127.0.0.1:7481 | native-address: 127.0.0.1:7483 | overlap",
                "http-address: 127.0.0.1:7480 | http-address: here | http-address",
                "raft-address: 127.0.0.1:7482 | raft-address: 127.0.0.1:65535 | raft-address",
                "'data-dirs: [/data/one, /data/two]' | 'data-dirs: []' | data-dirs",
                "'data-dirs: [/data/one, /data/two]' | 'data-dirs: [/a, /b/../a]' | data-dirs",
            })
    void wrongValuesAreRefused(String line, String replacement, String named) {
        assertThatThrownBy(() -> read(GOOD.replace(line, replacement)))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
                .hasMessageContaining(named);
    }

    @Test
    void aMissingOrEmptyFileIsAConfigurationError() {
        assertThatThrownBy(() -> NodeConfigFile.read(folder.resolve("none.yaml")))
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> read("")).isInstanceOf(MirachException.class);
    }
}
