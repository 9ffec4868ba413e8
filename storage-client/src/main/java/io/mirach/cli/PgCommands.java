package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.PgView;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** {@code mirach pg}. */
@Command(
        name = "pg",
        description = "Placement groups: the Raft groups that hold the blocks.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            PgCommands.Ls.class,
            PgScrubCommand.class,
            PgVerifyCommand.class,
            PgRecoverCommand.class
        })
final class PgCommands {
    @Command(
            name = "ls",
            description = {
                "List the placement groups with leader, term, applied index and members.",
                "A member shows how many entries it is behind the leader. When the leader's log no"
                        + " longer holds what it lacks, its state is copied from the leader:"
                        + " 'backfill', how much of it, how fast, and the time left. Damaged blocks"
                        + " are not served from a member, and repaired from another one.",
                "A group that had lost its majority for good and was recovered shows when; see 'mirach"
                        + " pg recover'.",
                "SCRUBBED: how long ago every block was read and found intact, and the members"
                        + " were found equal, as of 'scrub-every' of the nodes."
            },
            footer = {
                "",
                "Examples:",
                "  mirach pg ls",
                "  mirach pg ls -o json | jq '.[].leader'"
            })
    static final class Ls extends ReadCommand<List<PgView>> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.PGS);
        }

        @Override
        List<PgView> fetch(AdminClient client) {
            return client.placementGroups();
        }

        @Override
        void print(List<PgView> pgs, PrintWriter out) {
            Table table =
                    new Table("PG", "STATE", "LEADER", ">TERM", ">APPLIED", "SCRUBBED", "MEMBERS");
            for (PgView pg : pgs) {
                table.row(
                        pg.id() == 0 ? "meta" : "pg" + pg.id(),
                        pg.state() + recovered(pg),
                        pg.leader().orElse(""),
                        pg.term(),
                        pg.appliedIndex(),
                        pg.id() == 0 ? "" : scrubbed(pg.scrub()),
                        pg.members().stream().map(Ls::member).collect(Collectors.joining(", ")));
            }
            table.print(out, "");
        }

        private static String recovered(PgView pg) {
            return pg.recovery()
                    .map(recovery -> Instant.ofEpochMilli(recovery.orderedAtMs()))
                    .map(at -> ", recovered " + at.truncatedTo(ChronoUnit.SECONDS))
                    .orElse("");
        }

        private String scrubbed(PgView.Scrub scrub) {
            if (scrub.finding().isPresent()) {
                return "different";
            }
            if (scrub.percent().isPresent()) {
                return "now " + scrub.percent().getAsInt() + " %";
            }
            long nowMs = MirachCommand.contextOf(spec).clock().currentTimeMs();
            String ago =
                    scrub.doneAtMs() == 0
                            ? "never"
                            : Wording.age(Math.max(0, nowMs - scrub.doneAtMs()));
            return scrub.ordered() ? ago + ", soon" : ago;
        }

        private static String member(PgView.Member member) {
            String condition;
            if (member.lostBecause().isPresent()) {
                condition = "lost";
            } else if (member.backfill().isPresent()) {
                condition = Wording.of(member.backfill().get());
            } else if (member.incoming()) {
                condition = "moves in";
            } else if (member.needsBackfill()) {
                condition = "needs backfill";
            } else if (!member.damage().intact()) {
                condition =
                        member.damage().beyondRepair().isPresent()
                                ? "damaged"
                                : member.damage().blocks() + " blocks damaged";
            } else if (member.role().equals("LEADER")) {
                condition = "leader";
            } else if (!member.role().equals("FOLLOWER")) {
                condition = member.role().toLowerCase(Locale.ROOT);
            } else if (member.lagEntries() > 0) {
                condition = member.lagEntries() + " behind";
            } else {
                return member.node();
            }
            return member.node() + " (" + condition + ")";
        }
    }
}
