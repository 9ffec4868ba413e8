package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The disk and the loopback are measured for real, if only for a moment. */
class BareMachineTest {
    private static final Duration MOMENT = Duration.ofMillis(100);

    @TempDir Path folder;

    @Test
    void aDiskIsMeasuredAndLeftAsItWas() {
        BareDisk disk = new BareDisk(folder, MOMENT);
        assertThat(disk.fsyncRates(List.of(1, 4)))
                .allSatisfy(
                        rate -> {
                            assertThat(rate.iops()).isPositive();
                            assertThat(rate.p99Micros()).isGreaterThanOrEqualTo(rate.p50Micros());
                        })
                .extracting(BareDisk.FsyncRate::writers)
                .containsExactly(1, 4);
        assertThat(disk.sequentialRate().mebibytesPerSecond()).isPositive();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aFolderThatIsNotThereIsTold() {
        BareDisk disk = new BareDisk(folder.resolve("none"), MOMENT);
        assertThatThrownBy(disk::sequentialRate)
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> {
                            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
                            assertThat(e.remedy()).contains("--disk");
                        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theLoopbackIsMeasuredAtAnyDepth(boolean unix) {
        SocketEcho echo = new SocketEcho(unix, MOMENT);
        assertThat(echo.measure(4096, 1).iops()).isPositive();
        assertThat(echo.measure(128 << 10, 16).iops()).isPositive();
    }
}
