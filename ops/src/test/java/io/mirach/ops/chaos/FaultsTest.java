package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import org.junit.jupiter.api.Test;

class FaultsTest {
    @Test
    void faultsAreNamedOnce() {
        assertThat(Faults.all()).extracting(Fault::name).doesNotHaveDuplicates();
        assertThat(Faults.parse("all")).hasSameSizeAs(Faults.all());
        assertThat(Faults.parse("none")).isEmpty();
        assertThat(Faults.parse("take-over, kill-leader"))
                .extracting(Fault::name)
                .containsExactly("take-over", "kill-leader");
    }

    @Test
    void everyFaultSuitsSomeWorkloadAndSaysWhichItNeeds() {
        for (Fault fault : Faults.all()) {
            assertThat(Workloads.names())
                    .as(fault.name())
                    .anyMatch(workload -> Workloads.unsuited(workload, fault).isEmpty());
        }
        assertThat(Workloads.unsuited("fio-verify", new KillGateway()))
                .hasValueSatisfying(why -> assertThat(why).contains("--workload bank or sqlite"));
        assertThat(Workloads.unsuited("bank", new TakeOver()))
                .hasValueSatisfying(why -> assertThat(why).contains("--workload registers"));
        assertThat(Workloads.unsuited("bank", new Wipe())).isEmpty();
    }

    @Test
    void anUnknownFaultOrWorkloadIsNamed() {
        assertThatThrownBy(() -> Faults.parse("kill-leader,earthquake"))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> {
                            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
                            assertThat(e).hasMessageContaining("earthquake");
                            assertThat(e.remedy()).contains("kill-leader");
                        });
        assertThatThrownBy(() -> Workloads.check("sleep"))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("sleep");
    }
}
