package io.mirach.nbd;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The data of the options that have any. Parsers answer empty for what is not well formed. */
final class OptionRequest {
    private OptionRequest() {}

    /**
     * INFO and GO.
     *
     * @param infoTypes the information asked for
     */
    record Info(String exportName, List<Integer> infoTypes) {}

    /** LIST_META_CONTEXT and SET_META_CONTEXT. */
    record MetaContext(String exportName, List<String> queries) {}

    static Optional<Info> parseInfo(ByteBuf in) {
        Optional<String> name = parseString(in);
        if (name.isEmpty() || in.readableBytes() < 2) {
            return Optional.empty();
        }
        int count = in.readUnsignedShort();
        if (in.readableBytes() != 2 * count) {
            return Optional.empty();
        }
        List<Integer> infoTypes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            infoTypes.add(in.readUnsignedShort());
        }
        return Optional.of(new Info(name.get(), infoTypes));
    }

    static Optional<MetaContext> parseMetaContext(ByteBuf in) {
        Optional<String> name = parseString(in);
        if (name.isEmpty() || in.readableBytes() < 4) {
            return Optional.empty();
        }
        long count = in.readUnsignedInt();
        // Each query takes at least its length field: the count cannot make us allocate.
        if (count > in.readableBytes() / 4) {
            return Optional.empty();
        }
        List<String> queries = new ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            Optional<String> query = parseString(in);
            if (query.isEmpty()) {
                return Optional.empty();
            }
            queries.add(query.get());
        }
        return in.isReadable()
                ? Optional.empty()
                : Optional.of(new MetaContext(name.get(), queries));
    }

    /** A length of 32 bits and as many bytes of UTF-8. */
    private static Optional<String> parseString(ByteBuf in) {
        if (in.readableBytes() < 4) {
            return Optional.empty();
        }
        long lengthBytes = in.readUnsignedInt();
        if (lengthBytes > in.readableBytes() || lengthBytes > NbdProtocol.MAX_STRING_BYTES) {
            return Optional.empty();
        }
        return decode(in, (int) lengthBytes);
    }

    /** As many bytes of UTF-8 as a string. */
    static Optional<String> decode(ByteBuf in, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        in.readBytes(bytes);
        try {
            return Optional.of(
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException notUtf8) {
            return Optional.empty();
        }
    }
}
