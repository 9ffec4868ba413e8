package io.mirach.ops.dev;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Map;

/** Finds out whether ports can be listened on before processes are started that would fail. */
final class PortCheck {
    private PortCheck() {}

    /** Fails with CONFLICT, naming the first port that somebody listens on. */
    static void requireFree(Map<Integer, String> ports) {
        ports.forEach(PortCheck::requireFree);
    }

    private static void requireFree(int port, String purpose) {
        try (ServerSocket socket = new ServerSocket()) {
            // As the servers do: connections of a former process that linger are no obstacle.
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "port "
                                    + port
                                    + " on 127.0.0.1, wanted for "
                                    + purpose
                                    + ", cannot be listened on: "
                                    + e.getMessage(),
                            e)
                    .withRemedy(
                            "see who has it with 'ss -ltnp sport = :"
                                    + port
                                    + "', or choose other ports with --base-port N and another"
                                    + " --data DIR");
        }
    }
}
