package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoadJobTest {
    @Test
    void aNameSaysPatternSizeAndDepth() {
        assertThat(LoadJob.parseList("randwrite-4k-qd1, seqread-128k-qd16"))
                .containsExactly(
                        new LoadJob(true, true, 4096, 1), new LoadJob(false, false, 131_072, 16));
    }

    @Test
    void everyDefaultJobIsReadAsItIsWritten() {
        assertThat(LoadJob.DEFAULTS)
                .allSatisfy(job -> assertThat(LoadJob.parseList(job.name())).containsExactly(job));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "randwrite",
                "randwrite-4k",
                "randtrim-4k-qd1",
                "randwrite-4m-qd1",
                "randwrite-2k-qd1",
                "randwrite-6k-qd1",
                "seqwrite-4100k-qd1",
                "seqwrite-4k-qd0",
                "seqwrite-4k-qd1025",
                "randread-4k-qd1,"
            })
    void anotherNameIsRefusedAndTheFormTold(String names) {
        assertThatThrownBy(() -> LoadJob.parseList(names))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> {
                            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
                            assertThat(e.remedy()).contains("randwrite-4k-qd32");
                        });
    }
}
