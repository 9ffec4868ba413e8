package io.mirach.ops.dev;

import io.mirach.cli.ExitCode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mirach dev node}. */
@Command(
        name = "node",
        description = "Kill and start single nodes of the dev cluster, to try failures.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DevNodeCommands.Kill.class,
            DevNodeCommands.Start.class,
            DevNodeCommands.Restart.class
        })
final class DevNodeCommands {
    @ParentCommand DevCommand dev;

    @Command(
            name = "kill",
            description = "End a node at once (SIGKILL), as a power cut would.",
            footer = {"", "Example:", "  mirach dev node kill 2"})
    static final class Kill implements Callable<Integer> {
        @Spec CommandSpec spec;

        @ParentCommand DevNodeCommands node;

        @Parameters(paramLabel = "N", description = "The node's number, from 1.")
        int number;

        @Override
        public Integer call() throws InterruptedException {
            DevProcess process = node.dev.existing().node(number);
            spec.commandLine().getOut().println(killed(process));
            return ExitCode.OK.number();
        }
    }

    @Command(
            name = "start",
            description = "Start a node again and wait until it answers.",
            footer = {"", "Example:", "  mirach dev node start 2"})
    static final class Start implements Callable<Integer> {
        @Spec CommandSpec spec;

        @ParentCommand DevNodeCommands node;

        @Parameters(paramLabel = "N", description = "The node's number, from 1.")
        int number;

        @Override
        public Integer call() throws InterruptedException {
            DevCluster cluster = node.dev.existing();
            DevProcess process = cluster.node(number);
            requireDown(process);
            cluster.startNode(number);
            spec.commandLine().getOut().println(runs(process));
            return ExitCode.OK.number();
        }
    }

    @Command(
            name = "restart",
            description = "Ask a node to end (SIGTERM), start it again and wait until it answers.",
            footer = {"", "Example:", "  mirach dev node restart 2"})
    static final class Restart implements Callable<Integer> {
        @Spec CommandSpec spec;

        @ParentCommand DevNodeCommands node;

        @Parameters(paramLabel = "N", description = "The node's number, from 1.")
        int number;

        @Override
        public Integer call() throws InterruptedException {
            DevCluster cluster = node.dev.existing();
            cluster.restartNode(number);
            spec.commandLine().getOut().println(runs(cluster.node(number)));
            return ExitCode.OK.number();
        }
    }

    static String killed(DevProcess process) throws InterruptedException {
        Optional<Long> pid = process.kill();
        return pid.map(p -> "killed " + process.name() + ", pid " + p)
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.CONFLICT,
                                                process.name() + " does not run")
                                        .withRemedy("see what runs with 'mirach dev --detach'"));
    }

    static void requireDown(DevProcess process) {
        process.running()
                .ifPresent(
                        p -> {
                            throw new MirachException(
                                            ErrorCode.CONFLICT,
                                            process.name() + " runs already, pid " + p.pid())
                                    .withRemedy("kill it first");
                        });
    }

    static String runs(DevProcess process) {
        return process.name() + " runs" + process.running().map(p -> ", pid " + p.pid()).orElse("");
    }
}
