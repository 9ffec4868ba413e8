package io.mirach.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.MirachException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageFormatTest {
    @ParameterizedTest
    @CsvSource({
        "a.qcow2, QCOW2",
        "A.QCOW2, QCOW2",
        "a.img, RAW",
        "qcow2, RAW",
        "a.qcow2.old, RAW",
        "dir/a.vmdk, VMDK",
        "a.vhdx, VHDX",
        "/, RAW"
    })
    void theNameOfAFileDecides(String file, ImageFormat expected) {
        assertThat(ImageFormat.of(Optional.empty(), Path.of(file))).isEqualTo(expected);
    }

    @Test
    void theOptionDecidesBeforeTheName() {
        assertThat(ImageFormat.of(Optional.of("raw"), Path.of("a.qcow2")))
                .isEqualTo(ImageFormat.RAW);
        assertThatThrownBy(() -> ImageFormat.of(Optional.of("qcow"), Path.of("a")))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.remedy()).contains("raw, qcow2, vmdk, vhdx"));
    }

    @Test
    void whatLooksLikeAnotherFormatIsSeen() {
        byte[] qcow2 = {'Q', 'F', 'I', (byte) 0xfb, 0, 0, 0, 3};
        assertThat(ImageFormat.seenIn(qcow2)).contains(ImageFormat.QCOW2);
        assertThat(ImageFormat.seenIn("vhdxfile".getBytes(StandardCharsets.US_ASCII)))
                .contains(ImageFormat.VHDX);
        assertThat(ImageFormat.seenIn(new byte[8])).isEmpty();
        assertThat(ImageFormat.seenIn(new byte[] {'Q', 'F', 'I'})).isEmpty();
        assertThat(ImageFormat.seenIn(new byte[0])).isEmpty();
    }
}
