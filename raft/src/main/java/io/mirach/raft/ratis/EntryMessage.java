package io.mirach.raft.ratis;

import org.apache.ratis.protocol.Message;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/** A batch on its way into Ratis, in the same process: the batch itself travels along. */
record EntryMessage(EntryBatch<?> batch, ByteString content) implements Message {
    EntryMessage(EntryBatch<?> batch) {
        this(batch, UnsafeByteOperations.unsafeWrap(batch.entry()));
    }

    @Override
    public ByteString getContent() {
        return content;
    }
}
