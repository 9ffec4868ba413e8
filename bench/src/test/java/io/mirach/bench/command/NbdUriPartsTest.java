package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.admin.NbdUri;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NbdUriPartsTest {
    @Test
    void tcpHasHostPortAndExport() {
        assertThat(NbdUriParts.parse("nbd://127.0.0.1:10900/vm1"))
                .isEqualTo(new NbdUriParts(Optional.empty(), "127.0.0.1", 10_900, "vm1"));
        assertThat(NbdUriParts.parse("nbd://[::1]/vm1"))
                .isEqualTo(new NbdUriParts(Optional.empty(), "::1", 10_809, "vm1"));
    }

    @Test
    void whatMirachPrintsForASocketIsRead() {
        Path socket = Path.of("/tmp/a b+c%/nbd.sock");
        assertThat(NbdUriParts.parse(NbdUri.ofUnixSocket(socket, "vm1")))
                .isEqualTo(new NbdUriParts(Optional.of(socket), "", 0, "vm1"));
    }

    @Test
    void aPlusInASocketsPathIsAPlus() {
        assertThat(NbdUriParts.parse("nbd+unix:///?socket=/tmp/a+b").socket())
                .contains(Path.of("/tmp/a+b"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "vm1",
                "http://host/vm1",
                "nbd:vm1",
                "nbd://host:0/vm1",
                "nbd://host:70000/vm1",
                "nbd+unix:///vm1",
                "nbd+unix:///vm1?socket=",
                "nbd://ho st/vm1"
            })
    void anythingElseIsRefusedWithTheForm(String text) {
        assertThatThrownBy(() -> NbdUriParts.parse(text))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> {
                            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
                            assertThat(e.remedy()).contains("nbd+unix:///EXPORT?socket=PATH");
                        });
    }
}
