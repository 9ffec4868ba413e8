package io.mirach.ops.chaos;

import io.mirach.admin.NbdUri;
import io.mirach.bench.command.NbdUriParts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A gateway as a process of its own, which offers volumes over NBD by a unix socket. Confined to
 * one thread, except {@link #uri} and {@link #close}.
 */
final class Gateway implements AutoCloseable {
    private static final String NAME = "gateway";

    private final Path launcher;
    private final Path config;
    private final Path log;
    private final Path socket;
    private volatile Optional<Process> process = Optional.empty();
    // Guarded by this.
    private boolean closed;

    /**
     * @param folder for its configuration, state, log and socket
     * @param endpoints of the nodes' HTTP
     */
    Gateway(Path launcher, Path folder, List<String> endpoints) {
        this.launcher = launcher;
        this.config = folder.resolve(NAME + ".yaml");
        this.log = folder.resolve(NAME + ".log");
        this.socket = folder.resolve("nbd.sock");
        try {
            Files.writeString(
                    config,
                    """
                    name: chaos-gateway
                    endpoints: [%s]
                    listen: ["unix://%s"]
                    state-dir: %s
                    auto-attach: true
                    """
                            .formatted(String.join(", ", endpoints), socket, folder.resolve(NAME)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where an export of that name is. */
    NbdUriParts uri(String export) {
        return new NbdUriParts(Optional.of(socket), "", 0, export);
    }

    /** The same as users write it. */
    String uriText(String export) {
        return NbdUri.ofUnixSocket(socket, export);
    }

    /** Whether somebody can connect. */
    boolean isListening() {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            return false;
        }
    }

    void start() {
        ProcessBuilder builder =
                ClusterNode.inBackground(
                        List.of(
                                launcher.toString(),
                                "gateway",
                                "start",
                                "--config",
                                config.toString()),
                        log);
        try {
            synchronized (this) {
                if (closed) {
                    throw new ChaosException("the run was ended");
                }
                process = Optional.of(builder.start());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start the gateway", e);
        }
    }

    /** Fails with {@link ChaosException} if it has ended. */
    void requireAlive() {
        process.filter(one -> !one.isAlive())
                .ifPresent(
                        one -> {
                            throw new ChaosException(
                                    "the gateway ended with exit code "
                                            + one.exitValue()
                                            + "; see "
                                            + log);
                        });
    }

    /** kill -9; returns when it is gone. */
    void kill() {
        process.ifPresent(Process::destroyForcibly);
        process.ifPresent(victim -> victim.onExit().join());
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        kill();
    }
}
