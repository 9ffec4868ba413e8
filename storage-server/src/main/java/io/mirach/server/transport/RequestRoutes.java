package io.mirach.server.transport;

import io.mirach.protocol.Frame;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.Hello;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/** Who answers which opcode, and what this node says of itself. Immutable; any thread. */
final class RequestRoutes {
    // By opcode number: looked up once per request.
    private final RequestHandler[] byNumber;
    private final String self;
    private final Supplier<Optional<UUID>> clusterId;

    RequestRoutes(
            Map<Opcode, RequestHandler> handlers, String self, Supplier<Optional<UUID>> clusterId) {
        if (handlers.containsKey(Opcode.HELLO) || handlers.containsKey(Opcode.PING)) {
            throw new IllegalArgumentException("HELLO and PING are answered by the server itself");
        }
        int highest = Arrays.stream(Opcode.values()).mapToInt(Opcode::number).max().orElse(0);
        this.byNumber = new RequestHandler[highest + 1];
        handlers.forEach((opcode, handler) -> byNumber[opcode.number()] = handler);
        this.self = self;
        this.clusterId = clusterId;
    }

    Optional<RequestHandler> handlerOf(int opcode) {
        return opcode < byNumber.length ? Optional.ofNullable(byNumber[opcode]) : Optional.empty();
    }

    Hello hello() {
        return new Hello(Frame.PROTOCOL_VERSION, clusterId.get(), self);
    }
}
