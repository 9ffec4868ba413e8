package io.mirach.server.node;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NodeStartCommandTest {
    @Test
    void remedyOfAFullDiskIsRoomAndThatOfABrokenOneIsInTheSystemsLog() {
        assertThat(NodeStartCommand.remedy("The log could not be written: No space left on device"))
                .startsWith("free space")
                .doesNotContain("dmesg");
        assertThat(NodeStartCommand.remedy("The log could not be written: Input/output error"))
                .contains("dmesg");
    }
}
