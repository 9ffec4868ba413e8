package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AttachmentView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.ExportView;
import io.mirach.admin.Routes;
import io.mirach.admin.VolumeView;
import io.mirach.model.Volume;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach volume}. */
@Command(
        name = "volume",
        description = "Volumes: the disks that virtual machines use.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            VolumeCommands.Create.class,
            VolumeCommands.Ls.class,
            VolumeCommands.Show.class,
            VolumeSetCommand.class,
            VolumeCommands.Rm.class
        })
final class VolumeCommands {
    private static final Duration CREATE_LIMIT = Duration.ofSeconds(60);
    static final String STRICT_READS =
            "Ask a majority of the nodes before each read instead of trusting clocks: for nodes in"
                    + " virtual machines that may be suspended. Reads become slower.";

    /** Refuses a name that no volume can have before anything is sent. */
    static String checkedName(String name) {
        if (!VolumeName.isValid(name)) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "'" + name + "' is not a volume name")
                    .withRemedy("use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit");
        }
        return name;
    }

    @Command(
            name = "create",
            description = {
                "Create a thin volume.",
                "The size is a multiple of 4 KiB from 1 MiB to 1 PiB; it takes no space until it is"
                        + " written."
            },
            footer = {
                "",
                "Examples:",
                "  mirach volume create vm1 --size 10GiB",
                "  mirach volume create vm1 --size 10GiB --dry-run"
            })
    static final class Create extends ChangeCommand {
        @Parameters(paramLabel = "VOLUME", description = "Its name: a-z 0-9 . _ -, up to 63.")
        String name;

        @Option(
                names = {"-s", "--size"},
                paramLabel = "SIZE",
                required = true,
                description = "E.g. 10GiB, 512MiB, 1T; binary units.")
        String size;

        @Option(
                names = "--extent-size",
                paramLabel = "SIZE",
                description =
                        "How the volume is cut; a power of two from 64KiB to 16MiB. Default: 4MiB.")
        String extentSize = "";

        @Option(names = "--strict-reads", description = STRICT_READS)
        boolean strictReads;

        private CreateVolumeRequest body() {
            long sizeBytes = ByteSize.parse(size);
            long extentBytes = extentSize.isEmpty() ? 0 : ByteSize.parse(extentSize);
            checkedName(name);
            if (extentBytes != 0
                    && (Long.bitCount(extentBytes) != 1
                            || extentBytes < 64 << 10
                            || extentBytes > 16 << 20)) {
                throw new MirachException(
                                ErrorCode.INVALID_ARGUMENT,
                                "the extent size must be a power of two from 64 KiB to 16 MiB, not "
                                        + ByteSize.format(extentBytes))
                        .withRemedy("leave --extent-size out: 4 MiB serves most volumes");
            }
            try {
                return new CreateVolumeRequest(name, sizeBytes, (int) extentBytes, strictReads);
            } catch (IllegalArgumentException e) {
                throw new MirachException(ErrorCode.INVALID_ARGUMENT, e.getMessage(), e)
                        .withRemedy(
                                "the next larger size that fits is --size " + roundedUp(sizeBytes));
            }
        }

        private static long roundedUp(long sizeBytes) {
            long bounded =
                    Math.max(Volume.MIN_SIZE_BYTES, Math.min(Volume.MAX_SIZE_BYTES, sizeBytes));
            return (bounded + 4095) / 4096 * 4096;
        }

        @Override
        List<AdminCall> requests() {
            return List.of(AdminCall.post(Routes.VOLUMES, body()));
        }

        @Override
        String check(AdminClient client) {
            CreateVolumeRequest body = body();
            if (client.volumes().stream()
                    .anyMatch(v -> v.name().equals(name) && v.state() != Volume.State.DELETING)) {
                throw new MirachException(
                        ErrorCode.VOLUME_EXISTS, "there is a volume '" + name + "' already");
            }
            return "create volume " + name + " of " + ByteSize.format(body.sizeBytes());
        }

        @Override
        void change(AdminClient client, PrintWriter out) throws InterruptedException {
            VolumeView created = client.createVolume(body());
            if (created.state() == Volume.State.CREATING) {
                created =
                        progress()
                                .watch(
                                        () -> client.volume(name),
                                        v -> v.state() != Volume.State.CREATING,
                                        v -> "waiting for the placement groups to know " + name,
                                        CREATE_LIMIT);
            }
            if (created.state() == Volume.State.CREATING) {
                throw timedOut("volume " + name + " was not ready", CREATE_LIMIT);
            }
            out.println("created volume " + name + ", " + ByteSize.format(created.sizeBytes()));
        }
    }

    @Command(
            name = "ls",
            description = {
                "List the volumes.",
                "STORED is what their blocks take on each of three nodes, as of a few seconds ago; a"
                        + " dash while a part of it is not known."
            },
            footer = {"", "Example:", "  mirach volume ls -o json"})
    static final class Ls extends ReadCommand<List<VolumeView>> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.VOLUMES);
        }

        @Override
        List<VolumeView> fetch(AdminClient client) {
            return client.volumes();
        }

        @Override
        void print(List<VolumeView> volumes, PrintWriter out) {
            Table table = new Table("NAME", ">SIZE", ">STORED", "STATE", "GATEWAY", "MODE");
            for (VolumeView v : volumes) {
                table.row(
                        v.name(),
                        ByteSize.format(v.sizeBytes()),
                        stored(v),
                        v.state(),
                        String.join(" ", v.gateways()),
                        v.attachments().stream()
                                .map(a -> Wording.of(a.mode()))
                                .distinct()
                                .collect(Collectors.joining(" ")));
            }
            table.print(out, "");
        }
    }

    private static String stored(VolumeView v) {
        return v.allocatedBytes().isPresent()
                ? ByteSize.format(v.allocatedBytes().getAsLong())
                : "";
    }

    @Command(
            name = "show",
            description = "Show one volume.",
            footer = {"", "Example:", "  mirach volume show vm1"})
    static final class Show extends ReadCommand<VolumeView> {
        @Parameters(paramLabel = "VOLUME", description = "Its name.")
        String name;

        @Override
        AdminCall request() {
            return AdminCall.get(Routes.path(Routes.VOLUME, checkedName(name)));
        }

        @Override
        VolumeView fetch(AdminClient client) {
            return client.volume(checkedName(name));
        }

        @Override
        void print(VolumeView v, PrintWriter out) {
            out.println("name              " + v.name());
            out.println("id                " + v.id());
            out.println("state             " + v.state());
            out.println(
                    "size              "
                            + ByteSize.format(v.sizeBytes())
                            + " ("
                            + v.sizeBytes()
                            + " bytes)");
            out.println(
                    "stored            "
                            + (v.allocatedBytes().isPresent()
                                    ? stored(v) + ", on three nodes each"
                                    : "not known at the moment; see 'mirach status'"));
            out.println("extent size       " + ByteSize.format(v.extentBytes()));
            out.println("created           " + Wording.moment(v.createdAtMs()));
            out.println("strict reads      " + (v.strictReads() ? "on" : "off"));
            out.println("limits            " + Wording.of(v.limits()));
            out.println("snapshots         " + v.snapshots());
            out.println(
                    "placement groups  "
                            + v.placementGroups().stream()
                                    .map(pg -> "pg" + pg)
                                    .collect(Collectors.joining(" ")));
            for (ExportView e : v.exports()) {
                out.println(
                        "ordered at        gateway "
                                + e.gateway()
                                + " ("
                                + Wording.of(e.mode())
                                + ")");
            }
            if (v.attachments().isEmpty()) {
                out.println("attachment        none");
            }
            for (AttachmentView a : v.attachments()) {
                out.println(
                        "attachment        "
                                + a.state()
                                + " at gateway "
                                + a.gateway()
                                + " ("
                                + Wording.of(a.mode())
                                + ", epoch "
                                + a.epoch()
                                + ", since "
                                + Wording.moment(a.grantedAtMs())
                                + ")");
                a.nbdUris().forEach(uri -> out.println("nbd               " + uri));
            }
        }
    }

    @Command(
            name = "rm",
            description = {
                "Delete volumes with all that is in them. There is no way back.",
                "Refused with VOLUME_IN_USE while a volume is attached, and with HAS_SNAPSHOTS if it has"
                        + " snapshots."
            },
            footer = {
                "",
                "Examples:",
                "  mirach volume rm vm1",
                "  mirach volume rm vm1 --with-snapshots",
                "  mirach volume rm vm1 --dry-run"
            })
    static final class Rm extends ChangeCommand {
        @Parameters(paramLabel = "VOLUME", arity = "1..*", description = "Their names.")
        List<String> names;

        @Option(names = "--with-snapshots", description = "Delete their snapshots too.")
        boolean withSnapshots;

        @Override
        List<AdminCall> requests() {
            return names.stream()
                    .map(n -> AdminCall.delete(Routes.deletion(checkedName(n), withSnapshots)))
                    .toList();
        }

        @Override
        String check(AdminClient client) {
            for (String name : names) {
                VolumeView volume = client.volume(checkedName(name));
                if (!volume.attachments().isEmpty()) {
                    throw new MirachException(
                                    ErrorCode.VOLUME_IN_USE,
                                    "volume "
                                            + name
                                            + " is attached at gateway "
                                            + volume.attachments().get(0).gateway())
                            .withRemedy("mirach detach " + name);
                }
                if (volume.snapshots() > 0 && !withSnapshots) {
                    throw new MirachException(
                                    ErrorCode.HAS_SNAPSHOTS,
                                    "volume " + name + " has snapshots: " + volume.snapshots())
                            .withRemedy("to delete them too, add --with-snapshots");
                }
            }
            return "delete volume "
                    + String.join(", ", names)
                    + (withSnapshots ? " with all snapshots" : "");
        }

        @Override
        void change(AdminClient client, PrintWriter out) {
            names.forEach(VolumeCommands::checkedName);
            for (String name : names) {
                client.deleteVolume(name, withSnapshots);
                out.println("deleted volume " + name);
                out.flush();
            }
        }
    }
}
