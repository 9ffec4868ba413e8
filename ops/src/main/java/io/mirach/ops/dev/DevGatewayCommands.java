package io.mirach.ops.dev;

import io.mirach.cli.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mirach dev gateway}. */
@Command(
        name = "gateway",
        description = "Kill and start the gateway of the dev cluster, to try failures.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {DevGatewayCommands.Kill.class, DevGatewayCommands.Start.class})
final class DevGatewayCommands {
    @ParentCommand DevCommand dev;

    @Command(
            name = "kill",
            description = "End the gateway at once (SIGKILL), as a power cut would.",
            footer = {"", "Example:", "  mirach dev gateway kill"})
    static final class Kill implements Callable<Integer> {
        @Spec CommandSpec spec;

        @ParentCommand DevGatewayCommands gateway;

        @Override
        public Integer call() throws InterruptedException {
            DevProcess process = gateway.dev.existing().gateway();
            spec.commandLine().getOut().println(DevNodeCommands.killed(process));
            return ExitCode.OK.number();
        }
    }

    @Command(
            name = "start",
            description = "Start the gateway again and wait until it greets NBD clients.",
            footer = {"", "Example:", "  mirach dev gateway start"})
    static final class Start implements Callable<Integer> {
        @Spec CommandSpec spec;

        @ParentCommand DevGatewayCommands gateway;

        @Override
        public Integer call() throws InterruptedException {
            DevCluster cluster = gateway.dev.existing();
            DevProcess process = cluster.gateway();
            DevNodeCommands.requireDown(process);
            cluster.startGateway();
            spec.commandLine().getOut().println(DevNodeCommands.runs(process));
            return ExitCode.OK.number();
        }
    }
}
