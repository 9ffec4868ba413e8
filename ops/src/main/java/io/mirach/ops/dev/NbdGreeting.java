package io.mirach.ops.dev;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Looks whether an NBD server listens: its first eight bytes are {@code NBDMAGIC}. */
final class NbdGreeting {
    private static final long NBD_MAGIC = 0x4e42444d41474943L;
    private static final int LIMIT_MS = 2000;

    private NbdGreeting() {}

    /** On TCP, 127.0.0.1. */
    static boolean isGiven(int port) {
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(LIMIT_MS);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), LIMIT_MS);
            return new DataInputStream(socket.getInputStream()).readLong() == NBD_MAGIC;
        } catch (IOException e) {
            return false;
        }
    }

    /** On a unix socket: whether it accepts; TCP has shown that the server greets. */
    static boolean isAccepted(Path socket) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.isConnected();
        } catch (IOException e) {
            return false;
        }
    }
}
