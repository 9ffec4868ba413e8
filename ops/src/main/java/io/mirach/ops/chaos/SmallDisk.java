package io.mirach.ops.chaos;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A small ext4 of its own, in a file that is mounted by a loop device, and that somebody else's
 * file can fill. Needs root. Confined to one thread, except {@link #close}.
 */
public final class SmallDisk implements AutoCloseable {
    private static final String BALLAST = "ballast";

    private final Path image;
    private final Path mountPoint;
    private volatile boolean mounted;

    private SmallDisk(Path image, Path mountPoint) {
        this.image = image;
        this.mountPoint = mountPoint;
    }

    /** Makes one without mounting it: {@code NAME.img} in {@code folder}, where it mounts too. */
    static SmallDisk unmounted(Path folder, String name) {
        return new SmallDisk(folder.resolve(name + ".img"), folder.resolve(name));
    }

    /**
     * @param folder for the file and the mount point
     */
    public static SmallDisk mount(Path folder, String name, long mebibytes) {
        SmallDisk disk = unmounted(folder, name);
        disk.mount(mebibytes);
        return disk;
    }

    /** Why none can be mounted here; empty if they can. */
    static Optional<String> unavailable(Path folder) {
        SmallDisk probe = unmounted(folder, "small-disk-probe");
        try (probe) {
            probe.mount(8);
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of("a small disk cannot be mounted: " + e.getMessage());
        } finally {
            probe.delete();
        }
    }

    boolean isMounted() {
        return mounted;
    }

    /** Formats it and mounts it. */
    void mount(long mebibytes) {
        try {
            try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
                file.setLength(mebibytes << 20);
            }
            Shell.run("mkfs.ext4", "-q", "-F", "-m", "0", image.toString());
            Files.createDirectories(mountPoint);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make " + image, e);
        }
        // The loop device goes with the mount.
        Shell.run("mount", "-o", "loop", image.toString(), mountPoint.toString());
        mounted = true;
    }

    public Path mountPoint() {
        return mountPoint;
    }

    public long usableMebibytes() {
        try {
            return Files.getFileStore(mountPoint).getUsableSpace() >> 20;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes room on it, as somebody else's file. */
    public void load(long mebibytes) {
        Shell.run("fallocate", "-l", mebibytes + "MiB", mountPoint.resolve(BALLAST).toString());
    }

    /** Gives that room back. */
    public void unload() {
        try {
            Files.delete(mountPoint.resolve(BALLAST));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void delete() {
        try {
            Files.deleteIfExists(image);
            Files.deleteIfExists(mountPoint);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Unmounts it; the file stays. */
    @Override
    public void close() {
        if (mounted) {
            mounted = false;
            // Even if something still has a file open: what is mounted must go.
            Shell.run("umount", "-l", mountPoint.toString());
        }
    }
}
