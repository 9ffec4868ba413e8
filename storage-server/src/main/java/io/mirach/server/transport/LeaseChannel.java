package io.mirach.server.transport;

import io.mirach.client.transport.NodeConnections;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.LeaseClaims;
import io.mirach.protocol.cluster.LeaseClaimsCodec;
import io.mirach.protocol.cluster.LeaseConfirmations;
import io.mirach.raft.ReadLease;
import io.mirach.raft.ReadLease.Claim;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Carries read-lease claims between data dirs over the nodes' native connections. Give it
 * connections of its own, so that a lease never waits behind bulk. Each answer also says whether
 * the data dir that was asked is short of room: every leader asks every voter often enough, and a
 * full disk is no business of Raft's. Thread-safe.
 */
public final class LeaseChannel implements ReadLease.Channel {
    /** Hears of room. Never blocks. */
    public interface RoomListener {
        /**
         * A data dir has answered.
         *
         * @param groups in which this node claims to lead it
         */
        void heard(UUID dataDir, Set<UUID> groups, boolean roomIsLow);
    }

    // Longer than any lease: an answer that comes later renews nothing.
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(1);

    private final NodeConnections connections;
    private final Function<UUID, Optional<String>> addressOfDataDir;
    private final RoomListener roomListener;
    private final ByteBufAllocator allocator;

    /**
     * @param addressOfDataDir the native address of the node that holds a data dir
     */
    public LeaseChannel(
            NodeConnections connections,
            Function<UUID, Optional<String>> addressOfDataDir,
            RoomListener roomListener,
            ByteBufAllocator allocator) {
        this.connections = connections;
        this.addressOfDataDir = addressOfDataDir;
        this.roomListener = roomListener;
        this.allocator = allocator;
    }

    @Override
    public CompletableFuture<Set<UUID>> ask(UUID from, UUID to, List<Claim> claims) {
        Optional<String> address = addressOfDataDir.apply(to);
        if (address.isEmpty()) {
            return CompletableFuture.failedFuture(
                    new MirachException(
                            ErrorCode.UNREACHABLE, "no node is known to hold data dir " + to));
        }
        List<LeaseClaims.Claim> named =
                claims.stream()
                        .map(claim -> new LeaseClaims.Claim(claim.groupId(), claim.term()))
                        .toList();
        ByteBuf body = LeaseClaimsCodec.encode(new LeaseClaims(from, to, named), allocator);
        return connections
                .request(address.get(), Opcode.LEASE_CLAIMS, body, ANSWER_TIMEOUT)
                .thenApply(
                        reply -> {
                            LeaseConfirmations answer = LeaseClaimsCodec.decodeConfirmations(reply);
                            roomListener.heard(to, groups(claims), answer.roomIsLow());
                            return answer.groups();
                        });
    }

    private static Set<UUID> groups(List<Claim> claims) {
        return claims.stream().map(Claim::groupId).collect(Collectors.toSet());
    }

    /**
     * Answers claims of other nodes.
     *
     * @param leaseOfDataDir the leases of a data dir of this node; without one nothing is confirmed
     * @param roomIsLow whether a data dir of this node is short of room
     */
    public static RequestHandler handler(
            Function<UUID, Optional<ReadLease>> leaseOfDataDir,
            Predicate<UUID> roomIsLow,
            ByteBufAllocator allocator) {
        return body -> {
            LeaseClaims message = LeaseClaimsCodec.decodeClaims(body);
            List<ReadLease.Claim> claims =
                    message.claims().stream()
                            .map(claim -> new ReadLease.Claim(claim.group(), claim.term()))
                            .toList();
            Set<UUID> confirmed =
                    leaseOfDataDir
                            .apply(message.to())
                            .map(lease -> lease.confirm(message.from(), claims))
                            .orElse(Set.of());
            return CompletableFuture.completedFuture(
                    LeaseClaimsCodec.encode(
                            new LeaseConfirmations(confirmed, roomIsLow.test(message.to())),
                            allocator));
        };
    }
}
