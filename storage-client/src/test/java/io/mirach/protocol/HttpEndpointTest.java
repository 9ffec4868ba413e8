package io.mirach.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpEndpointTest {
    @Test
    void listsAreReadInOrder() {
        assertThat(HttpEndpoint.parseList(" a:1, 10.0.0.1:65535,[::1]:8000\n"))
                .containsExactly(
                        new HttpEndpoint("a", 1),
                        new HttpEndpoint("10.0.0.1", 65_535),
                        new HttpEndpoint("::1", 8000));
        assertThat(new HttpEndpoint("::1", 8000).uri("/v1/df"))
                .hasToString("http://[::1]:8000/v1/df");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a",
                "a:",
                ":1",
                "a:0",
                "a:65536",
                "a:-1",
                "a:1,",
                "a:1,,b:2",
                "http://a:1",
                "a:1/x",
                "a b:1",
                "::1:80",
                "[a:1",
                "[zz]:1",
                "a:99999999999"
            })
    void nonsenseIsNamed(String text) {
        MirachException e =
                catchThrowableOfType(MirachException.class, () -> HttpEndpoint.parseList(text));
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(e).hasMessageStartingWith("not an endpoint: '");
        assertThat(e.remedy()).contains("HOST:PORT");
    }
}
