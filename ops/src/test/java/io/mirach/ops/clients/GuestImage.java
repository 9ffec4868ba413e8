package io.mirach.ops.clients;

import java.nio.file.Path;
import java.time.Duration;

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

    String kernel() {
        return "/boot/vmlinuz-" + kernelVersion;
    }

    /** The kernel's command line for one of the guest's steps. */
    static String boots(String step) {
        return "console=ttyS0 quiet panic=-1 mirach.step=" + step;
    }
}
