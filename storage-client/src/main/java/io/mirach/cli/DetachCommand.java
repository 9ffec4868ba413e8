package io.mirach.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mirach detach}. */
@Command(
        name = "detach",
        description = {
            "Detach a volume from a gateway, and wait until it is free there.",
            "--force takes it from a gateway that does not give it back: that one is fenced, and"
                    + " nothing that it sends afterwards is read or written.",
            "Ends a live migration: the other gateway keeps the volume."
        },
        footer = {
            "",
            "Examples:",
            "  mirach detach vm1",
            "  mirach detach vm1 --force",
            "  mirach detach cluster-disk --gateway host7"
        })
final class DetachCommand extends EndAttachmentCommand {
    @Option(names = "--force", description = "Do not wait for the gateway's consent.")
    boolean force;

    @Override
    boolean forced() {
        return force;
    }
}
