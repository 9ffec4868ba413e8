package io.mirach.ops.clients;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A small ext4 of its own, in a file that is mounted by a loop device. */
final class SmallDisk implements AutoCloseable {
    private static final Duration SOON = Duration.ofMinutes(1);
    private static final String BALLAST = "ballast";

    private final Path mountPoint;

    private SmallDisk(Path mountPoint) {
        this.mountPoint = mountPoint;
    }

    /**
     * @param folder for the file and the mount point
     */
    static SmallDisk mount(Path folder, String name, long mebibytes) throws IOException {
        Path image = folder.resolve(name + ".img");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(mebibytes << 20);
        }
        Command.of("mkfs.ext4", "-q", "-F", "-m", "0", image.toString()).run(SOON);
        Path mountPoint = Files.createDirectory(folder.resolve(name));
        // The loop device goes with the mount.
        Command.of("mount", "-o", "loop", image.toString(), mountPoint.toString()).run(SOON);
        return new SmallDisk(mountPoint);
    }

    Path mountPoint() {
        return mountPoint;
    }

    long usableMebibytes() throws IOException {
        return Files.getFileStore(mountPoint).getUsableSpace() >> 20;
    }

    /** Takes room on it, as somebody else's file. */
    void load(long mebibytes) {
        Command.of("fallocate", "-l", mebibytes + "MiB", mountPoint.resolve(BALLAST).toString())
                .run(SOON);
    }

    void unload() throws IOException {
        Files.delete(mountPoint.resolve(BALLAST));
    }

    @Override
    public void close() {
        // Even if something still has a file open: what a test mounts must go with it.
        Command.of("umount", "-l", mountPoint.toString()).run(SOON);
    }
}
