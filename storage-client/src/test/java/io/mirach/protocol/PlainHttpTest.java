package io.mirach.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;

/** That it speaks plain HTTP is what every test of the admin API shows. */
class PlainHttpTest {
    @Test
    void setsNoTlsUp() {
        assertThat(PlainHttp.newClient().build().sslContext().getProtocol()).isEqualTo("none");
    }

    @Test
    void refusesHttps() throws IOException {
        HttpClient http = PlainHttp.newClient().build();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            URI https = URI.create("https://127.0.0.1:" + server.getLocalPort() + "/");
            assertThatThrownBy(
                            () ->
                                    http.send(
                                            HttpRequest.newBuilder(https).build(),
                                            BodyHandlers.ofString()))
                    .hasStackTraceContaining("the admin API is plain HTTP");
        }
    }
}
