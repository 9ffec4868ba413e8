package io.mirach.server.store;

import io.netty.buffer.ByteBufAllocator;
import java.util.function.Consumer;

/** Reads whole states for tests. */
public final class StateDigests {
    private static final int PAGE_BYTES = 100 << 10;

    private StateDigests() {}

    /** The digest of a state that is intact. */
    public static String of(StateExport state) {
        return read(
                state,
                damage -> {
                    throw damage;
                });
    }

    public static String read(StateExport state, Consumer<DamagedBlockException> damaged) {
        StateDigest digest = new StateDigest();
        byte[] from = new byte[0];
        do {
            StatePage page = state.read(from, -1, PAGE_BYTES, ByteBufAllocator.DEFAULT, damaged);
            digest.add(page);
            page.entries().release();
            from = page.next();
        } while (from.length > 0);
        return digest.end();
    }
}
