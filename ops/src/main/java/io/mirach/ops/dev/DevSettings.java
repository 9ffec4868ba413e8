package io.mirach.ops.dev;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a dev cluster is made with, fixed for its life: the cluster's own map remembers the
 * addresses.
 *
 * @param nodes how many storage nodes, 3 or more
 * @param basePort the gateway's NBD port; the nodes' ports follow it
 */
public record DevSettings(int nodes, int basePort) {
    public static final int MIN_NODES = 3;
    public static final int MAX_NODES = 32;
    public static final int DEFAULT_NODES = 3;
    public static final int DEFAULT_BASE_PORT = 10_809;

    private static final String LOOPBACK = "127.0.0.1:";
    private static final int PORTS_PER_NODE = 3;

    public DevSettings {
        if (nodes < MIN_NODES || nodes > MAX_NODES) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "--nodes must be from "
                                    + MIN_NODES
                                    + " to "
                                    + MAX_NODES
                                    + ", not "
                                    + nodes)
                    .withRemedy("leave --nodes out for " + DEFAULT_NODES);
        }
        if (basePort < 1 || basePort + PORTS_PER_NODE * nodes > 65_535) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "--base-port "
                                    + basePort
                                    + " leaves no room for the "
                                    + (PORTS_PER_NODE * nodes)
                                    + " ports after it")
                    .withRemedy("leave --base-port out for " + DEFAULT_BASE_PORT);
        }
    }

    /**
     * One for every three nodes: all share this machine, and what is written together into one
     * group's log costs a third of what it costs in three.
     */
    int placementGroups() {
        return nodes / 3;
    }

    private int port(int node, int offset) {
        return basePort + PORTS_PER_NODE * (node - 1) + offset;
    }

    /**
     * @param node 1 to {@link #nodes}
     */
    public String httpAddress(int node) {
        return LOOPBACK + port(node, 1);
    }

    /** See {@link #httpAddress}. */
    public String nativeAddress(int node) {
        return LOOPBACK + port(node, 2);
    }

    /** See {@link #httpAddress}. */
    public String raftAddress(int node) {
        return LOOPBACK + port(node, 3);
    }

    /** Where the gateway listens on TCP. */
    public String nbdAddress() {
        return LOOPBACK + basePort;
    }

    /** Every node's HTTP address, in the syntax of {@code --endpoint}. */
    public String endpoints() {
        return String.join(",", httpAddresses());
    }

    public List<String> httpAddresses() {
        List<String> addresses = new ArrayList<>();
        for (int node = 1; node <= nodes; node++) {
            addresses.add(httpAddress(node));
        }
        return List.copyOf(addresses);
    }

    /** Every port with what it is for, ascending. */
    public Map<Integer, String> ports() {
        Map<Integer, String> ports = new TreeMap<>();
        ports.put(basePort, "NBD");
        for (int node = 1; node <= nodes; node++) {
            ports.put(port(node, 1), "HTTP of node-" + node);
            ports.put(port(node, 2), "the native protocol of node-" + node);
            ports.put(port(node, 3), "Raft of node-" + node);
        }
        return ports;
    }
}
