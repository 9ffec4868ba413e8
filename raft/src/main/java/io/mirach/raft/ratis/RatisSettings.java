package io.mirach.raft.ratis;

import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ratis.peer.PeerSettings;
import io.mirach.raft.ratis.peer.PeerTransport;
import io.mirach.raft.ratis.peer.VoteGuard;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/** Everything that Ratis is told, in one place, with reasons. */
final class RatisSettings {
    private RatisSettings() {}

    static RaftProperties of(RaftHostConfig config) {
        RaftProperties properties = new RaftProperties();
        RaftServerConfigKeys.setStorageDir(properties, List.of(config.storageDir().toFile()));
        // By class name: gRPC cost more threads and copies than the work it carried.
        properties.set(RaftConfigKeys.Rpc.TYPE_KEY, PeerTransport.class.getName());
        timeouts(properties, config);
        log(properties, config);
        checkpoints(properties);
        return properties;
    }

    private static void timeouts(RaftProperties properties, RaftHostConfig config) {
        TimeDuration min = time(config.electionTimeoutMin());
        TimeDuration max = time(config.electionTimeoutMax());
        RaftServerConfigKeys.Rpc.setTimeoutMin(properties, min);
        RaftServerConfigKeys.Rpc.setTimeoutMax(properties, max);
        // A replica away and back must not unseat a leader that the others still follow.
        RaftServerConfigKeys.LeaderElection.setPreVote(properties, true);
        RaftServerConfigKeys.LeaderElection.setLeaderStepDownWaitTime(properties, seconds(3));
        // By default a host that was stopped for a minute closes its server for good when it goes
        // on.
        // Nothing here needs that: leaders give up sooner, and leases count real time.
        RaftServerConfigKeys.setCloseThreshold(properties, seconds(7 * 24 * 3600));
        // The default of 60 s lets a leader send to a dead follower without a pause for as long.
        RaftServerConfigKeys.Rpc.setSlownessTimeout(properties, seconds(10));
        // Nobody retries through Ratis: the state machine tells duplicates itself.
        RaftServerConfigKeys.RetryCache.setExpiryTime(properties, seconds(2));
    }

    private static void log(RaftProperties properties, RaftHostConfig config) {
        // An entry of its own, with a fsync, for every commit round; replay does without.
        RaftServerConfigKeys.Log.setLogMetadataEnabled(properties, false);
        // Both acknowledge what is not on disk yet.
        RaftServerConfigKeys.Log.setAsyncFlushEnabled(properties, false);
        RaftServerConfigKeys.Log.setUnsafeFlushEnabled(properties, false);
        RaftServerConfigKeys.Log.setForceSyncNum(properties, 128);
        // A follower appends on the thread that received: measured 10 % less CPU per entry.
        RaftServerConfigKeys.Log.setAppendEntriesComposeEnabled(properties, false);
        RaftServerConfigKeys.Log.setSegmentSizeMax(properties, mib(8));
        RaftServerConfigKeys.Log.setPreallocatedSize(properties, mib(1));
        RaftServerConfigKeys.Log.setSegmentCacheNumMax(properties, 2);
        RaftServerConfigKeys.Log.setSegmentCacheSizeMax(properties, mib(32));
        // One message to a follower; it must hold the largest entry. The buffer must hold it too.
        long message = messageBytes(config);
        RaftServerConfigKeys.Log.Appender.setBufferByteLimit(
                properties, SizeInBytes.valueOf(message));
        RaftServerConfigKeys.Log.setWriteBufferSize(
                properties, SizeInBytes.valueOf(Math.max(4 << 20, message + (64 << 10))));
        // The leader's queue in Ratis; ours in front of it is far smaller.
        RaftServerConfigKeys.Write.setElementLimit(properties, 4096);
        RaftServerConfigKeys.Log.setQueueElementLimit(properties, 8192);
        // Send at once: waiting gathers nothing, entries are batches already.
        RaftServerConfigKeys.Log.Appender.setWaitTimeMin(properties, TimeDuration.ZERO);
        // Down to one try per second soon: a dead follower costs next to nothing.
        RaftServerConfigKeys.Log.Appender.setRetryPolicy(properties, "10ms,10, 1s,1000000");
    }

    private static long messageBytes(RaftHostConfig config) {
        return Math.max(2 << 20, largestEntryBytes(config));
    }

    /** Entry, entry header in Ratis, and room. */
    private static long largestEntryBytes(RaftHostConfig config) {
        return (long) config.maxEntryBytes() + RatisGroup.COMMAND_SLACK_BYTES + (64 << 10);
    }

    private static void checkpoints(RaftProperties properties) {
        // RatisGroup asks for them by bytes, beside the applying thread, and purges by itself.
        RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(properties, false);
        RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(properties, false);
        RaftServerConfigKeys.Snapshot.setTriggerWhenRemoveEnabled(properties, false);
        RaftServerConfigKeys.Snapshot.setCreationGap(properties, 1);
        RaftServerConfigKeys.Log.setPurgeGap(properties, 1);
        RaftServerConfigKeys.Log.setPurgePreservationLogNum(properties, 0);
        // No state by Ratis's chunks: a follower beyond the log hears so, and is backfilled.
        RaftServerConfigKeys.Log.Appender.setInstallSnapshotEnabled(properties, false);
    }

    static PeerSettings peers(RaftHostConfig config, VoteGuard guard) {
        HostPort address = HostPort.parse(config.address());
        // Entries are gathered up to the limit, and one may go over it.
        long message = 2 * messageBytes(config) + (1 << 20);
        return new PeerSettings(
                config.peerId(),
                new InetSocketAddress(address.host(), address.port()),
                Math.toIntExact(message),
                config.electionTimeoutMax().toMillis(),
                guard);
    }

    private static TimeDuration time(Duration duration) {
        return TimeDuration.valueOf(duration.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static TimeDuration seconds(int seconds) {
        return TimeDuration.valueOf(seconds, TimeUnit.SECONDS);
    }

    private static SizeInBytes mib(int mib) {
        return SizeInBytes.valueOf((long) mib << 20);
    }

    /** An address, {@code host:port}; the host may be an IPv6 literal in brackets. */
    record HostPort(String host, int port) {
        static HostPort parse(String address) {
            int colon = address.lastIndexOf(':');
            if (colon <= 0) {
                throw new IllegalArgumentException("not a host:port: " + address);
            }
            String host = address.substring(0, colon);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            }
            try {
                int port = Integer.parseInt(address.substring(colon + 1));
                if (port < 1 || port > 65535) {
                    throw new IllegalArgumentException("port out of range: " + address);
                }
                return new HostPort(host, port);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("not a host:port: " + address, e);
            }
        }
    }
}
