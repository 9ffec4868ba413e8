package io.mirach.ops.chaos;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** All workloads, by name. */
final class Workloads {
    static final String REGISTERS = "registers";

    private static final List<Kind> ALL =
            List.of(
                    new Kind(
                            REGISTERS,
                            RegistersWorkload.class,
                            Optional::empty,
                            RegistersWorkload::new),
                    new Kind("bank", BankWorkload.class, Optional::empty, BankWorkload::new),
                    new Kind(
                            "sqlite",
                            SqliteWorkload.class,
                            SqliteWorkload::unavailable,
                            SqliteWorkload::new),
                    new Kind(
                            "fio-verify",
                            FioVerifyWorkload.class,
                            FioVerifyWorkload::unavailable,
                            (cluster, history, random) -> new FioVerifyWorkload(cluster)));

    private interface Maker {
        Workload make(Cluster cluster, History history, Random random);
    }

    private record Kind(
            String name,
            Class<? extends Workload> type,
            Supplier<Optional<String>> unavailable,
            Maker maker) {}

    private Workloads() {}

    static List<String> names() {
        return ALL.stream().map(Kind::name).toList();
    }

    /** INVALID_ARGUMENT if there is none of that name. */
    static void check(String name) {
        find(name);
    }

    private static Kind find(String name) {
        return ALL.stream()
                .filter(kind -> kind.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.INVALID_ARGUMENT,
                                                "there is no workload '" + name + "'")
                                        .withRemedy("name one of " + String.join(", ", names())));
    }

    static Workload create(String name, Cluster cluster, History history, Random random) {
        return find(name).maker().make(cluster, history, random);
    }

    /** Why a workload cannot be run on this machine; empty if it can. */
    static Optional<String> unavailable(String name) {
        return find(name).unavailable().get();
    }

    /** Why a fault cannot strike while this workload runs; empty if it can. */
    static Optional<String> unsuited(String name, Fault fault) {
        if (fault.needs().isAssignableFrom(find(name).type())) {
            return Optional.empty();
        }
        return Optional.of(
                ALL.stream()
                        .filter(kind -> fault.needs().isAssignableFrom(kind.type()))
                        .map(Kind::name)
                        .collect(Collectors.joining(" or ", "it needs --workload ", "")));
    }
}
