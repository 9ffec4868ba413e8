package io.mirach.ops.clients;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The small guest of {@code ops/guest}, packed for an installed kernel. */
record GuestImage(String kernelVersion, Path initramfs) {
    private static final Duration LIMIT = Duration.ofMinutes(1);

    /** Skips the test if what a guest is made of is not installed. */
    static GuestImage pack(Path folder) {
        String kernel = RealClient.requireGuestKernel();
        Path initramfs = folder.resolve("guest.cpio.gz");
        Path script = DevCluster.projectDir().resolve("ops/guest/make-initramfs.sh");
        Command.of(script.toString(), kernel, initramfs.toString()).run(LIMIT);
        return new GuestImage(kernel, initramfs);
    }

    /**
     * The words that have QEMU boot it for one of its steps.
     *
     * @param more further options of QEMU, its disk among them
     */
    List<String> boot(String step, String... more) {
        List<String> words =
                new ArrayList<>(
                        List.of(
                                "qemu-system-x86_64",
                                "-accel",
                                "tcg",
                                "-no-reboot",
                                "-kernel",
                                "/boot/vmlinuz-" + kernelVersion,
                                "-initrd",
                                initramfs.toString(),
                                "-append",
                                "console=ttyS0 quiet panic=-1 mirach.step=" + step));
        words.addAll(List.of(more));
        return words;
    }
}
