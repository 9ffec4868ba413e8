package io.mirach.server.node;

import io.mirach.cli.ExitCode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.store.StoreException;
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
            "It ends itself with exit code 8 when its disk fails.",
            "A new one serves HTTP only, until 'mirach cluster init' makes it a member of a"
                    + " cluster. SIGTERM and Ctrl-C stop it cleanly."
        },
        footer = {"", "Example:", "  mirach node start --config /etc/mirach/node.yaml"})
final class NodeStartCommand implements Callable<Integer> {
    // As the operating system says it; Java and RocksDB pass it on.
    private static final String NO_SPACE = "No space left on device";

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
                            read, (what, cause) -> failure.complete(what + ": " + rootOf(cause)));
        } catch (IOException | StoreException e) {
            String why = e.getMessage();
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "node '" + read.name() + "' cannot start: " + why,
                            e)
                    .withRemedy(
                            isForRoom(why)
                                    ? remedy(why)
                                    : "free the address or the disk, or change " + config);
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
        err.println("remedy: " + remedy(why));
        err.flush();
        // Not closed: after a failed fsync nothing that this process writes is to be trusted, and
        // the disk may hang. To the others, and at the next start, it is as kill -9.
        Runtime.getRuntime().halt(ExitCode.NODE_FAILED.number());
        return ExitCode.NODE_FAILED.number();
    }

    private static boolean isForRoom(String why) {
        return why.contains(NO_SPACE);
    }

    static String remedy(String why) {
        return isForRoom(why)
                ? "free space on that disk, of files that are not Mirach's; then start the node"
                        + " again"
                : "look for the disk's errors in the system's log (dmesg); once the disk is sound,"
                        + " start the node again";
    }

    /** What the operating system said, without the layers that passed it on. */
    private static String rootOf(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getMessage() == null ? root.toString() : root.getMessage();
    }
}
