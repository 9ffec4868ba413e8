package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A command that changes the cluster. Progress goes to standard error, the result to output. */
abstract class ChangeCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Mixin ApiOptions api;

    @Option(
            names = "--dry-run",
            description = "Check against the cluster and say what would be done; change nothing.")
    boolean dryRun;

    /** The calls that {@code --curl} prints: what the command sends if nothing is in its way. */
    abstract List<AdminCall> requests();

    /**
     * Fails as the change would, as far as that can be seen beforehand; says what would be done.
     */
    abstract String check(AdminClient client);

    /** Makes the change and waits until it has taken effect. */
    abstract void change(AdminClient client, PrintWriter out) throws InterruptedException;

    @Override
    public final Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        // Made first, so that a wrong argument is told before a missing cluster.
        List<AdminCall> calls = requests();
        if (api.curl) {
            calls.forEach(call -> out.println(api.asCurl(call)));
        } else if (dryRun) {
            out.println("would " + check(api.client()) + "; nothing is changed (--dry-run)");
        } else {
            change(api.client(), out);
        }
        out.flush();
        return ExitCode.OK.number();
    }

    final Progress progress() {
        return new Progress(spec.commandLine().getErr(), MirachCommand.contextOf(spec).clock());
    }

    static MirachException timedOut(String what, Duration limit) {
        return new MirachException(ErrorCode.TIMEOUT, what + " within " + limit.toSeconds() + " s")
                .withRemedy("see 'mirach status'; the order stands, so it may yet happen");
    }
}
