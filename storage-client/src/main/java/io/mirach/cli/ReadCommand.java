package io.mirach.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * A command that shows something and changes nothing.
 *
 * @param <T> what the admin API answers
 */
abstract class ReadCommand<T> implements Callable<Integer> {
    private static final String CLEAR_SCREEN = "\033[H\033[2J";

    /** How a read shows its answer. */
    enum Output {
        TABLE,
        JSON,
        YAML
    }

    @Spec CommandSpec spec;

    @Mixin ApiOptions api;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "table, json or yaml; default: ${DEFAULT-VALUE}.")
    Output output;

    @Option(
            names = {"-w", "--watch"},
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "2",
            defaultValue = "0",
            description = "Show again every 2 seconds, or as often as given, until Ctrl-C.")
    int watchSeconds;

    /** The call that {@code --curl} prints. */
    abstract AdminCall request();

    abstract T fetch(AdminClient client) throws InterruptedException;

    abstract void print(T answer, PrintWriter out);

    /** What to exit with when the answer came. */
    ExitCode exitCode(T answer) {
        return ExitCode.OK;
    }

    final long nowMs() {
        return MirachCommand.contextOf(spec).clock().currentTimeMs();
    }

    @Override
    public final Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        if (watchSeconds < 0) {
            throw new ParameterException(
                    spec.commandLine(), "--watch needs a positive number of seconds");
        }
        AdminCall call = request();
        if (api.curl) {
            out.println(api.asCurl(call));
            out.flush();
            return ExitCode.OK.number();
        }
        AdminClient client = api.client();
        if (watchSeconds > 0) {
            watch(client, out);
        }
        T answer = fetch(client);
        show(answer, out);
        return exitCode(answer).number();
    }

    /** Ends by Ctrl-C, or when the thread is interrupted. */
    private void watch(AdminClient client, PrintWriter out) throws InterruptedException {
        CliContext context = MirachCommand.contextOf(spec);
        while (true) {
            StringWriter screen = new StringWriter();
            PrintWriter page = new PrintWriter(screen);
            try {
                show(fetch(client), page);
            } catch (MirachException e) {
                // The one who watches wants to see it come back.
                MirachCli.printError(page, e.code().name(), e.getMessage());
                page.flush();
            }
            out.print(context.terminal() ? CLEAR_SCREEN + screen : screen + "\n");
            out.flush();
            context.clock().pause(Duration.ofSeconds(watchSeconds));
        }
    }

    private void show(T answer, PrintWriter out) {
        switch (output) {
            case TABLE -> print(answer, out);
            case JSON -> out.println(json(answer));
            case YAML -> out.print(yaml(answer));
        }
        out.flush();
    }

    private static String json(Object answer) {
        try {
            return Json.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(answer);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + answer, e);
        }
    }

    private static String yaml(Object answer) {
        YAMLMapper yaml =
                YAMLMapper.builder()
                        .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                        .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
                        .build();
        JsonNode tree = Json.mapper().valueToTree(answer);
        try {
            return yaml.writeValueAsString(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + answer, e);
        }
    }
}
