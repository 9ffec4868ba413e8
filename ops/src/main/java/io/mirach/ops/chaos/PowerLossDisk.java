package io.mirach.ops.chaos;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A file system of its own under a data dir, whose power can be cut: then it forgets what was not
 * synced. Confined to one thread, except {@link #close}.
 */
final class PowerLossDisk implements AutoCloseable {
    private static final int END_LIMIT_SECONDS = 60;

    private record Mounted(Process process, BufferedReader answers) {}

    private final Path program;
    private final Path store;
    private final Path mountPoint;
    private volatile Optional<Mounted> mounted = Optional.empty();

    /**
     * @param program see {@link PowerLossProgram}
     * @param mountPoint its files lie beside it, as numbers, while it is mounted
     */
    PowerLossDisk(Path program, Path mountPoint) {
        this.program = program;
        this.mountPoint = mountPoint;
        this.store = mountPoint.resolveSibling(mountPoint.getFileName() + ".disk");
    }

    boolean isMounted() {
        return mounted.isPresent();
    }

    /** Mounts it, with what the last cut left. */
    void mount() {
        try {
            Files.createDirectories(store);
            Files.createDirectories(mountPoint);
            Process process =
                    new ProcessBuilder(program.toString(), store.toString(), mountPoint.toString())
                            .redirectErrorStream(true)
                            .start();
            BufferedReader answers =
                    new BufferedReader(
                            new InputStreamReader(
                                    process.getInputStream(), StandardCharsets.UTF_8));
            mounted = Optional.of(new Mounted(process, answers));
            String answer = answers.readLine();
            if (!"ready".equals(answer)) {
                throw new ChaosException("cannot mount " + mountPoint + ": " + answer);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot mount " + mountPoint, e);
        }
    }

    /** The power fails; returns before it has. Whoever uses a file gets errors from then on. */
    void cut(long seed) {
        try {
            mounted.orElseThrow()
                    .process()
                    .getOutputStream()
                    .write(("cut " + seed + "\n").getBytes(StandardCharsets.US_ASCII));
            mounted.orElseThrow().process().getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot cut the power of " + mountPoint, e);
        }
    }

    /**
     * After {@link #cut}, and when nobody uses it any more: unmounts it.
     *
     * @return what was lost, for people
     */
    String awaitLoss() throws InterruptedException {
        try {
            String lost = mounted.orElseThrow().answers().readLine();
            awaitEnd();
            if (lost == null || !lost.startsWith("lost ")) {
                throw new ChaosException("the power of " + mountPoint + " was not cut: " + lost);
            }
            Shell.run("umount", "-l", mountPoint.toString());
            return lost;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void awaitEnd() throws InterruptedException {
        Process process = mounted.orElseThrow().process();
        if (!process.waitFor(END_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new ChaosException("the file system at " + mountPoint + " does not end");
        }
        mounted = Optional.empty();
    }

    /** Unmounts it; what was in it is in the mount point, as ordinary files. */
    @Override
    public void close() {
        Optional<Mounted> ending = mounted;
        mounted = Optional.empty();
        ending.ifPresent(
                each -> {
                    try {
                        each.process().getOutputStream().close();
                        each.process().onExit().join();
                    } catch (IOException e) {
                        each.process().destroyForcibly();
                    }
                });
    }
}
