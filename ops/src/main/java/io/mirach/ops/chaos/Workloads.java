package io.mirach.ops.chaos;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Random;

/** All workloads, by name. */
final class Workloads {
    static final String REGISTERS = "registers";

    private Workloads() {}

    static List<String> names() {
        return List.of(REGISTERS);
    }

    /** INVALID_ARGUMENT if there is none of that name. */
    static void check(String name) {
        if (!names().contains(name)) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "there is no workload '" + name + "'")
                    .withRemedy("name one of " + String.join(", ", names()));
        }
    }

    static Workload create(String name, Cluster cluster, History history, Random random) {
        check(name);
        return new RegistersWorkload(cluster, history, random);
    }
}
