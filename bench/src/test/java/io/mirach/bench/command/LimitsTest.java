package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mirach.bench.command.BareDisk.FsyncRate;
import io.mirach.bench.command.BareDisk.SequentialRate;
import io.mirach.bench.command.BenchReport.Disk;
import io.mirach.bench.command.BenchReport.Network;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private final Limits limits =
            new Limits(
                    Optional.of(
                            new Disk(
                                    "/disk",
                                    List.of(
                                            new FsyncRate(1, 1000, 900, 2000),
                                            new FsyncRate(32, 8000, 900, 2000)),
                                    new SequentialRate(200, true))),
                    Optional.of(
                            new Network(
                                    "unix",
                                    List.of(new SocketEcho.Rate(4096, 32, 100_000)),
                                    List.of())));

    private double share(String job, double iops) {
        return limits.of(LoadJob.parseList(job).get(0), iops).orElseThrow().share();
    }

    @Test
    void smallWritesAreHeldAgainstAsManyWritersThatSync() {
        assertThat(share("randwrite-4k-qd1", 450)).isCloseTo(0.45, within(1e-9));
        assertThat(share("randwrite-4k-qd32", 2000)).isCloseTo(0.25, within(1e-9));
    }

    @Test
    void largeWritesAreHeldAgainstTheSequentialRate() {
        // 200 MiB/s are 1600 writes of 128 KiB.
        assertThat(share("seqwrite-128k-qd16", 400)).isCloseTo(0.25, within(1e-9));
    }

    @Test
    void readsAreHeldAgainstTheirOwnSizeAndDepth() {
        assertThat(share("randread-4k-qd32", 30_000)).isCloseTo(0.3, within(1e-9));
        assertThat(limits.of(LoadJob.parseList("randread-4k-qd1").get(0), 1)).isEmpty();
    }

    @Test
    void withoutALimitThereIsNoShare() {
        Limits none = new Limits(Optional.empty(), Optional.empty());
        assertThat(LoadJob.DEFAULTS).allSatisfy(job -> assertThat(none.of(job, 1)).isEmpty());
    }
}
