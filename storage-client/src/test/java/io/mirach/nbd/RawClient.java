package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;

/**
 * An NBD client on a real socket that does as little, or as much that is wrong, as a test wants.
 */
public final class RawClient implements AutoCloseable {
    private static final int SO_TIMEOUT_MS = 20_000;

    final DataInputStream in;
    final DataOutputStream out;
    private final AutoCloseable connection;
    private final ShutdownOutput shutdownOutput;

    private interface ShutdownOutput {
        void run() throws IOException;
    }

    private RawClient(
            InputStream in,
            java.io.OutputStream out,
            AutoCloseable connection,
            ShutdownOutput shutdownOutput) {
        this.in = new DataInputStream(in);
        this.out = new DataOutputStream(out);
        this.connection = connection;
        this.shutdownOutput = shutdownOutput;
    }

    public static RawClient connect(NbdAddress address) throws IOException {
        if (address instanceof NbdAddress.Unix unix) {
            SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(unix.path()));
            return new RawClient(
                    Channels.newInputStream(channel),
                    Channels.newOutputStream(channel),
                    channel,
                    channel::shutdownOutput);
        }
        NbdAddress.Tcp tcp = (NbdAddress.Tcp) address;
        Socket socket = new Socket(tcp.host(), tcp.port());
        socket.setSoTimeout(SO_TIMEOUT_MS);
        return new RawClient(
                socket.getInputStream(), socket.getOutputStream(), socket, socket::shutdownOutput);
    }

    /** Enters transmission with simple replies. */
    public RawClient enter(String export) throws IOException {
        assertThat(in.readLong()).isEqualTo(NbdProtocol.NBDMAGIC);
        in.readFully(new byte[10]);
        out.writeInt(NbdProtocol.FLAG_C_FIXED_NEWSTYLE | NbdProtocol.FLAG_C_NO_ZEROES);
        out.writeLong(NbdProtocol.IHAVEOPT);
        out.writeInt(NbdProtocol.OPT_EXPORT_NAME);
        out.writeInt(export.length());
        out.writeBytes(export);
        out.flush();
        in.readFully(new byte[10]);
        return this;
    }

    void request(int type, long cookie, long offset, int length, byte... payload)
            throws IOException {
        out.write(
                SessionClient.bytesOf(
                        SessionClient.requestBytes(type, 0, cookie, offset, length, payload)));
        out.flush();
    }

    public void write(long cookie, long offset, byte... payload) throws IOException {
        request(NbdProtocol.CMD_WRITE, cookie, offset, payload.length, payload);
    }

    /** Reads a reply and returns its cookie. */
    public long reply(int dataBytes) throws IOException {
        assertThat(in.readInt()).isEqualTo(NbdProtocol.SIMPLE_REPLY_MAGIC);
        assertThat(in.readInt()).isZero();
        long cookie = in.readLong();
        in.readFully(new byte[dataBytes]);
        return cookie;
    }

    void shutdownOutput() throws IOException {
        shutdownOutput.run();
    }

    /** Whether the server has closed, or reset, the connection; waits until it sends something. */
    boolean isEnded() {
        try {
            return in.read() < 0;
        } catch (IOException reset) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        try {
            connection.close();
        } catch (IOException failure) {
            throw failure;
        } catch (Exception failure) {
            throw new IOException(failure);
        }
    }
}
