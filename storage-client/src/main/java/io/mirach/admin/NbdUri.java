package io.mirach.admin;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The URIs by which NBD clients name an export (the form of nbd-uri.md). */
public final class NbdUri {
    private NbdUri() {}

    /**
     * Puts an export's name into a gateway's URI.
     *
     * @param gatewayUri {@code nbd://HOST:PORT} or {@code nbd+unix:///?socket=PATH}, with or
     *     without the slash before the (absent) export name
     * @param export a volume's name, perhaps with {@code @SNAPSHOT}: needs no escaping
     */
    public static String ofExport(String gatewayUri, String export) {
        int query = gatewayUri.indexOf('?');
        String address = query < 0 ? gatewayUri : gatewayUri.substring(0, query);
        String rest = query < 0 ? "" : gatewayUri.substring(query);
        int authority = address.indexOf("://") + 3;
        boolean hasPath = address.indexOf('/', authority) >= 0;
        return address + (hasPath ? "" : "/") + export + rest;
    }

    /** The URI of an export on a unix socket. */
    public static String ofUnixSocket(Path socket, String export) {
        StringBuilder escaped = new StringBuilder();
        for (byte b : socket.toString().getBytes(StandardCharsets.UTF_8)) {
            boolean plain =
                    (b >= 'a' && b <= 'z')
                            || (b >= 'A' && b <= 'Z')
                            || (b >= '0' && b <= '9')
                            || "/._-~".indexOf(b) >= 0;
            escaped.append(plain ? "" + (char) b : String.format("%%%02X", b & 0xff));
        }
        return "nbd+unix:///" + export + "?socket=" + escaped;
    }
}
