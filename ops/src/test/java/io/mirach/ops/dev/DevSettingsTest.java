package io.mirach.ops.dev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DevSettingsTest {
    @Test
    void allPortsFollowTheBasePortAndNoneIsUsedTwice() {
        DevSettings settings = new DevSettings(3, 10_809);
        assertThat(settings.ports().keySet())
                .containsExactly(
                        10_809, 10_810, 10_811, 10_812, 10_813, 10_814, 10_815, 10_816, 10_817,
                        10_818);
        assertThat(settings.nbdAddress()).isEqualTo("127.0.0.1:10809");
        assertThat(settings.endpoints())
                .isEqualTo("127.0.0.1:10810,127.0.0.1:10813,127.0.0.1:10816");
        assertThat(settings.nativeAddress(3)).isEqualTo("127.0.0.1:10817");
        assertThat(settings.raftAddress(3)).isEqualTo("127.0.0.1:10818");
    }

    @ParameterizedTest
    @CsvSource({"2, 10809", "33, 10809", "-1, 10809", "3, 0", "3, 65530", "3, 70000"})
    void settingsThatCannotWorkAreRefused(int nodes, int basePort) {
        MirachException e =
                catchThrowableOfType(MirachException.class, () -> new DevSettings(nodes, basePort));
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(e).hasMessageMatching("--(nodes|base-port) .*");
        assertThat(e.remedy()).isNotEmpty();
    }
}
