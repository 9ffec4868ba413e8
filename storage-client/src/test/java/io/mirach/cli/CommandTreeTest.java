package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

class CommandTreeTest {
    private static final CliContext CONTEXT =
            CliRun.context(Map.of(), Path.of("/nonexistent"), new FakeClock());

    @Command(name = "node", description = "Not shown.", subcommands = Start.class)
    static final class MoreNodeCommands {}

    @Command(name = "start", aliases = "run", description = "Start it.", subcommands = Deeper.class)
    static final class Start implements Callable<Integer> {
        @Spec CommandSpec spec;

        @Override
        public Integer call() {
            spec.commandLine().getOut().println("started under " + spec.qualifiedName());
            return 0;
        }
    }

    @Command(name = "deeper")
    static final class Deeper implements Callable<Integer> {
        @Spec CommandSpec spec;

        @Override
        public Integer call() {
            throw new MirachException(
                    ErrorCode.NO_SPACE, MirachCommand.contextOf(spec).home().toString());
        }
    }

    @Command(name = "status")
    static final class SecondStatus implements Callable<Integer> {
        @Override
        public Integer call() {
            return 0;
        }
    }

    private static CliRun run(String... args) {
        return CliRun.of(CONTEXT, List.of(() -> List.of(new MoreNodeCommands())), args);
    }

    @Test
    void contributedSubcommandsJoinTheGroupOfTheSameName() {
        CliRun help = run("node", "--help");
        assertThat(help.out())
                .contains("ls ", "start, run", "Storage nodes.")
                .doesNotContain("Not shown.");
        assertThat(run("node", "start").out()).isEqualTo("started under mirach node start\n");
        assertThat(run("node", "run").exitCode()).isZero();
    }

    @Test
    void contributedCommandsGetHelpContextAndErrorsAsOwnOnesDo() {
        assertThat(run("node", "start", "--help").out()).contains("Usage: mirach node start");
        CliRun deeper = run("node", "start", "deeper");
        assertThat(deeper.exitCode()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(deeper.err())
                .isEqualTo(
                        "error: NO_SPACE: /nonexistent\n"
                                + "remedy: see where it is full with 'mirach df'\n");
        assertThat(run("--debug", "node", "start", "deeper").err()).contains("at io.mirach.cli.");
        assertThat(run("node", "start", "deeper", "--debug").err()).contains("at io.mirach.cli.");
    }

    @Test
    void aNewNameStandsBelowTheRoot() {
        List<CommandProvider> providers = List.of(() -> List.of(new Start()));
        assertThat(CliRun.of(CONTEXT, providers, "start").out())
                .isEqualTo("started under mirach start\n");
    }

    @Test
    void twoLeavesOfOneNameAreADefect() {
        List<CommandProvider> providers = List.of(() -> List.of(new SecondStatus()));
        assertThatThrownBy(() -> MirachCli.commandLine(CONTEXT, providers))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("mirach status")
                .hasMessageContaining(SecondStatus.class.getName());
    }

    private static Set<String> builtFor(String... args) {
        return MirachCli.commandLineFor(
                        args, CONTEXT, List.of(() -> List.of(new MoreNodeCommands(), new Start())))
                .getSubcommands()
                .keySet();
    }

    @Test
    void onlyTheNamedCommandIsBuilt() {
        assertThat(builtFor("status", "--help")).containsExactly("status");
        assertThat(builtFor("start")).containsExactly("start", "run");
        CommandLine node =
                MirachCli.commandLineFor(
                                new String[] {"node", "ls"},
                                CONTEXT,
                                List.of(() -> List.of(new MoreNodeCommands())))
                        .getSubcommands()
                        .get("node");
        assertThat(node.getSubcommands()).containsKeys("ls", "start");
    }

    @Test
    void whatMayNeedOtherCommandsGetsThemAll() {
        Set<String> all =
                MirachCli.commandLine(
                                CONTEXT,
                                List.of(() -> List.of(new MoreNodeCommands(), new Start())))
                        .getSubcommands()
                        .keySet();
        for (String[] args :
                new String[][] {
                    {},
                    {"--help"},
                    {"--debug", "status"},
                    {"help", "node"},
                    {"completion"},
                    {"statsu"}
                }) {
            assertThat(builtFor(args)).as(String.join(" ", args)).isEqualTo(all);
        }
    }
}
