package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.SnapshotView;
import io.mirach.model.Snapshot;
import java.util.List;
import org.junit.jupiter.api.Test;

class SnapshotCommandsTest extends CliOnFakeServer {
    private static SnapshotView monday(Snapshot.State state) {
        return new SnapshotView("vm1", "monday", 7, 10L << 30, state, 1_795_000_000_000L);
    }

    @Test
    void createWaitsUntilTheSnapshotCanBeRead() {
        server.on("POST /v1/volumes/vm1/snapshots", monday(Snapshot.State.SEALING))
                .on("GET /v1/volumes/vm1/snapshots/monday", monday(Snapshot.State.SEALING))
                .on("GET /v1/volumes/vm1/snapshots/monday", monday(Snapshot.State.READY));
        assertThat(run("snapshot", "create", "vm1@monday"))
                .isEqualTo(
                        new CliRun(
                                0,
                                "took snapshot vm1@monday\n",
                                "waiting for the placement groups of vm1\n"));
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo("{\"name\":\"monday\"}");
    }

    @Test
    void namesThatNameNoSnapshotAreRefusedBeforeAnythingIsSent() {
        for (String name : List.of("vm1", "vm1@", "@monday", "vm1@a@b", "vm1@A")) {
            CliRun run = run("snapshot", "create", name);
            assertThat(run.exitCode()).as(name).isEqualTo(2);
            assertThat(run.err())
                    .contains(
                            "'" + name + "' does not name a snapshot", "remedy: write VOLUME@NAME");
        }
        assertThat(server.received()).isEmpty();
    }

    @Test
    void curlAndDryRunChangeNothing() {
        assertThat(run("snapshot", "create", "vm1@monday", "--curl").out())
                .contains("/v1/volumes/vm1/snapshots", "{\"name\":\"monday\"}", "POST");
        assertThat(run("snapshot", "ls", "--curl").out()).contains("/v1/snapshots");
        assertThat(server.received()).isEmpty();
        server.on("GET /v1/volumes/vm1/snapshots", List.of());
        assertThat(run("snapshot", "create", "vm1@monday", "--dry-run").out())
                .isEqualTo("would take snapshot vm1@monday; nothing is changed (--dry-run)\n");
        server.on("GET /v1/volumes/vm2/snapshots", List.of(monday(Snapshot.State.READY)));
        CliRun exists = run("snapshot", "create", "vm2@monday", "--dry-run");
        assertThat(exists.exitCode()).isEqualTo(4);
        assertThat(exists.err())
                .isEqualTo(
                        "error: SNAPSHOT_EXISTS: there is a snapshot 'vm2@monday' already\n"
                                + "remedy: choose another name; see 'mirach snapshot ls'\n");
    }

    @Test
    void aSnapshotThatWasGivenUpSaysWhatToDo() {
        server.refuse("POST /v1/volumes/vm1/snapshots", "SNAPSHOT_ABORTED", "not in time", "");
        assertThat(run("snapshot", "create", "vm1@monday"))
                .isEqualTo(
                        new CliRun(
                                4,
                                "",
                                "error: SNAPSHOT_ABORTED: not in time\n"
                                        + "remedy: see 'mirach status' for placement groups that do"
                                        + " not answer, and repeat the command\n"));
    }

    @Test
    void lsShowsOneVolumesOrAll() {
        server.on("GET /v1/snapshots", List.of(monday(Snapshot.State.READY)));
        assertThat(run("snapshot", "ls").out())
                .isEqualTo(
                        "VOLUME  NAME      SIZE  STATE  CREATED\n"
                                + "vm1     monday  10 GiB  READY  2026-11-18T11:06:40Z\n");
        server.on("GET /v1/volumes/vm1/snapshots", List.of(monday(Snapshot.State.READY)));
        assertThat(run("snapshot", "ls", "vm1", "-o", "json").out())
                .contains("\"volume\" : \"vm1\"", "\"state\" : \"READY\"", "\"id\" : 7");
        server.on("GET /v1/volumes/vm1/snapshots", List.of(monday(Snapshot.State.READY)));
        assertThat(run("snapshot", "ls", "vm1", "-o", "yaml").out()).contains("name: monday");
    }

    @Test
    void volumesAreDeletedWithTheirSnapshotsOnlyIfThatIsSaid() {
        server.on("DELETE /v1/volumes/vm1?with-snapshots=true", "");
        assertThat(run("volume", "rm", "vm1", "--with-snapshots"))
                .isEqualTo(new CliRun(0, "deleted volume vm1\n", ""));
        server.refuse("DELETE /v1/volumes/vm1", "HAS_SNAPSHOTS", "volume vm1 has a snapshot", "");
        CliRun run = run("volume", "rm", "vm1");
        assertThat(run.exitCode()).isEqualTo(4);
        assertThat(run.err()).endsWith("remedy: see them with 'mirach snapshot ls VOLUME'\n");
    }
}
