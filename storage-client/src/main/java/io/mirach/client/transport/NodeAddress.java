package io.mirach.client.transport;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/**
 * Where a process listens.
 *
 * @param host a name or address, without the brackets of IPv6
 * @param port 0 to 65535; 0 only to listen on a free port
 */
public record NodeAddress(String host, int port) {
    /** Reads {@code HOST:PORT}, with {@code [::1]:8000} for IPv6; else INVALID_ARGUMENT. */
    public static NodeAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "" : text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
            host = "";
        }
        String port = text.substring(colon + 1);
        if (host.isEmpty() || !port.matches("[0-9]{1,5}") || Integer.parseInt(port) > 65_535) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "not an address: '" + text + "'; write HOST:PORT");
        }
        return new NodeAddress(host, Integer.parseInt(port));
    }

    /** The socket address, if the host is numeric and so needs no look-up. */
    Optional<InetSocketAddress> numeric() {
        byte[] bytes = NetUtil.createByteArrayFromIpAddressString(host);
        if (bytes == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(new InetSocketAddress(InetAddress.getByAddress(host, bytes), port));
        } catch (UnknownHostException e) {
            throw new IllegalStateException("address of " + bytes.length + " bytes", e);
        }
    }

    /** Looks the host up. Blocks. */
    public InetSocketAddress resolve() throws UnknownHostException {
        return new InetSocketAddress(InetAddress.getByName(host), port);
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
