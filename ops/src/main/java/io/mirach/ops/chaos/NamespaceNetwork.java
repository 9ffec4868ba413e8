package io.mirach.ops.chaos;

import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A network namespace per node, joined by veth pairs to a bridge in this process's own namespace.
 * Needs root and iproute2. A packet is lost by a blackhole route in the sender's namespace, so each
 * direction and each plane is cut by itself, and connections that stand feel it as lost packets. A
 * new connection fails at once instead of hanging; the hanging kind is what the stop of a process
 * shows.
 *
 * <p>The addresses are of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544).
 */
final class NamespaceNetwork implements Network {
    private static final String PREFIX = "mirach-chaos-";
    private static final int SUBNETS = 250;
    private static final int HOST = 254;
    private static final int NATIVE_PORT = 7481;
    private static final int HTTP_PORT = 7480;
    private static final int RAFT_PORT = 7482;

    private record Cut(int from, int to, Plane plane) {}

    private final int nodes;
    private final long pid = ProcessHandle.current().pid();
    private final int subnet;
    private final List<Cut> cuts = new ArrayList<>();
    private final List<Integer> lossy = new ArrayList<>();
    private final List<Integer> slow = new ArrayList<>();
    private boolean closed;

    private NamespaceNetwork(int nodes, int subnet) {
        this.nodes = nodes;
        this.subnet = subnet;
    }

    /** Why there cannot be such a network on this machine; empty if there can. */
    static Optional<String> unavailable() {
        String probe = PREFIX + ProcessHandle.current().pid() + "-probe";
        try {
            Shell.run("ip", "netns", "add", probe);
            try {
                Shell.run("ip", "netns", "exec", probe, "ip", "link", "set", "lo", "up");
            } finally {
                Shell.run("ip", "netns", "del", probe);
            }
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of("network namespaces are not to be had: " + e.getMessage());
        }
    }

    static NamespaceNetwork create(int nodes) {
        removeLeftovers();
        NamespaceNetwork network =
                new NamespaceNetwork(
                        nodes, freeSubnet((int) (ProcessHandle.current().pid() % SUBNETS)));
        try {
            network.build();
        } catch (RuntimeException e) {
            network.close();
            throw e;
        }
        return network;
    }

    /** What runs left that were killed: their processes are gone or have lost their starter. */
    private static void removeLeftovers() {
        for (String line : Shell.run("ip", "netns", "list").split("\n", -1)) {
            String name = line.split(" ", -1)[0];
            if (!name.startsWith(PREFIX)) {
                continue;
            }
            long owner = Long.parseLong(name.substring(PREFIX.length()).split("-", -1)[0]);
            if (ProcessHandle.of(owner).isPresent()) {
                continue;
            }
            for (String pid : Shell.run("ip", "netns", "pids", name).split("\n", -1)) {
                if (!pid.isBlank()) {
                    ProcessHandle.of(Long.parseLong(pid.strip()))
                            .ifPresent(ProcessHandle::destroyForcibly);
                }
            }
            Shell.run("ip", "netns", "del", name);
            Shell.tryRun("ip", "link", "del", bridgeOf(owner));
        }
    }

    private static int freeSubnet(int first) {
        for (int i = 0; i < SUBNETS; i++) {
            int subnet = 1 + (first + i) % SUBNETS;
            if (!isUsed("198.18." + subnet + ".")) {
                return subnet;
            }
        }
        throw new IllegalStateException("all test networks are in use");
    }

    private static boolean isUsed(String addressPrefix) {
        try {
            return NetworkInterface.networkInterfaces()
                    .flatMap(NetworkInterface::inetAddresses)
                    .anyMatch(address -> address.getHostAddress().startsWith(addressPrefix));
        } catch (SocketException e) {
            throw new ShellException("cannot list network interfaces: " + e.getMessage(), e);
        }
    }

    private static String bridgeOf(long pid) {
        return "mch" + pid + "b";
    }

    private String namespace(int node) {
        return PREFIX + pid + "-" + node;
    }

    private void build() {
        String bridge = bridgeOf(pid);
        Shell.run("ip", "link", "add", bridge, "type", "bridge");
        for (Plane plane : Plane.values()) {
            Shell.run("ip", "addr", "add", ip(HOST, plane) + "/24", "dev", bridge);
        }
        Shell.run("ip", "link", "set", bridge, "up");
        for (int node = 1; node <= nodes; node++) {
            String space = namespace(node);
            String outside = "mch" + pid + "n" + node;
            Shell.run("ip", "netns", "add", space);
            Shell.run(
                    "ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns",
                    space);
            Shell.run("ip", "link", "set", outside, "master", bridge, "up");
            Shell.run("ip", "-n", space, "link", "set", "lo", "up");
            for (Plane plane : Plane.values()) {
                Shell.run("ip", "-n", space, "addr", "add", ip(node, plane) + "/24", "dev", "eth0");
            }
            Shell.run("ip", "-n", space, "link", "set", "eth0", "up");
        }
    }

    private String ip(int host, Plane plane) {
        return (plane == Plane.NATIVE ? "198.18." : "198.19.") + subnet + "." + host;
    }

    @Override
    public String nativeAddress(int node) {
        return ip(node, Plane.NATIVE) + ":" + NATIVE_PORT;
    }

    @Override
    public String httpAddress(int node) {
        return ip(node, Plane.NATIVE) + ":" + HTTP_PORT;
    }

    @Override
    public String raftAddress(int node) {
        return ip(node, Plane.RAFT) + ":" + RAFT_PORT;
    }

    @Override
    public List<String> commandPrefix(int node) {
        return List.of("ip", "netns", "exec", namespace(node));
    }

    @Override
    public Optional<String> cannotCut() {
        return Optional.empty();
    }

    @Override
    public void cut(int from, int to, Plane plane) {
        Cut cut = new Cut(from, to, plane);
        if (!cuts.contains(cut)) {
            route("add", cut);
            cuts.add(cut);
        }
    }

    @Override
    public void heal() {
        for (Cut cut : cuts) {
            route("del", cut);
        }
        cuts.clear();
        for (int node : lossy) {
            run(node, "iptables", "-F");
        }
        lossy.clear();
        for (int node : slow) {
            run(node, "tc", "qdisc", "del", "dev", "eth0", "root");
        }
        slow.clear();
    }

    @Override
    public Optional<String> cannotDegrade() {
        try {
            run(1, "iptables", "-L");
            run(1, "tc", "qdisc", "show");
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of(e.getMessage());
        }
    }

    @Override
    public void losePackets(int node, int percent) {
        lossy.add(node);
        for (String chain : List.of("INPUT", "OUTPUT")) {
            String share = "%.2f".formatted(percent / 100.0);
            run(
                    node,
                    ("iptables -A " + chain + " -m statistic --mode random --probability ")
                            .concat(share + " -j DROP")
                            .split(" ", -1));
        }
    }

    @Override
    public void slowDown(int node, int kilobitsPerSecond) {
        slow.add(node);
        run(
                node,
                ("tc qdisc add dev eth0 root tbf burst 16kb latency 2s rate "
                                + kilobitsPerSecond
                                + "kbit")
                        .split(" ", -1));
    }

    private void run(int node, String... command) {
        List<String> words = new ArrayList<>(commandPrefix(node));
        words.addAll(List.of(command));
        Shell.run(words.toArray(String[]::new));
    }

    private void route(String change, Cut cut) {
        Shell.run(
                "ip",
                "-n",
                namespace(cut.from()),
                "route",
                change,
                "blackhole",
                ip(cut.to(), cut.plane()) + "/32");
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int node = 1; node <= nodes; node++) {
            // Its end of the veth pair goes with it, and that takes ours along.
            Shell.tryRun("ip", "netns", "del", namespace(node));
        }
        Shell.tryRun("ip", "link", "del", bridgeOf(pid));
    }
}
