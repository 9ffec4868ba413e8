package io.mirach.ops.clients;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A small NBD client that keeps {@code depth} writes of one block in flight and remembers, per
 * block, the newest write that was acknowledged and the newest that was sent. Ends when the
 * connection breaks.
 */
final class NbdWriter implements AutoCloseable {
    static final int BLOCK_BYTES = 4096;
    static final int BLOCK_COUNT = 4096;
    private static final long NBD_MAGIC = 0x4e42444d41474943L;
    private static final long OPTION_MAGIC = 0x49484156454F5054L;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Random random;
    private final int firstBlock;
    private final long firstNumber;
    private final Semaphore places;
    private final AtomicLong acknowledgedWrites = new AtomicLong();

    /** By block: the number of its newest write that was acknowledged, and that was sent. */
    private final Map<Integer, Long> acknowledged = new ConcurrentHashMap<>();

    private final Map<Integer, Long> sent = new ConcurrentHashMap<>();
    private final Map<Long, Integer> inFlight = new ConcurrentHashMap<>();
    private Thread sender;
    private Thread receiver;

    /**
     * Connects and takes the export; the writer owns {@link #BLOCK_COUNT} blocks from {@code
     * firstBlock} on.
     */
    NbdWriter(
            InetSocketAddress server,
            String export,
            long seed,
            long firstNumber,
            int firstBlock,
            int depth)
            throws IOException {
        this.firstNumber = firstNumber;
        this.random = new Random(seed);
        this.firstBlock = firstBlock;
        this.places = new Semaphore(depth);
        socket = new Socket();
        socket.connect(server, 5_000);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream()));
        out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream()));
        if (in.readLong() != NBD_MAGIC || in.readLong() != OPTION_MAGIC) {
            throw new IOException("not a newstyle NBD server");
        }
        in.readUnsignedShort();
        out.writeInt(3); // fixed newstyle, no zeroes
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        out.writeLong(OPTION_MAGIC);
        out.writeInt(1); // NBD_OPT_EXPORT_NAME
        out.writeInt(name.length);
        out.write(name);
        out.flush();
        in.readLong(); // size
        in.readUnsignedShort(); // flags
    }

    void start() {
        sender = new Thread(this::send, "nbd-writer-send");
        receiver = new Thread(this::receive, "nbd-writer-receive");
        sender.start();
        receiver.start();
    }

    long acknowledgedWrites() {
        return acknowledgedWrites.get();
    }

    Map<Integer, Long> acknowledged() {
        return acknowledged;
    }

    Map<Integer, Long> sent() {
        return sent;
    }

    /** What the write of that number puts into a block: its block and number, over and over. */
    static byte[] content(int block, long number) {
        ByteBuffer buffer = ByteBuffer.allocate(BLOCK_BYTES);
        while (buffer.hasRemaining()) {
            buffer.putLong(((long) block << 40) ^ (number * 0x9E3779B97F4A7C15L));
        }
        return buffer.array();
    }

    private void send() {
        try {
            for (long number = firstNumber; ; number++) {
                places.acquire();
                int block = nextIdleBlock();
                sent.put(block, number);
                inFlight.put(number, block);
                out.writeInt(REQUEST_MAGIC);
                out.writeShort(0);
                out.writeShort(1); // NBD_CMD_WRITE
                out.writeLong(number);
                out.writeLong((long) block * BLOCK_BYTES);
                out.writeInt(BLOCK_BYTES);
                out.write(content(block, number));
                out.flush();
            }
        } catch (IOException e) {
            // The connection broke: what this writer waits for.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Two writes of one block in flight would have no order. */
    private int nextIdleBlock() {
        int block;
        do {
            block = firstBlock + random.nextInt(BLOCK_COUNT);
        } while (inFlight.containsValue(block));
        return block;
    }

    private void receive() {
        try {
            while (true) {
                if (in.readInt() != REPLY_MAGIC) {
                    throw new IOException("not a simple reply");
                }
                int error = in.readInt();
                long number = in.readLong();
                int block = inFlight.get(number);
                if (error == 0) {
                    acknowledged.put(block, number);
                    acknowledgedWrites.incrementAndGet();
                }
                inFlight.remove(number);
                places.release();
            }
        } catch (IOException e) {
            sender.interrupt();
        }
    }

    /** Waits until the connection is gone and both threads have ended. */
    void awaitEnd() throws InterruptedException {
        receiver.join();
        sender.join();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
