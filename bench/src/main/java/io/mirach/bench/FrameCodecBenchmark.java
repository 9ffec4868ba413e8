package io.mirach.bench;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.Frame;
import io.mirach.protocol.FrameDecoder;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A write request as the gateway makes it and as a node takes it apart, without a network between.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class FrameCodecBenchmark {
    @Param({"4096", "131072"})
    int payloadBytes;

    private final ByteBufAllocator allocator = PooledByteBufAllocator.DEFAULT;
    private EmbeddedChannel encoder;
    private EmbeddedChannel decoder;
    private ByteBuf payload;
    private long sequence;

    @Setup
    public void open() {
        encoder = new EmbeddedChannel();
        decoder = new EmbeddedChannel(new FrameDecoder());
        byte[] bytes = new byte[payloadBytes];
        ThreadLocalRandom.current().nextBytes(bytes);
        payload = allocator.directBuffer(payloadBytes).writeBytes(bytes);
    }

    @TearDown
    public void close() {
        payload.release();
        encoder.finishAndReleaseAll();
        decoder.finishAndReleaseAll();
    }

    /** The checksums that the gateway computes and the node verifies: once each per write. */
    @Benchmark
    public int[] checksumPerBlock() {
        return Checksum.perBlock(0, payload);
    }

    /** One frame, from the request's values through its bytes to its values; nothing is copied. */
    @Benchmark
    public long encodeAndDecodeWrite() {
        long number = ++sequence;
        WriteIdentity identity =
                new WriteIdentity(
                        new VolumeId(1), new Epoch(1), new Slot(3), number, number, new LayerId(1));
        ByteBuf data = payload.retainedSlice();
        WriteRequest request =
                new WriteRequest(
                        new PlacementGroupId(1),
                        identity,
                        0,
                        false,
                        new int[payloadBytes >> 12],
                        data);
        ByteBuf body = WriteRequestCodec.encode(request, allocator);
        Frame.writeRequest(encoder, allocator, Opcode.WRITE, number, body);
        encoder.flush();
        for (ByteBuf part = encoder.readOutbound(); part != null; part = encoder.readOutbound()) {
            decoder.writeInbound(part);
        }
        Frame frame = decoder.readInbound();
        WriteRequest decoded = WriteRequestCodec.decode(frame.body());
        decoded.data().release();
        return decoded.identity().sequence();
    }
}
