package io.mirach.client.routing;

import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.Optional;

/** A request to the leader of a group, whoever that is. Called on any thread. */
public interface RoutedRequest {
    Opcode opcode();

    /**
     * The body, made anew for each attempt and owned by the caller: the same request under the same
     * identity, so that attempts of which several arrive take effect once.
     */
    ByteBuf encode();

    /** An attempt has ended, and whether it took effect, or may yet, is not known. */
    default void leftUnsettled() {}

    /**
     * How long one attempt may take before the request is sent again.
     *
     * @param usual what suits block I/O
     */
    default Duration attemptTimeout(Duration usual) {
        return usual;
    }

    /** Asked before each attempt: why it is pointless to go on, if it is. */
    default Optional<MirachException> abandoned() {
        return Optional.empty();
    }
}
