package io.mirach.raft.ratis;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteOutput;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/** Gets at the bytes of a {@link ByteString} without a copy, where it is one array. */
final class EntryBytes extends ByteOutput {
    private ByteBuffer bytes;
    private boolean inPieces;

    private EntryBytes() {}

    /** The bytes of {@code content}; not to be changed. */
    static ByteBuffer of(ByteString content) throws IOException {
        EntryBytes output = new EntryBytes();
        UnsafeByteOperations.unsafeWriteTo(content, output);
        if (output.inPieces) {
            // A rope of several arrays: one copy, once, is cheaper than views across pieces.
            return ByteBuffer.wrap(content.toByteArray());
        }
        return output.bytes == null ? ByteBuffer.allocate(0) : output.bytes;
    }

    private void add(ByteBuffer piece) {
        inPieces |= bytes != null;
        bytes = piece;
    }

    @Override
    public void write(byte value) {
        inPieces = true;
    }

    @Override
    public void write(byte[] value, int offset, int length) {
        // The callee may not keep the array.
        inPieces = true;
    }

    @Override
    public void writeLazy(byte[] value, int offset, int length) {
        add(ByteBuffer.wrap(value, offset, length).slice());
    }

    @Override
    public void write(ByteBuffer value) {
        inPieces = true;
    }

    @Override
    public void writeLazy(ByteBuffer value) {
        add(value.slice());
    }
}
