package io.mirach.transfer;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How a file holds a disk. It is chosen by who runs the command or by the file's name, never by
 * what is in the file: a guest decides what a raw image begins with, and could have other files of
 * the host read in the name of a format.
 */
enum ImageFormat {
    RAW("raw", List.of("raw", "img"), new byte[0]),
    QCOW2("qcow2", List.of("qcow2"), new byte[] {'Q', 'F', 'I', (byte) 0xfb}),
    VMDK("vmdk", List.of("vmdk"), "KDMV".getBytes(StandardCharsets.US_ASCII)),
    VHDX("vhdx", List.of("vhdx"), "vhdxfile".getBytes(StandardCharsets.US_ASCII));

    /** So many bytes of a file tell. */
    static final int MAGIC_BYTES = 8;

    private final String word;
    private final List<String> suffixes;
    private final byte[] magic;

    ImageFormat(String word, List<String> suffixes, byte[] magic) {
        this.word = word;
        this.suffixes = suffixes;
        this.magic = magic;
    }

    /** As users and qemu-img write it. */
    String word() {
        return word;
    }

    /** What the option says, else what the file's name says, else raw. */
    static ImageFormat of(Optional<String> option, Path file) {
        if (option.isPresent()) {
            return Stream.of(values())
                    .filter(format -> format.word.equals(option.get()))
                    .findFirst()
                    .orElseThrow(
                            () ->
                                    new MirachException(
                                                    ErrorCode.INVALID_ARGUMENT,
                                                    "unknown format '" + option.get() + "'")
                                            .withRemedy("--format is one of " + words()));
        }
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return Stream.of(values())
                .filter(f -> f.suffixes.stream().anyMatch(s -> name.endsWith("." + s)))
                .findFirst()
                .orElse(RAW);
    }

    private static String words() {
        return Stream.of(values()).map(ImageFormat::word).collect(Collectors.joining(", "));
    }

    /** What a file that is taken for a raw one looks like instead; empty if like none. */
    static Optional<ImageFormat> seenIn(byte[] beginning) {
        return Stream.of(values())
                .filter(f -> f.magic.length > 0 && beginning.length >= f.magic.length)
                .filter(f -> Arrays.equals(f.magic, Arrays.copyOf(beginning, f.magic.length)))
                .findFirst();
    }
}
