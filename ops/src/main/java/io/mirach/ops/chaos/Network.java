package io.mirach.ops.chaos;

import java.util.List;
import java.util.Optional;

/**
 * How the nodes of a cluster reach each other, and how that is broken. Each node has an address on
 * two planes, so that replication can be cut off while clients and read leases still get through.
 * Nodes are numbered from 1. Confined to one thread, except {@link #close}.
 */
interface Network extends AutoCloseable {
    /** What travels. */
    enum Plane {
        /** The native protocol (clients, leases, the cluster map) and HTTP. */
        NATIVE,
        /** Raft between nodes. */
        RAFT
    }

    String nativeAddress(int node);

    String httpAddress(int node);

    String raftAddress(int node);

    /** What to put before a command so that it runs as that node. */
    List<String> commandPrefix(int node);

    /** Why nothing can be cut here; empty if it can. */
    Optional<String> cannotCut();

    /** Loses all packets from one node to another, which may still send in the other direction. */
    void cut(int from, int to, Plane plane);

    /** Why links can be neither lossy nor slow here; empty if they can. */
    Optional<String> cannotDegrade();

    /** A node loses so many of the packets that it sends and gets, whoever the other side is. */
    void losePackets(int node, int percent);

    /** A node sends no more than that; what waits for longer than 2 s is lost. */
    void slowDown(int node, int kilobitsPerSecond);

    /** Undoes all of it. */
    void heal();

    @Override
    void close();
}
