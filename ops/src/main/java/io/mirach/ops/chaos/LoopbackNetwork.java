package io.mirach.ops.chaos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/** All nodes on 127.0.0.1, each with ports of its own. Needs no rights; nothing can be cut. */
final class LoopbackNetwork implements Network {
    private static final int PORTS_PER_NODE = 3;
    private static final int LOWEST_PORT = 20_000;
    // Below those that Linux gives to outgoing connections.
    private static final int HIGHEST_PORT = 30_000;
    private static final int TRIES = 100;

    private final int basePort;
    private final String whyNotBetter;

    /**
     * @param whyNotBetter why there is no network that can be cut, for people
     */
    LoopbackNetwork(int nodes, Random random, String whyNotBetter) {
        this.basePort = freePorts(nodes * PORTS_PER_NODE, random);
        this.whyNotBetter = whyNotBetter;
    }

    private static int freePorts(int count, Random random) {
        for (int i = 0; i < TRIES; i++) {
            int base = LOWEST_PORT + random.nextInt(HIGHEST_PORT - LOWEST_PORT - count);
            if (IntStream.range(base, base + count).allMatch(LoopbackNetwork::isFree)) {
                return base;
            }
        }
        throw new IllegalStateException("no run of " + count + " free ports");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private String address(int node, int which) {
        return "127.0.0.1:" + (basePort + (node - 1) * PORTS_PER_NODE + which);
    }

    @Override
    public String nativeAddress(int node) {
        return address(node, 0);
    }

    @Override
    public String httpAddress(int node) {
        return address(node, 1);
    }

    @Override
    public String raftAddress(int node) {
        return address(node, 2);
    }

    @Override
    public List<String> commandPrefix(int node) {
        return List.of();
    }

    @Override
    public Optional<String> cannotCut() {
        return Optional.of(whyNotBetter);
    }

    @Override
    public void cut(int from, int to, Plane plane) {
        throw new IllegalStateException(whyNotBetter);
    }

    @Override
    public Optional<String> cannotDegrade() {
        return cannotCut();
    }

    @Override
    public void losePackets(int node, int percent) {
        throw new IllegalStateException(whyNotBetter);
    }

    @Override
    public void slowDown(int node, int kilobitsPerSecond) {
        throw new IllegalStateException(whyNotBetter);
    }

    @Override
    public void heal() {}

    @Override
    public void close() {}
}
