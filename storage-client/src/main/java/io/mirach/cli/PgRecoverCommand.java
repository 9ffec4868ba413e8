package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.ErrorView;
import io.mirach.admin.PgView;
import io.mirach.admin.RecoverRequest;
import io.mirach.admin.RecoveryView;
import io.mirach.admin.Routes;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach pg recover}. */
@Command(
        name = "recover",
        description = {
            "Let a placement group that lost its majority for good go on from one replica.",
            "What only the lost replicas had is lost: acknowledged writes too, in blocks all over"
                    + " the volumes that use the group. Bring the nodes or their disks back if there"
                    + " is any way to; ops/NODES.md says what to try. The nodes that are gone must be"
                    + " off, not just out of reach.",
            "It says what is left and asks. It is refused while a majority is there. The other"
                    + " replicas are made anew by the cluster; old ones that come back serve"
                    + " nothing, and are kept until --discard-old."
        },
        footer = {
            "",
            "Examples:",
            "  mirach pg recover pg3 --dry-run",
            "  mirach pg recover pg3 --accept-data-loss",
            "  mirach pg recover pg3 --accept-data-loss --from node-2 --yes",
            "  mirach pg recover pg3 --discard-old"
        })
final class PgRecoverCommand extends ChangeCommand {
    private static final Duration TAKE_OVER_TIMEOUT = Duration.ofMinutes(10);

    @Parameters(paramLabel = "PG", description = "E.g. pg3.")
    String group;

    @Option(
            names = "--accept-data-loss",
            description = "Needed: what only the lost replicas had is lost.")
    boolean acceptDataLoss;

    @Option(
            names = "--from",
            paramLabel = "NODE",
            description = "Whose replica to go on from; by default the furthest that is heard.")
    Optional<String> from = Optional.empty();

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Option(
            names = "--discard-old",
            description =
                    "After a recovery, when all is checked: delete what the group was before, and"
                            + " tell of it no more in 'mirach status'.")
    boolean discardOld;

    private int number() {
        return PgVerifyCommand.number(group);
    }

    private String name() {
        return "pg" + number();
    }

    @Override
    List<AdminCall> requests() {
        if (discardOld && (acceptDataLoss || from.isPresent())) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "--discard-old comes after a recovery, and takes no other options of"
                                    + " one")
                    .withRemedy("mirach pg recover " + name() + " --discard-old");
        }
        if (discardOld) {
            return List.of(AdminCall.delete(Routes.recovery(number())));
        }
        if (!acceptDataLoss && !dryRun) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "what only the lost replicas of "
                                    + name()
                                    + " had is lost by this: look with --dry-run, and say that you"
                                    + " accept it")
                    .withRemedy("mirach pg recover " + name() + " --accept-data-loss");
        }
        return List.of(AdminCall.post(Routes.recovery(number()), new RecoverRequest(from, true)));
    }

    @Override
    String check(AdminClient client) {
        if (discardOld) {
            return "delete what " + name() + " was before its recovery" + leftOn(found(client));
        }
        RecoveryView view = client.recovery(number(), from);
        if (view.refusal().isPresent()) {
            RecoveryView.Refusal why = view.refusal().get();
            throw new ErrorView(why.code(), why.detail(), why.remedy()).toException();
        }
        StringBuilder text = new StringBuilder();
        text.append("recover ")
                .append(name())
                .append(" from the replica on ")
                .append(view.survivor().orElseThrow())
                .append("\n");
        for (RecoveryView.ReplicaLeft replica : view.replicas()) {
            text.append("  ")
                    .append(replica.node())
                    .append(": ")
                    .append(replica.state())
                    .append(
                            replica.appliedIndex() < 0
                                    ? ""
                                    : ", applied entry " + replica.appliedIndex())
                    .append("\n");
        }
        text.append("  newest entry that anybody is known to have had: ")
                .append(view.newestIndex() < 0 ? "unknown" : view.newestIndex())
                .append("; known to be missing: ")
                .append(view.missingEntries())
                .append(", less what its log holds; nobody may be left to tell of more\n")
                .append("  volumes that use it, to be checked afterwards: ")
                .append(view.volumes().isEmpty() ? "none" : String.join(", ", view.volumes()))
                .append("\n ");
        return text.toString();
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        String what = check(client);
        if (discardOld) {
            client.discardReplaced(number());
            out.println(
                    "what "
                            + name()
                            + " was before its recovery is deleted once the group is whole");
            return;
        }
        if (!yes) {
            confirm(what);
        }
        client.recover(number(), new RecoverRequest(from, true));
        PgView last =
                progress()
                        .watch(
                                () -> found(client),
                                pg -> pg.state() != PgView.Condition.RECOVERING,
                                pg ->
                                        "waiting for node "
                                                + pg.recovery()
                                                        .map(PgView.Recovery::survivor)
                                                        .orElse("?")
                                                + " to take over",
                                TAKE_OVER_TIMEOUT);
        if (last.state() == PgView.Condition.RECOVERING) {
            throw timedOut(name() + " was not taken over", TAKE_OVER_TIMEOUT);
        }
        out.println(
                name()
                        + " goes on from the replica on "
                        + last.recovery().map(PgView.Recovery::survivor).orElse("?")
                        + "; check the volumes that use it, see 'mirach pg ls --watch' for the"
                        + " other replicas");
    }

    private void confirm(String what) {
        PrintWriter err = spec.commandLine().getErr();
        err.println("This will " + what.stripTrailing());
        err.print("What only the lost replicas had is lost. Type " + name() + " to go on: ");
        err.flush();
        String answer;
        try {
            // Not closed: it is the process's.
            answer =
                    new BufferedReader(
                                    new InputStreamReader(
                                            MirachCommand.contextOf(spec).input(),
                                            StandardCharsets.UTF_8))
                            .readLine();
        } catch (IOException e) {
            answer = null;
        }
        if (answer == null || !answer.strip().equals(name())) {
            err.println();
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "not confirmed: nothing is changed")
                    .withRemedy("answer '" + name() + "', or give --yes");
        }
    }

    private PgView found(AdminClient client) {
        return client.placementGroups().stream()
                .filter(pg -> pg.id() == number())
                .findFirst()
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                                                "there is no " + name())
                                        .withRemedy("mirach pg ls"));
    }

    private static String leftOn(PgView pg) {
        List<String> nodes = pg.recovery().map(PgView.Recovery::leftOn).orElse(List.of());
        return nodes.isEmpty() ? "" : ", on " + String.join(", ", nodes);
    }
}
