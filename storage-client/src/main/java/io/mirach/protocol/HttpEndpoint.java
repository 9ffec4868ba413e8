package io.mirach.protocol;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Where a node serves the admin API.
 *
 * @param host a name or address, without the brackets of IPv6
 * @param port 1 to 65535
 */
public record HttpEndpoint(String host, int port) {
    public HttpEndpoint {
        Objects.requireNonNull(host, "host");
        if (host.isEmpty() || port < 1 || port > 65_535) {
            throw new IllegalArgumentException("not an endpoint: " + host + ":" + port);
        }
    }

    /** Reads {@code HOST:PORT[,HOST:PORT...]}; INVALID_ARGUMENT names the part that is wrong. */
    public static List<HttpEndpoint> parseList(String text) {
        List<HttpEndpoint> endpoints = new ArrayList<>();
        for (String part : text.strip().split(",", -1)) {
            endpoints.add(parse(part.strip()));
        }
        return List.copyOf(endpoints);
    }

    /** Reads {@code HOST:PORT}, with {@code [::1]:8000} for IPv6. */
    public static HttpEndpoint parse(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? text : text.substring(0, colon);
        boolean bracketed = host.startsWith("[") && host.endsWith("]") && host.length() > 2;
        if (bracketed) {
            host = host.substring(1, host.length() - 1);
        }
        boolean hostIsValid =
                bracketed ? host.matches("[0-9A-Fa-f:.]+") : host.matches("[A-Za-z0-9._-]+");
        String port = colon < 0 ? "" : text.substring(colon + 1);
        if (!hostIsValid || !port.matches("[0-9]{1,5}")) {
            throw invalid(text);
        }
        int number = Integer.parseInt(port);
        if (number < 1 || number > 65_535) {
            throw invalid(text);
        }
        return new HttpEndpoint(host, number);
    }

    private static MirachException invalid(String text) {
        return new MirachException(ErrorCode.INVALID_ARGUMENT, "not an endpoint: '" + text + "'")
                .withRemedy("write HOST:PORT[,HOST:PORT...], e.g. 127.0.0.1:10811");
    }

    public URI uri(String path) {
        return URI.create("http://" + this + path);
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
