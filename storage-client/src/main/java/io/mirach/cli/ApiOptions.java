package io.mirach.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.Json;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Where the cluster is; mixed into every command that asks it something. */
public final class ApiOptions {
    @Spec(Spec.Target.MIXEE)
    CommandSpec mixee;

    @Option(
            names = "--endpoint",
            paramLabel = "NODES",
            description =
                    "HTTP addresses of nodes, HOST:PORT[,HOST:PORT...], tried in turn. Default:"
                            + " MIRACH_ENDPOINT, else the dev cluster.")
    Optional<String> endpoint = Optional.empty();

    @Option(
            names = "--curl",
            description = "Print the same call as a curl command, and do nothing.")
    boolean curl;

    /** The nodes to ask. */
    public List<HttpEndpoint> endpoints() {
        return MirachCommand.contextOf(mixee).endpoints(endpoint);
    }

    /** A client of those nodes. */
    public AdminClient client() {
        return new AdminClient(endpoints());
    }

    /** The call as a command for a POSIX shell, against the first endpoint. */
    String asCurl(AdminCall call) {
        StringBuilder command = new StringBuilder("curl -sS");
        if (!call.isRead()) {
            command.append(" -X ").append(call.method());
        }
        call.body()
                .ifPresent(
                        body ->
                                command.append(" -H 'Content-Type: application/json' -d ")
                                        .append(shellQuoted(json(body))));
        return command + " " + shellQuoted(endpoints().get(0).uri(call.path()).toString());
    }

    private static String json(Object body) {
        try {
            return Json.mapper().writeValueAsString(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + body, e);
        }
    }

    private static String shellQuoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}
