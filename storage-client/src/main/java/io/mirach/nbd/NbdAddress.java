package io.mirach.nbd;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;

/** Where an NBD server listens. */
public sealed interface NbdAddress {
    /** The longest path of a unix socket on Linux. */
    int MAX_UNIX_PATH_BYTES = 107;

    /** The NBD URI that clients use, without an export name. */
    String uri();

    /**
     * @param port 0 for any free one
     */
    record Tcp(String host, int port) implements NbdAddress {
        public Tcp {
            Objects.requireNonNull(host, "host");
            if (host.isEmpty() || port < 0 || port > 65_535) {
                throw new IllegalArgumentException("not an address: " + host + ":" + port);
            }
        }

        @Override
        public String uri() {
            return "nbd://" + authority();
        }

        InetSocketAddress socketAddress() {
            return new InetSocketAddress(host, port);
        }

        private String authority() {
            return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
        }

        @Override
        public String toString() {
            return "tcp://" + authority();
        }
    }

    /**
     * @param path absolute
     */
    record Unix(Path path) implements NbdAddress {
        public Unix {
            if (!path.isAbsolute()
                    || path.toString().getBytes(StandardCharsets.UTF_8).length
                            > MAX_UNIX_PATH_BYTES) {
                throw new IllegalArgumentException(
                        "a socket's path is absolute and at most 107 bytes long: " + path);
            }
        }

        @Override
        public String uri() {
            return "nbd+unix:///?socket=" + path;
        }

        @Override
        public String toString() {
            return "unix://" + path;
        }
    }

    /** Reads {@code tcp://HOST:PORT} or {@code unix:///PATH}; INVALID_CONFIG if it is neither. */
    static NbdAddress parse(String text) {
        try {
            if (text.startsWith("unix://")) {
                return new Unix(Path.of(text.substring("unix://".length())));
            }
            if (text.startsWith("tcp://")) {
                return parseTcp(text.substring("tcp://".length()));
            }
        } catch (IllegalArgumentException malformed) {
            throw invalid(text, malformed.getMessage());
        }
        throw invalid(text, "unknown kind of address");
    }

    private static Tcp parseTcp(String authority) {
        int colon = authority.lastIndexOf(':');
        String host = colon < 0 ? authority : authority.substring(0, colon);
        String port = colon < 0 ? "10809" : authority.substring(colon + 1);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
            throw new IllegalArgumentException("write IPv6 addresses in brackets");
        }
        if (!port.matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("not a port: '" + port + "'");
        }
        return new Tcp(host, Integer.parseInt(port));
    }

    private static MirachException invalid(String text, String why) {
        return new MirachException(
                        ErrorCode.INVALID_CONFIG, "cannot listen on '" + text + "': " + why)
                .withRemedy("write tcp://HOST:PORT or unix:///ABSOLUTE/PATH");
    }
}
