package io.mirach.ops.chaos;

import io.mirach.cli.CliClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A volume as a guest has it, with an ext4 that this machine mounts: QEMU's storage daemon is the
 * NBD client of a gateway and shows the export as a file, of which the kernel makes a loop device.
 * When the daemon is killed, the kernel's writes fail from then on, and what was only in memory is
 * lost, as when a guest's machine ends. Needs root. Used by one thread, except {@link #close}.
 */
final class MountedVolume implements AutoCloseable {
    private static final String DAEMON = "qemu-storage-daemon";
    // Longer than anything that befalls a gateway.
    private static final int RECONNECT_SECONDS = 3_600;
    private static final Duration CONNECT_LIMIT = Duration.ofMinutes(3);
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(20);
    private static final int FSCK_UNCORRECTED = 4;

    private final Path socket;
    private final String export;
    private final Path image;
    private final Path mountPoint;
    private final Path pidFile;
    private final Path log;
    private final CliClock clock;
    private volatile Optional<Process> daemon = Optional.empty();
    private volatile boolean closed;
    // Guarded by this.
    private Optional<String> loopDevice = Optional.empty();
    private boolean mounted;

    /**
     * @param folder where it is mounted, as {@code guest}
     * @param socket of the gateway
     * @param export in which it lies
     */
    MountedVolume(Path folder, Path socket, String export, CliClock clock) {
        this.clock = clock;
        this.socket = socket;
        this.export = export;
        this.image = folder.resolve("guest.img");
        this.mountPoint = folder.resolve("guest");
        this.pidFile = folder.resolve("guest.pid");
        this.log = folder.resolve("guest.log");
    }

    /** Why none can be mounted here; empty if it can. */
    static Optional<String> unavailable() {
        try {
            if (!Shell.run("id", "-u").strip().equals("0")) {
                return Optional.of("mounting needs root");
            }
            if (!Shell.run(DAEMON, "--help").contains("type=]fuse")) {
                return Optional.of(DAEMON + " has no FUSE");
            }
            Shell.run("losetup", "--find");
            Shell.run("mkfs.ext4", "-V");
            return Optional.empty();
        } catch (ShellException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** Makes an empty file system. */
    synchronized void format() throws InterruptedException {
        connect();
        Shell.run("mkfs.ext4", "-q", "-F", "-m", "0", loopDevice.orElseThrow());
        end();
    }

    /**
     * Recovers the file system, checks all of it, and mounts it. Fails with {@link
     * PromiseBrokenException} if its journal does not make it whole again.
     *
     * @return where it is
     */
    synchronized Path mount() throws InterruptedException {
        connect();
        String device = loopDevice.orElseThrow();
        requireWhole(device);
        try {
            Files.createDirectories(mountPoint);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Shell.run("mount", device, mountPoint.toString());
        mounted = true;
        return mountPoint;
    }

    private static void requireWhole(String device) {
        // Replays the journal, then checks every structure; repairs nothing that needs a decision.
        Shell.Outcome check = Shell.tryFor("e2fsck", "-f", "-p", device);
        if (check.exitCode() >= FSCK_UNCORRECTED) {
            throw new PromiseBrokenException(
                    new Violation(
                            "the file system is damaged, e2fsck says: " + check.output().strip(),
                            List.of()));
        }
    }

    private void connect() throws InterruptedException {
        try {
            Files.deleteIfExists(pidFile);
            if (Files.notExists(image)) {
                Files.createFile(image);
            }
            daemon = Optional.of(startDaemon());
            if (closed) {
                pull();
                throw new ChaosException("the run was ended");
            }
            awaitConnected(daemon.orElseThrow());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + DAEMON, e);
        }
        // Without direct I/O: QEMU 7.2 then takes requests that are no multiple of a page wrong.
        loopDevice = Optional.of(Shell.run("losetup", "-f", "--show", image.toString()).strip());
    }

    private Process startDaemon() throws IOException {
        return new ProcessBuilder(
                        DAEMON,
                        "--blockdev",
                        "driver=nbd,node-name=disk,server.type=unix,server.path=%s,export=%s,reconnect-delay=%d"
                                .formatted(socket, export, RECONNECT_SECONDS),
                        "--export",
                        "type=fuse,id=file,node-name=disk,mountpoint=%s,writable=on"
                                .formatted(image),
                        "--pidfile",
                        pidFile.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    /** The daemon writes its number into a file once the export is there. */
    private void awaitConnected(Process started) throws InterruptedException {
        long deadlineNanos = clock.nanoTime() + CONNECT_LIMIT.toNanos();
        while (Files.notExists(pidFile)) {
            if (!started.isAlive()) {
                throw new BlockDevice.DeviceGoneException(DAEMON + " ended; see " + log, null);
            }
            if (clock.nanoTime() - deadlineNanos > 0) {
                throw new ChaosException(
                        DAEMON
                                + " could not connect in "
                                + CONNECT_LIMIT.toSeconds()
                                + " s; see "
                                + log);
            }
            clock.pause(LOOK_INTERVAL);
        }
    }

    /** Whether nothing ended its connection. */
    boolean isConnected() {
        return daemon.filter(Process::isAlive).isPresent();
    }

    /** Pulls the plug: whatever is on its way, or in memory, gets no further. */
    void pull() {
        daemon.ifPresent(Process::destroyForcibly);
        daemon.ifPresent(process -> process.onExit().join());
    }

    /** Gives the mount back; nobody may use it any more. Pulls the plug first, if need be. */
    synchronized void end() {
        pull();
        if (mounted) {
            Shell.run("umount", "-l", mountPoint.toString());
            mounted = false;
        }
        loopDevice.ifPresent(device -> Shell.run("losetup", "-d", device));
        loopDevice = Optional.empty();
        Shell.tryRun("umount", "-l", image.toString());
    }

    /** Ends it for good; whoever works on it gets errors. */
    @Override
    public void close() {
        closed = true;
        // Before the lock: who holds it may wait for the disk.
        pull();
        end();
    }
}
