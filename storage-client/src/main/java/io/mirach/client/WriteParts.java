package io.mirach.client;

import io.mirach.client.routing.ExtentMapper.Part;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.mirach.protocol.data.ZeroRequest;
import io.mirach.protocol.data.ZeroRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Sends the parts of writes and zeroings, each under an identity of its own that it keeps over all
 * tries: a new head or another placement group changes where it goes, never its sequence number. A
 * number is finished only when its outcome is known. Thread-safe.
 */
final class WriteParts {
    private final VolumeCalls calls;
    private final VolumeLife life;
    private final ByteBufAllocator allocator;
    private final SlotWindow[] windows = new SlotWindow[Slot.COUNT];

    WriteParts(VolumeCalls calls, ByteBufAllocator allocator) {
        this.calls = calls;
        this.life = calls.life();
        this.allocator = allocator;
        for (int i = 0; i < windows.length; i++) {
            windows[i] = new SlotWindow();
        }
    }

    /**
     * Writes a part. Takes ownership of {@code data}, whose readable bytes are the part's.
     * Completes once its outcome is known, or the attachment has ended.
     */
    CompletableFuture<Void> write(Part part, ByteBuf data, boolean keepZeroes) {
        // Before anything else happens to the bytes: from here to the disk and back.
        int[] crcs = Checksum.perBlock(part.offsetBytes(), data);
        return send(new PendingWrite(part, Optional.of(data), crcs, keepZeroes))
                .whenComplete((ok, failure) -> data.release());
    }

    /** Zeroes a part, which may be a whole extent. */
    CompletableFuture<Void> zero(Part part) {
        return send(new PendingWrite(part, Optional.empty(), new int[0], false));
    }

    private CompletableFuture<Void> send(PendingWrite write) {
        CompletableFuture<Void> settled = new CompletableFuture<>();
        windows[write.part.slot().index()].acquire(
                sequence -> {
                    write.sequence = sequence;
                    calls.call(write)
                            .whenComplete(
                                    (reply, failure) -> settle(write, reply, failure, settled));
                });
        return settled;
    }

    private void settle(
            PendingWrite write, ByteBuf reply, Throwable failure, CompletableFuture<Void> settled) {
        if (reply != null) {
            reply.release();
        }
        // Acknowledged, refused without effect, or the attachment is over and with it the window.
        write.window().finish(write.sequence);
        if (failure != null) {
            settled.completeExceptionally(failure);
        } else {
            settled.complete(null);
        }
    }

    private final class PendingWrite implements VolumeCalls.Request {
        private final Part part;
        private final Optional<ByteBuf> data;
        private final int[] crcs;
        private final boolean keepZeroes;
        private long sequence;
        private volatile boolean unsettled;

        PendingWrite(Part part, Optional<ByteBuf> data, int[] crcs, boolean keepZeroes) {
            this.part = part;
            this.data = data;
            this.crcs = crcs;
            this.keepZeroes = keepZeroes;
        }

        private SlotWindow window() {
            return windows[part.slot().index()];
        }

        @Override
        public Opcode opcode() {
            return data.isPresent() ? Opcode.WRITE : Opcode.ZERO;
        }

        @Override
        public PlacementGroupId placementGroup() {
            return life.volume().placementGroupOfExtent(part.extentIndex());
        }

        @Override
        public void leftUnsettled() {
            unsettled = true;
        }

        @Override
        public Optional<MirachException> abandoned() {
            return life.endedBy();
        }

        @Override
        public ByteBuf encode() {
            // The newest that is known here: what is sent after an acknowledgement names a head at
            // least as new as what was acknowledged.
            Volume volume = life.volume();
            WriteIdentity identity =
                    new WriteIdentity(
                            volume.id(),
                            life.epoch().orElseThrow(),
                            part.slot(),
                            sequence,
                            window().lowestUnacknowledged(),
                            volume.head());
            PlacementGroupId group = volume.placementGroupOfExtent(part.extentIndex());
            if (data.isEmpty()) {
                return ZeroRequestCodec.encode(
                        new ZeroRequest(group, identity, part.offsetBytes(), part.lengthBytes()),
                        allocator);
            }
            return WriteRequestCodec.encode(
                    new WriteRequest(
                            group,
                            identity,
                            part.offsetBytes(),
                            keepZeroes,
                            unsettled,
                            crcs,
                            data.get().retainedDuplicate()),
                    allocator);
        }
    }
}
