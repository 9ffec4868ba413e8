package io.mirach.ops;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.mirach.cli.CommandProvider;
import io.mirach.cli.ExitCode;

/** Which package may know which: the arrows of ARCHITECTURE.md. */
@AnalyzeClasses(packages = "io.mirach", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    /** What a package that contributes commands to the CLI may know of it. */
    private static final DescribedPredicate<JavaClass> COMMAND_CONTRACT =
            type(CommandProvider.class).or(type(ExitCode.class));

    @ArchTest static final ArchRule modelKnowsNothing = knowsOnly("model");
    @ArchTest static final ArchRule protocol = knowsOnly("protocol", "model");
    @ArchTest static final ArchRule client = knowsOnly("client", "protocol", "model");
    @ArchTest static final ArchRule nbd = knowsOnly("nbd", "client", "protocol", "model");

    @ArchTest static final ArchRule config = knowsOnly("config", "protocol");

    @ArchTest
    static final ArchRule gateway =
            knowsOnly("gateway", "nbd", "client", "config", "protocol", "model");

    @ArchTest
    static final ArchRule transfer =
            knowsOnly("transfer", "nbd", "client", "admin", "cli", "protocol", "model");

    @ArchTest static final ArchRule admin = knowsOnly("admin", "protocol", "model");
    @ArchTest static final ArchRule cli = knowsOnly("cli", "admin", "protocol", "model");
    @ArchTest static final ArchRule raftKnowsBytesAndNoVolumes = knowsOnly("raft");

    @ArchTest
    static final ArchRule serverKnowsNoNbd =
            noClasses()
                    .that()
                    .resideInAPackage("io.mirach.server..")
                    .should()
                    .dependOnClassesThat(
                            resideInAnyPackage("io.mirach.nbd..", "io.mirach.gateway.."));

    @ArchTest
    static final ArchRule ratisStaysBehindItsSeam =
            noClasses()
                    .that(not(resideInAPackage("io.mirach.raft.ratis..")))
                    .should()
                    .dependOnClassesThat(resideInAPackage("org.apache.ratis.."));

    @ArchTest
    static final ArchRule rocksDbStaysInTheStore =
            noClasses()
                    .that(not(resideInAPackage("io.mirach.server.store..")))
                    .should()
                    .dependOnClassesThat(resideInAPackage("org.rocksdb.."));

    @ArchTest
    static final ArchRule prometheusStaysInTelemetry =
            noClasses()
                    .that(not(resideInAPackage("io.mirach.server.telemetry..")))
                    .should()
                    .dependOnClassesThat(resideInAPackage("io.prometheus.."));

    @ArchTest
    static final ArchRule placementIsPure =
            noClasses()
                    .that()
                    .resideInAPackage("io.mirach.server.placement..")
                    .should()
                    .dependOnClassesThat(
                            resideInAnyPackage(
                                    "java.io..",
                                    "java.nio..",
                                    "java.net..",
                                    "java.time..",
                                    "io.netty..",
                                    "io.mirach.raft..",
                                    "io.mirach.client.."))
                    .orShould()
                    .callMethod(System.class, "currentTimeMillis")
                    .orShould()
                    .callMethod(System.class, "nanoTime");

    @ArchTest
    static final ArchRule nothingSleeps =
            noClasses()
                    .should()
                    .callMethod(Thread.class, "sleep", long.class)
                    .orShould()
                    .callMethod(Thread.class, "sleep", long.class, int.class);

    /** A package may know itself, the named ones, and what a contributed command needs. */
    private static ArchRule knowsOnly(String name, String... others) {
        String[] known = new String[others.length + 1];
        known[0] = "io.mirach." + name + "..";
        for (int i = 0; i < others.length; i++) {
            known[i + 1] = "io.mirach." + others[i] + "..";
        }
        DescribedPredicate<JavaClass> unknown =
                resideInAPackage("io.mirach..")
                        .and(not(resideInAnyPackage(known)))
                        .and(not(COMMAND_CONTRACT))
                        .as("classes outside " + String.join(", ", known));
        return noClasses()
                .that()
                .resideInAPackage("io.mirach." + name + "..")
                .should()
                .dependOnClassesThat(unknown);
    }
}
