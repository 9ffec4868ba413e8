package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({
        "4096, 4096",
        "4096B, 4096",
        "64k, 65536",
        "512MiB, 536870912",
        "10GiB, 10737418240",
        "10G, 10737418240",
        "10gib, 10737418240",
        "' 10 GiB ', 10737418240",
        "1.5T, 1649267441664",
        "64TiB, 70368744177664",
        "1P, 1125899906842624",
        "0.5K, 512",
        "0, 0",
    })
    void sizesAreBinary(String text, long bytes) {
        assertThat(ByteSize.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "G",
                "ten",
                "10X",
                "-1G",
                "1.2.3G",
                "1e9",
                "10GB",
                "10kb",
                "10GiBB",
                "10BiB",
                "0.3",
                "9E",
                "99999999999999999999",
                "0x10"
            })
    void nonsenseIsInvalid(String text) {
        MirachException e = catchThrowableOfType(MirachException.class, () -> ByteSize.parse(text));
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(e).hasMessageContaining("'" + text + "'");
        assertThat(e.remedy()).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1023, 1023 B",
        "1024, 1 KiB",
        "1536, 1.5 KiB",
        "10737418240, 10 GiB",
        "10737418239, 9.9 GiB",
        "1125899906842624, 1 PiB",
        "9223372036854775807, 7.9 EiB",
    })
    void shownSizesNeverClaimMoreThanThereIs(long bytes, String text) {
        assertThat(ByteSize.format(bytes)).isEqualTo(text);
    }
}
