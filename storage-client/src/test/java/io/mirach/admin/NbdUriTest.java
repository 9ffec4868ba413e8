package io.mirach.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NbdUriTest {
    @ParameterizedTest
    @CsvSource({
        "nbd://127.0.0.1:10809, nbd://127.0.0.1:10809/vm1",
        "nbd://127.0.0.1:10809/, nbd://127.0.0.1:10809/vm1",
        "nbd+unix:///?socket=/run/a/nbd.sock, nbd+unix:///vm1?socket=/run/a/nbd.sock",
        "nbds://[::1]:1?tls-certificates=/x, nbds://[::1]:1/vm1?tls-certificates=/x",
    })
    void theExportNameIsPutWhereClientsLookForIt(String gateway, String expected) {
        assertThat(NbdUri.ofExport(gateway, "vm1")).isEqualTo(expected);
    }

    @Test
    void aSocketsPathIsEscaped() {
        assertThat(NbdUri.ofUnixSocket(Path.of("/run/a b/100%/nbd.sock"), "vm1"))
                .isEqualTo("nbd+unix:///vm1?socket=/run/a%20b/100%25/nbd.sock");
    }
}
