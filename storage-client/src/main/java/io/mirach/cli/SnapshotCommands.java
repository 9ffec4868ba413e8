package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.Routes;
import io.mirach.admin.SnapshotView;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mirach snapshot}. */
@Command(
        name = "snapshot",
        description = "Snapshots: volumes as they were at one moment.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {SnapshotCommands.Create.class, SnapshotCommands.Ls.class})
final class SnapshotCommands {
    private static final Duration CREATE_LIMIT = Duration.ofSeconds(90);
    private static final String FORM = "VOLUME@NAME";

    /** Refuses what no snapshot can be named before anything is sent. */
    static SnapshotName parsed(String text) {
        return SnapshotName.parse(text)
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.INVALID_ARGUMENT,
                                                "'" + text + "' does not name a snapshot")
                                        .withRemedy(
                                                "write "
                                                        + FORM
                                                        + ", each 1 to 63 of a-z 0-9 . _ - that"
                                                        + " begin with a letter or digit"));
    }

    @Command(
            name = "create",
            description = {
                "Take a snapshot of a volume, also while it is used.",
                "It copies nothing, and takes no space until the volume is written to. It is what the"
                        + " disk would be after a power cut at one moment: everything that was"
                        + " acknowledged before the command is in it, and no write without those"
                        + " before it. Read it as the NBD export "
                        + FORM
                        + "."
            },
            footer = {
                "",
                "Examples:",
                "  mirach snapshot create vm1@before-upgrade",
                "  qemu-img convert nbd://HOST:10809/vm1@before-upgrade -O qcow2 vm1.qcow2"
            })
    static final class Create extends ChangeCommand {
        @Parameters(paramLabel = FORM, description = "The volume, and a name for the snapshot.")
        String name;

        private static String of(SnapshotName snapshot) {
            return Routes.path(Routes.VOLUME_SNAPSHOTS, snapshot.volume());
        }

        @Override
        List<AdminCall> requests() {
            SnapshotName snapshot = parsed(name);
            return List.of(
                    AdminCall.post(of(snapshot), new CreateSnapshotRequest(snapshot.name())));
        }

        @Override
        String check(AdminClient client) {
            SnapshotName snapshot = parsed(name);
            if (client.snapshots(snapshot.volume()).stream()
                    .anyMatch(s -> s.name().equals(snapshot.name()))) {
                throw new MirachException(
                        ErrorCode.SNAPSHOT_EXISTS,
                        "there is a snapshot '" + snapshot + "' already");
            }
            return "take snapshot " + snapshot;
        }

        @Override
        void change(AdminClient client, PrintWriter out) throws InterruptedException {
            SnapshotName snapshot = parsed(name);
            SnapshotView taken =
                    client.createSnapshot(
                            snapshot.volume(), new CreateSnapshotRequest(snapshot.name()));
            if (taken.state() == Snapshot.State.SEALING) {
                taken =
                        progress()
                                .watch(
                                        () -> client.snapshot(snapshot),
                                        s -> s.state() != Snapshot.State.SEALING,
                                        s -> "waiting for the placement groups of " + s.volume(),
                                        CREATE_LIMIT);
            }
            if (taken.state() == Snapshot.State.SEALING) {
                throw timedOut("snapshot " + snapshot + " was not ready", CREATE_LIMIT);
            }
            out.println("took snapshot " + snapshot);
        }
    }

    @Command(
            name = "ls",
            description = "List the snapshots, of one volume or of all, the oldest first.",
            footer = {"", "Examples:", "  mirach snapshot ls vm1", "  mirach snapshot ls -o json"})
    static final class Ls extends ReadCommand<List<SnapshotView>> {
        @Parameters(paramLabel = "VOLUME", arity = "0..1", description = "Default: all volumes.")
        String volume = "";

        @Override
        AdminCall request() {
            return AdminCall.get(
                    volume.isEmpty()
                            ? Routes.SNAPSHOTS
                            : Routes.path(
                                    Routes.VOLUME_SNAPSHOTS, VolumeCommands.checkedName(volume)));
        }

        @Override
        List<SnapshotView> fetch(AdminClient client) {
            return volume.isEmpty()
                    ? client.snapshots()
                    : client.snapshots(VolumeCommands.checkedName(volume));
        }

        @Override
        void print(List<SnapshotView> snapshots, PrintWriter out) {
            Table table = new Table("VOLUME", "NAME", ">SIZE", "STATE", "CREATED");
            for (SnapshotView s : snapshots) {
                table.row(
                        s.volume(),
                        s.name(),
                        ByteSize.format(s.sizeBytes()),
                        s.state(),
                        Wording.moment(s.createdAtMs()));
            }
            table.print(out, "");
        }
    }
}
