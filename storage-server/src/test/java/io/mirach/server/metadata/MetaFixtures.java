package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.DataDir;
import io.mirach.model.Epoch;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.VolumeId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Commands of a small cluster, for tests. */
public final class MetaFixtures {
    public static final UUID CLUSTER = new UUID(1, 1);
    public static final UUID META_GROUP = new UUID(1, 2);

    private MetaFixtures() {}

    public static StorageNode node(int number) {
        return new StorageNode(
                "node-" + number,
                List.of(new DataDir(dir(number), "127.0.0.1:" + (7000 + number))),
                "127.0.0.1:" + (8000 + number),
                "127.0.0.1:" + (9000 + number),
                "zone",
                "rack-" + number,
                Map.of());
    }

    public static UUID dir(int number) {
        return new UUID(2, number);
    }

    public static MetaCommand.FormCluster form() {
        List<Replica> replicas = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            replicas.add(new Replica("node-" + i, dir(i)));
        }
        List<MetaCommand.NewGroup> groups = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            groups.add(new MetaCommand.NewGroup(new UUID(3, i), replicas, dir(i)));
        }
        return new MetaCommand.FormCluster(
                CLUSTER,
                META_GROUP,
                new ReplicaSet(1, replicas),
                List.of(node(1), node(2), node(3)),
                groups);
    }

    public static List<PlacementGroupId> slots() {
        return Collections.nCopies(64, new PlacementGroupId(1));
    }

    public static MetaCommand.CreateVolume create(String name) {
        return new MetaCommand.CreateVolume(name, 1 << 30, 4 << 20, slots(), 1000, false);
    }

    public static MetaCommand.Attach attach(long volume, String gateway, String proof) {
        return new MetaCommand.Attach(
                new VolumeId(volume),
                Attachment.Mode.READ_WRITE,
                gateway,
                gateway + "-host",
                proof,
                false,
                0,
                List.of(),
                2000);
    }

    public static MetaCommand.AdmissionInstalled admitted(long volume, long version) {
        return new MetaCommand.AdmissionInstalled(new VolumeId(volume), version);
    }

    public static MetaCommand.Release release(long volume, long epoch) {
        return new MetaCommand.Release(new VolumeId(volume), new Epoch(epoch));
    }

    public static Gateway gateway(String name) {
        return new Gateway(name, name + "-host", List.of("nbd://127.0.0.1:10809"));
    }

    /** The state after these commands, each of which must be accepted. */
    public static MetaState after(MetaCommand... commands) {
        MetaState state = MetaState.EMPTY;
        for (MetaCommand command : commands) {
            MetaTransition transition = MetaTransition.apply(state, command);
            transition.reply().orThrow();
            state = transition.next();
        }
        return state;
    }
}
