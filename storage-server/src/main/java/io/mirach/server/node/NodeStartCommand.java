package io.mirach.server.node;

import io.mirach.cli.ExitCode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mirach node start}: runs a storage node until it is told to stop. */
@Command(
        name = "start",
        description = {
            "Run a storage node in the foreground.",
            "A new one serves HTTP only, until 'mirach cluster init' makes it a member of a"
                    + " cluster. SIGTERM and Ctrl-C stop it cleanly."
        },
        footer = {"", "Example:", "  mirach node start --config /etc/mirach/node.yaml"})
final class NodeStartCommand implements Callable<Integer> {
    // A disk that hangs must not keep a node that has failed from ending.
    private static final long CLOSE_LIMIT_MS = 10_000;

    @Spec CommandSpec spec;

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            required = true,
            description = "Its configuration, in YAML.")
    Path config;

    @Override
    public Integer call() {
        NodeConfig read = NodeConfigFile.read(config);
        CompletableFuture<String> failure = new CompletableFuture<>();
        NodeProcess node;
        try {
            node =
                    NodeProcess.start(
                            read,
                            (what, cause) -> failure.complete(what + ": " + cause.getMessage()));
        } catch (IOException e) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "node '" + read.name() + "' cannot start: " + e.getMessage(),
                            e)
                    .withRemedy("free the address or the disk, or change " + config);
        }
        Thread stop =
                new Thread(
                        () -> {
                            node.close();
                            // Told to stop, and it has: the signal is no failure.
                            Runtime.getRuntime().halt(ExitCode.OK.number());
                        },
                        "mirach-stop");
        Runtime.getRuntime().addShutdownHook(stop);
        String why = failure.join();
        try {
            Runtime.getRuntime().removeShutdownHook(stop);
        } catch (IllegalStateException stoppingAlready) {
            // Told to stop at the same moment: that goes on, and ends the process.
            return ExitCode.FAILED.number();
        }
        PrintWriter err = spec.commandLine().getErr();
        err.println("error: " + ErrorCode.INTERNAL + ": node '" + read.name() + "' ends: " + why);
        err.println("remedy: see its log; when the disk is sound, start it again");
        err.flush();
        closeInTime(node);
        return ExitCode.FAILED.number();
    }

    private static void closeInTime(NodeProcess node) {
        Thread closing = new Thread(node::close, "mirach-close");
        closing.setDaemon(true);
        closing.start();
        try {
            closing.join(CLOSE_LIMIT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
