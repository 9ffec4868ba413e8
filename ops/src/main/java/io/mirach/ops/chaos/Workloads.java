package io.mirach.ops.chaos;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** All workloads, by name. */
final class Workloads {
    static final String REGISTERS = "registers";
    static final String BANK = "bank";

    private Workloads() {}

    static List<String> names() {
        return List.of(REGISTERS, BANK);
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
        return name.equals(BANK)
                ? new BankWorkload(cluster, history, random)
                : new RegistersWorkload(cluster, history, random);
    }

    /** Why a fault cannot strike while this workload runs; empty if it can. */
    static Optional<String> unsuited(String name, Fault fault) {
        Class<? extends Workload> type =
                name.equals(BANK) ? BankWorkload.class : RegistersWorkload.class;
        return fault.needs().isAssignableFrom(type)
                ? Optional.empty()
                : Optional.of("it needs --workload " + (name.equals(BANK) ? REGISTERS : BANK));
    }
}
