package io.mirach.raft.ratis;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.ratis.metrics.LongCounter;
import org.apache.ratis.metrics.MetricRegistries;
import org.apache.ratis.metrics.MetricRegistryInfo;
import org.apache.ratis.metrics.RatisMetricRegistry;
import org.apache.ratis.metrics.Timekeeper;
import org.apache.ratis.server.metrics.SegmentedRaftLogMetrics;
import org.apache.ratis.util.TimeDuration;

/**
 * Keeps one of Ratis's own metrics, how long the fsyncs of its logs take: the others are a dozen
 * timers per entry, each a sampled histogram, that nobody reads. What an operator needs to see of a
 * group stands in {@link io.mirach.raft.ReplicaStatus}. Found by Ratis as a service. Thread-safe.
 */
public final class RatisMetrics extends MetricRegistries {
    private static final String SYNC_TIMER = SegmentedRaftLogMetrics.RAFT_LOG_SYNC_TIME;
    private static final Timekeeper.Context STOPPED = () -> 0;

    public RatisMetrics() {}

    @Override
    public RatisMetricRegistry create(MetricRegistryInfo info) {
        return new Registry(info);
    }

    @Override
    public void clear() {}

    @Override
    public boolean remove(MetricRegistryInfo info) {
        return true;
    }

    @Override
    public Optional<RatisMetricRegistry> get(MetricRegistryInfo info) {
        return Optional.empty();
    }

    @Override
    public Set<MetricRegistryInfo> getMetricRegistryInfos() {
        return Set.of();
    }

    @Override
    public Collection<RatisMetricRegistry> getMetricRegistries() {
        return List.of();
    }

    @Override
    public void addReporterRegistration(
            Consumer<RatisMetricRegistry> register, Consumer<RatisMetricRegistry> stop) {}

    @Override
    public void enableJmxReporter() {}

    @Override
    public void enableConsoleReporter(TimeDuration interval) {}

    private record Registry(MetricRegistryInfo info) implements RatisMetricRegistry {
        @Override
        public Timekeeper timer(String name) {
            if (name.equals(SYNC_TIMER)) {
                // A log's metrics are named by its replica: server id, @, group id.
                String server = info.getPrefix().substring(0, info.getPrefix().indexOf('@'));
                return SyncTimes.of(server)::begin;
            }
            return () -> STOPPED;
        }

        @Override
        public LongCounter counter(String name) {
            return Counter.NONE;
        }

        @Override
        public boolean remove(String name) {
            return true;
        }

        @Override
        public <T> void gauge(String name, Supplier<Supplier<T>> value) {}

        @Override
        public MetricRegistryInfo getMetricRegistryInfo() {
            return info;
        }
    }

    private enum Counter implements LongCounter {
        NONE;

        @Override
        public void inc(long count) {}

        @Override
        public void dec(long count) {}

        @Override
        public long getCount() {
            return 0;
        }
    }
}
