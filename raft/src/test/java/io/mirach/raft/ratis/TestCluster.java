package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.BackfillListener;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHost;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReadLease;
import io.mirach.raft.ReplicaStatus.Role;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Hosts in this JVM, on loopback, with an in-process lease channel that can be cut. */
final class TestCluster implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** One data dir and, while it runs, its host. */
    final class Node implements RaftHost.FailureListener, BackfillListener {
        final UUID id;
        final Path directory;
        final Peer peer;
        final Map<UUID, LedgerStateMachine> machines = new ConcurrentHashMap<>();
        final List<String> failures = new CopyOnWriteArrayList<>();
        final Set<UUID> followersToBackfill = ConcurrentHashMap.newKeySet();
        final List<LogPosition> backfillNotices = new CopyOnWriteArrayList<>();
        volatile RaftHost host;
        volatile boolean leaseAnswers = true;
        volatile Runnable beforeHandOver = () -> {};
        volatile Runnable afterHandOver = () -> {};

        Node(UUID id, Path directory, int port) {
            this.id = id;
            this.directory = directory;
            this.peer = new Peer(id, "127.0.0.1:" + port);
        }

        void start() {
            RaftHostConfig config =
                    configure.apply(
                            RaftHostConfig.defaults(id, directory.resolve("raft"), peer.address()));
            try {
                Files.createDirectories(directory);
                host = RatisHost.start(config, new Ledgers(), TestCluster.this::ask, this, this);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private final class Ledgers implements RaftHost.StateMachines {
            @Override
            public LedgerStateMachine open(UUID group) {
                LedgerStateMachine machine = machineFactory.apply(ledger(group));
                machines.put(group, machine);
                return machine;
            }

            @Override
            public void handOver(UUID from, UUID to) {
                beforeHandOver.run();
                LedgerStateMachine.handOver(ledger(from), ledger(to));
                afterHandOver.run();
            }
        }

        private Path ledger(UUID group) {
            return directory.resolve(group + ".ledger");
        }

        void stop() {
            RaftHost running = host;
            host = null;
            if (running != null) {
                running.close();
            }
        }

        LedgerStateMachine machine(UUID group) {
            return machines.get(group);
        }

        ReplicatedLog<Receipt> log(UUID group) {
            return host.<Receipt>log(group).orElseThrow();
        }

        @Override
        public void failed(String what, Throwable cause) {
            failures.add(what);
        }

        @Override
        public void followerNeedsBackfill(UUID group, UUID follower) {
            followersToBackfill.add(follower);
        }

        @Override
        public void replicaNeedsBackfill(UUID group, LogPosition firstAvailable) {
            backfillNotices.add(firstAvailable);
        }
    }

    final List<Node> nodes = new ArrayList<>();
    private final UnaryOperator<RaftHostConfig> configure;
    private final Function<Path, LedgerStateMachine> machineFactory;

    TestCluster(Path directory, int size, UnaryOperator<RaftHostConfig> configure) {
        this(directory, size, configure, LedgerStateMachine::new);
    }

    TestCluster(
            Path directory,
            int size,
            UnaryOperator<RaftHostConfig> configure,
            Function<Path, LedgerStateMachine> machineFactory) {
        this.configure = configure;
        this.machineFactory = machineFactory;
        for (int i = 0; i < size; i++) {
            nodes.add(new Node(UUID.randomUUID(), directory.resolve("node-" + i), freePort()));
        }
        nodes.forEach(Node::start);
    }

    /** One that a later process can start again: node {@code i} is always the same. */
    TestCluster(Path directory, int[] ports, UnaryOperator<RaftHostConfig> configure) {
        this.configure = configure;
        this.machineFactory = LedgerStateMachine::new;
        for (int i = 0; i < ports.length; i++) {
            UUID id = UUID.nameUUIDFromBytes(new byte[] {2, (byte) i});
            nodes.add(new Node(id, directory.resolve("node-" + i), ports[i]));
        }
        nodes.forEach(Node::start);
    }

    /** Short elections, so that tests that stop leaders take little time. */
    static RaftHostConfig quick(RaftHostConfig config) {
        return new RaftHostConfig(
                config.peerId(),
                config.storageDir(),
                config.address(),
                Duration.ofMillis(300),
                Duration.ofMillis(600),
                Duration.ofMillis(300),
                Duration.ofMillis(60),
                config.maxEntryBytes(),
                config.maxEntriesInFlight(),
                config.maxQueuedBytes(),
                config.checkpointBytes(),
                config.logRetentionBytes());
    }

    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private CompletableFuture<Set<UUID>> ask(UUID from, UUID to, List<ReadLease.Claim> claims) {
        Node sender = node(from);
        Node receiver = node(to);
        RaftHost host = receiver.host;
        if (host == null || !receiver.leaseAnswers || !sender.leaseAnswers) {
            return CompletableFuture.failedFuture(new IOException("unreachable"));
        }
        return CompletableFuture.completedFuture(host.readLease().confirm(from, claims));
    }

    Node node(UUID id) {
        return nodes.stream().filter(node -> node.id.equals(id)).findFirst().orElseThrow();
    }

    RaftGroupMembers members(UUID group) {
        return new RaftGroupMembers(group, nodes.stream().map(node -> node.peer).toList());
    }

    UUID createGroup() {
        UUID group = UUID.randomUUID();
        RaftGroupMembers members = members(group);
        List<CompletableFuture<Void>> created =
                nodes.stream().map(node -> node.host.createGroup(members)).toList();
        created.forEach(TestCluster::get);
        return group;
    }

    /** Waits until a running node leads and may answer. */
    Node leader(UUID group) {
        AtomicReference<Node> found = new AtomicReference<>();
        await().atMost(PATIENCE)
                .pollDelay(Duration.ZERO)
                .until(
                        () -> {
                            found.set(findLeader(group));
                            return found.get() != null;
                        });
        return found.get();
    }

    private Node findLeader(UUID group) {
        for (Node node : nodes) {
            RaftHost host = node.host;
            if (host == null || host.log(group).isEmpty()) {
                continue;
            }
            ReplicatedLog<Receipt> log = host.<Receipt>log(group).orElseThrow();
            if (log.status().role() == Role.LEADER && answersReads(log)) {
                return node;
            }
        }
        return null;
    }

    private static boolean answersReads(ReplicatedLog<Receipt> log) {
        try {
            log.readable(false).get(2, TimeUnit.SECONDS);
            return true;
        } catch (Exception e) {
            return false; // Leads no more, or not yet.
        }
    }

    List<Node> followers(UUID group) {
        Node leader = leader(group);
        return nodes.stream().filter(node -> node != leader && node.host != null).toList();
    }

    /** Waits until all running nodes hold the same commands, and gives them. */
    List<String> converged(UUID group) {
        Node leader = leader(group);
        await().atMost(PATIENCE)
                .untilAsserted(
                        () -> {
                            List<String> expected = leader.machine(group).commands();
                            for (Node node : nodes) {
                                if (node.host != null) {
                                    assertThat(node.machine(group).commands())
                                            .as(
                                                    "%s, led by %s",
                                                    node.log(group).status(),
                                                    leader.log(group).status())
                                            .isEqualTo(expected);
                                }
                            }
                        });
        return leader.machine(group).commands();
    }

    static ByteBuf command(String text) {
        return ByteBufUtil.writeUtf8(PooledByteBufAllocator.DEFAULT, text);
    }

    static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        nodes.forEach(Node::stop);
    }
}
