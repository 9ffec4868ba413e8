package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.PgView;
import io.mirach.admin.Routes;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mirach pg verify}. */
@Command(
        name = "verify",
        description = {
            "Prove that all replicas of a placement group hold the same.",
            "Each replica hashes what it holds as of the same entry of the log, and verifies every"
                    + " block by its checksum. Clients go on meanwhile; 'limits.scrub-rate' of the"
                    + " nodes says how fast it reads. Damaged blocks that are found are repaired"
                    + " from another replica, as ever; nothing else is changed.",
            "Exits with 0 only if every group named is EQUAL."
        },
        footer = {
            "",
            "Examples:",
            "  mirach pg verify pg1",
            "  mirach pg verify all -o json | jq '.[] | select(.verdict != \"EQUAL\")'"
        })
final class PgVerifyCommand extends ReadCommand<List<VerificationView>> {
    static final String ALL = "all";
    private static final int DIGEST_CHARS = 12;
    // So long a replica that is behind may stand still.
    private static final Duration STILL_LIMIT = Duration.ofSeconds(30);

    @Parameters(paramLabel = "PG", description = "E.g. pg1; or 'all': one after the other.")
    String group;

    @Override
    AdminCall request() {
        if (group.equals(ALL)) {
            if (!api.curl) {
                return AdminCall.get(Routes.PGS);
            }
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "'all' is more than one call of the API")
                    .withRemedy("give --curl with one placement group");
        }
        return AdminCall.post(Routes.verify(number(group)));
    }

    /** The placement group that a user names. */
    static int number(String group) {
        try {
            int number = Integer.parseInt(group.startsWith("pg") ? group.substring(2) : group);
            if (number > 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw noGroup(group, e);
        }
        throw noGroup(group, null);
    }

    private static MirachException noGroup(String group, Throwable cause) {
        return new MirachException(
                        ErrorCode.INVALID_ARGUMENT,
                        "'" + group + "' is not a placement group",
                        cause)
                .withRemedy("name one of 'mirach pg ls', e.g. pg1, or 'all'");
    }

    @Override
    List<VerificationView> fetch(AdminClient client) throws InterruptedException {
        List<Integer> groups =
                group.equals(ALL)
                        ? client.placementGroups().stream()
                                .map(PgView::id)
                                .filter(id -> id > 0)
                                .toList()
                        : List.of(number(group));
        Progress progress =
                new Progress(spec.commandLine().getErr(), MirachCommand.contextOf(spec).clock());
        List<VerificationView> views = new ArrayList<>();
        for (int each : groups) {
            views.add(verify(client, each, progress));
        }
        return views;
    }

    private static VerificationView verify(AdminClient client, int pg, Progress progress)
            throws InterruptedException {
        VerificationOrder order = client.verify(pg);
        VerificationView view = client.verification(order);
        while (!view.settled()) {
            progress.tell(wording(view));
            VerificationView before = view;
            view =
                    progress.watch(
                            () -> client.verification(order),
                            now -> now.settled() || !now.equals(before),
                            PgVerifyCommand::wording,
                            STILL_LIMIT);
            // One that runs may wait for its turn; one that is behind may never come.
            if (view.equals(before) && !has(view, State.RUNNING)) {
                return view;
            }
        }
        return view;
    }

    private static boolean has(VerificationView view, State state) {
        return view.replicas().stream().anyMatch(replica -> replica.state() == state);
    }

    private static String wording(VerificationView view) {
        boolean counted = view.replicas().stream().anyMatch(r -> r.totalBlocks() > 0);
        // In tens, so that it is a few lines.
        return "verifying pg"
                + view.pg()
                + (counted ? ": " + 10 * (view.donePercent() / 10) + " %" : "");
    }

    @Override
    void print(List<VerificationView> views, PrintWriter out) {
        Table table = new Table("PG", "NODE", "RESULT", ">ENTRY", ">BLOCKS", "DIGEST");
        for (VerificationView view : views) {
            for (VerificationView.Result replica : view.replicas()) {
                table.row(
                        "pg" + view.pg(),
                        replica.node(),
                        replica.state().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                        replica.index() < 0 ? "" : replica.index(),
                        replica.doneBlocks(),
                        replica.sha256()
                                .substring(0, Math.min(DIGEST_CHARS, replica.sha256().length())));
            }
        }
        table.print(out, "");
        for (VerificationView view : views) {
            out.println();
            out.println("pg" + view.pg() + ": " + view.verdict());
            for (VerificationView.Result replica : view.replicas()) {
                if (!replica.detail().isEmpty()) {
                    out.println("  " + replica.node() + ": " + replica.detail());
                }
            }
            String remedy = remedy(view);
            if (!remedy.isEmpty()) {
                out.println("  remedy: " + remedy);
            }
        }
    }

    private static String remedy(VerificationView view) {
        return switch (view.verdict()) {
            case EQUAL -> "";
            case INCOMPLETE ->
                    "see 'mirach status' and 'mirach pg ls'; once all members are up and caught up,"
                            + " repeat the command";
            case DAMAGED ->
                    "the disk of "
                            + nodes(view, State.DAMAGED)
                            + " may be failing: look at its log. Damaged blocks are not served from"
                            + " there, and repaired from another replica: repeat the command";
            case DIFFERENT ->
                    "'mirach pg scrub pg"
                            + view.pg()
                            + "' has a replica made anew that differs from a majority. No ordinary"
                            + " failure leads to this: to find out why, keep a copy of the data"
                            + " dir of "
                            + nodes(view, State.DIFFERENT);
        };
    }

    private static String nodes(VerificationView view, State state) {
        return view.replicas().stream()
                .filter(replica -> replica.state() == state)
                .map(VerificationView.Result::node)
                .collect(Collectors.joining(", "));
    }

    @Override
    ExitCode exitCode(List<VerificationView> views) {
        return views.stream().allMatch(view -> view.verdict() == Verdict.EQUAL)
                ? ExitCode.OK
                : ExitCode.UNHEALTHY;
    }
}
