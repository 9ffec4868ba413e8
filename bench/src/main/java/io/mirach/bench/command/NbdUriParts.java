package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where an NBD export is.
 *
 * @param socket of a unix socket; else {@code host} and {@code port} hold
 */
public record NbdUriParts(Optional<Path> socket, String host, int port, String export) {
    private static final int DEFAULT_PORT = 10_809;
    private static final String SOCKET = "socket=";

    /**
     * Reads {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH};
     * INVALID_ARGUMENT says what is wrong with another.
     */
    public static NbdUriParts parse(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw invalid(text, e.getReason(), e);
        }
        String path = Optional.ofNullable(uri.getPath()).orElse("");
        String export = path.startsWith("/") ? path.substring(1) : path;
        if ("nbd+unix".equals(uri.getScheme())) {
            return new NbdUriParts(Optional.of(socket(text, uri)), "", 0, export);
        }
        if (!"nbd".equals(uri.getScheme())) {
            throw invalid(text, "it is neither nbd: nor nbd+unix:", null);
        }
        if (uri.getHost() == null) {
            throw invalid(text, "it names no host", null);
        }
        String host = uri.getHost();
        if (host.startsWith("[")) {
            host = host.substring(1, host.length() - 1);
        }
        int port = uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
        if (port < 1 || port > 65_535) {
            throw invalid(text, port + " is not a port", null);
        }
        return new NbdUriParts(Optional.empty(), host, port, export);
    }

    private static Path socket(String text, URI uri) {
        String query = Optional.ofNullable(uri.getRawQuery()).orElse("");
        for (String parameter : query.split("&")) {
            if (parameter.startsWith(SOCKET) && parameter.length() > SOCKET.length()) {
                // A plus is itself in a path: only %XX is an escape in an NBD URI.
                String escaped = parameter.substring(SOCKET.length()).replace("+", "%2B");
                return Path.of(URLDecoder.decode(escaped, StandardCharsets.UTF_8));
            }
        }
        throw invalid(text, "it names no ?socket=PATH", null);
    }

    private static MirachException invalid(String text, String why, Throwable cause) {
        return new MirachException(
                        ErrorCode.INVALID_ARGUMENT, "not an NBD URI: '" + text + "': " + why, cause)
                .withRemedy(
                        "write nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH, as"
                                + " 'mirach attach' prints them");
    }
}
