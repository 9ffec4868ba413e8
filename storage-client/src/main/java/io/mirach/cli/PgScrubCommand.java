package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.PgView;
import io.mirach.admin.Routes;
import io.mirach.admin.ScrubRequest;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach pg scrub}. */
@Command(
        name = "scrub",
        description = {
            "Read every block of a placement group on all its nodes, compare them, and put right"
                    + " what is not well.",
            "The cluster does so by itself, as 'scrub-every' of the nodes says (7d); this does not"
                    + " wait for it. A damaged block is repaired from another replica; a replica"
                    + " that differs from a majority is discarded and made anew.",
            "It begins once all replicas are there and current. 'limits.scrub-rate' says how fast"
                    + " each node reads. Waits until all is well; interrupted, the order stands."
        },
        footer = {"", "Examples:", "  mirach pg scrub pg1", "  mirach pg scrub all --no-wait"})
final class PgScrubCommand extends ChangeCommand {
    @Parameters(paramLabel = "PG", description = "E.g. pg1; or 'all'.")
    String group;

    @Option(names = "--no-wait", description = "Only give the order; see 'mirach pg ls'.")
    boolean noWait;

    private ScrubRequest body() {
        return new ScrubRequest(
                group.equals(PgVerifyCommand.ALL)
                        ? List.of()
                        : List.of(PgVerifyCommand.number(group)));
    }

    @Override
    List<AdminCall> requests() {
        return List.of(AdminCall.post(Routes.PGS_SCRUB, body()));
    }

    @Override
    String check(AdminClient client) {
        List<PgView> groups = groups(client);
        if (groups.isEmpty()) {
            throw new MirachException(ErrorCode.NO_SUCH_PLACEMENT_GROUP, "there is no " + group)
                    .withRemedy("mirach pg ls");
        }
        return "scrub "
                + groups.stream().map(pg -> "pg" + pg.id()).collect(Collectors.joining(", "));
    }

    private List<PgView> groups(AdminClient client) {
        List<Integer> named = body().pgs();
        return client.placementGroups().stream()
                .filter(pg -> pg.id() > 0)
                .filter(pg -> named.isEmpty() || named.contains(pg.id()))
                .toList();
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        client.scrub(body());
        if (noWait) {
            out.println("the order is given; look with 'mirach pg ls'");
            return;
        }
        // As long as it takes: it depends on how much there is.
        List<PgView> last =
                progress()
                        .watch(
                                () -> groups(client),
                                groups -> groups.stream().allMatch(PgScrubCommand::hasEnded),
                                PgScrubCommand::wording,
                                Duration.ofDays(365));
        for (PgView pg : last) {
            if (pg.scrub().finding().isEmpty()) {
                out.println("pg" + pg.id() + ": all blocks are intact, all replicas are equal");
            }
        }
        out.flush();
        for (PgView pg : last) {
            if (pg.scrub().finding().isPresent()) {
                throw new MirachException(
                                ErrorCode.CHECKSUM_MISMATCH,
                                "pg" + pg.id() + ": " + pg.scrub().finding().get())
                        .withRemedy("mirach pg verify pg" + pg.id());
            }
        }
    }

    private static boolean hasEnded(PgView pg) {
        return !pg.scrub().ordered() || pg.scrub().finding().isPresent();
    }

    private static String wording(List<PgView> groups) {
        List<PgView> left = groups.stream().filter(pg -> !hasEnded(pg)).toList();
        String under =
                left.stream()
                        .filter(pg -> pg.scrub().percent().isPresent())
                        // In tens, so that it is a few lines.
                        .map(
                                pg ->
                                        "pg"
                                                + pg.id()
                                                + " "
                                                + 10 * (pg.scrub().percent().getAsInt() / 10)
                                                + " %")
                        .collect(Collectors.joining(", "));
        return "scrubbing, "
                + left.size()
                + " of "
                + groups.size()
                + " left"
                + (under.isEmpty() ? "" : ": " + under);
    }
}
