package io.mirach.gateway;

import io.mirach.cli.ExitCode;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mirach gateway start}, below the {@code gateway} of the CLI. */
@Command(
        name = "gateway",
        description = "Show and run NBD gateways.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = GatewayCommand.Start.class)
final class GatewayCommand {
    @Command(
            name = "start",
            description = {
                "Run the NBD gateway of this host until it is told to end (SIGTERM).",
                "It serves what 'mirach attach' orders and, with auto-attach, every volume by name."
            },
            footer = {"", "Example:", "  mirach gateway start --config /etc/mirach/gateway.yaml"})
    static final class Start implements Callable<Integer> {
        @Spec CommandSpec spec;

        @Option(
                names = "--config",
                required = true,
                paramLabel = "FILE",
                description = "YAML: name, endpoints, listen, state-dir, auto-attach, limits.")
        Path config;

        private final ClusterConnector connector;

        Start() {
            this(ClusterConnections::connect);
        }

        Start(ClusterConnector connector) {
            this.connector = connector;
        }

        @Override
        public Integer call() throws InterruptedException {
            GatewayProcess gateway =
                    GatewayProcess.start(GatewayConfigFile.read(config), connector);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> endProcess(gateway), "shutdown"));
            spec.commandLine()
                    .getOut()
                    .println("serving " + String.join(" and ", gateway.nbdUris()));
            spec.commandLine().getOut().flush();
            gateway.awaitClosed();
            return exitCode(gateway).number();
        }

        private static ExitCode exitCode(GatewayProcess gateway) {
            return gateway.closedCleanly() ? ExitCode.OK : ExitCode.FAILED;
        }

        /** A JVM that a signal ends would exit with the signal's number, however clean the end. */
        private static void endProcess(GatewayProcess gateway) {
            gateway.close();
            Runtime.getRuntime().halt(exitCode(gateway).number());
        }
    }
}
