package io.mirach.admin;

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
}
