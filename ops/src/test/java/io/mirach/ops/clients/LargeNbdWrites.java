package io.mirach.ops.clients;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Many NBD connections that each push one write of 32 MiB, all at the same time. */
final class LargeNbdWrites implements AutoCloseable {
    static final int WRITE_BYTES = 32 << 20;
    private static final long OPTION_MAGIC = 0x49484156454F5054L;

    private final List<SocketChannel> channels = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger answered = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final ByteBuffer data = ByteBuffer.allocateDirect(WRITE_BYTES);

    /**
     * @param places different offsets that the writes go to, in turn
     */
    LargeNbdWrites(InetSocketAddress server, String export, int connections, int places)
            throws IOException {
        byte[] noise = new byte[WRITE_BYTES];
        new Random(1).nextBytes(noise);
        data.put(noise).flip();
        for (int i = 0; i < connections; i++) {
            channels.add(SocketChannel.open(server));
            long offset = (long) (i % places) * WRITE_BYTES;
            SocketChannel channel = channels.get(i);
            Thread thread = new Thread(() -> push(channel, export, offset), "push-" + i);
            thread.setDaemon(true);
            threads.add(thread);
        }
    }

    void start() {
        threads.forEach(Thread::start);
    }

    private void push(SocketChannel channel, String export, long offset) {
        try {
            DataInputStream in = new DataInputStream(Channels.newInputStream(channel));
            in.readFully(new byte[18]);
            byte[] name = export.getBytes(StandardCharsets.UTF_8);
            ByteBuffer hello = ByteBuffer.allocate(20 + name.length);
            // Fixed newstyle without zeroes, NBD_OPT_EXPORT_NAME.
            hello.putInt(3).putLong(OPTION_MAGIC).putInt(1).putInt(name.length).put(name).flip();
            write(channel, hello);
            in.readFully(new byte[10]);
            ByteBuffer request = ByteBuffer.allocate(28);
            request.putInt(0x25609513).putShort((short) 0).putShort((short) 1);
            request.putLong(1).putLong(offset).putInt(WRITE_BYTES).flip();
            write(channel, request);
            write(channel, data.duplicate());
            int magic = in.readInt();
            int errno = in.readInt();
            in.readLong();
            if (magic != 0x67446698 || errno != 0) {
                failures.add("magic " + Integer.toHexString(magic) + ", errno " + errno);
            }
            answered.incrementAndGet();
        } catch (IOException e) {
            failures.add(e.toString());
        }
    }

    private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    int answered() {
        return answered.get();
    }

    Queue<String> failures() {
        return failures;
    }

    @Override
    public void close() throws IOException {
        for (SocketChannel channel : channels) {
            channel.close();
        }
    }
}
