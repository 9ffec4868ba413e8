package io.mirach.ops.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs {@code bin/mirach} in a made-up checkout, with a java and an mvn that only tell. */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
    private static final List<String> MODULES =
            List.of("raft", "storage-client", "storage-server", "bench", "ops");
    private static final List<String> TOOLS =
            List.of(
                    "sh",
                    "dirname",
                    "readlink",
                    "sed",
                    "head",
                    "tail",
                    "find",
                    "touch",
                    "rm",
                    "mkdir",
                    "mv",
                    "grep",
                    "sleep",
                    "flock",
                    "cat",
                    "cp",
                    "mktemp");

    private record Run(int exitCode, String output) {}

    @TempDir Path temp;
    private Path checkout;
    private Path path;
    private final Map<String, String> environment = new TreeMap<>();

    @BeforeEach
    void makeCheckout() throws IOException {
        checkout = temp.resolve("check out");
        for (String module : MODULES) {
            Files.createDirectories(checkout.resolve(module + "/src/main/java"));
            Files.writeString(checkout.resolve(module + "/pom.xml"), "");
        }
        Files.writeString(checkout.resolve("pom.xml"), "");
        Path bin = Files.createDirectories(checkout.resolve("ops/bin"));
        Files.createDirectories(checkout.resolve("ops/conf"));
        // Tests run in the module's folder.
        Files.copy(Path.of("bin/mirach"), bin.resolve("mirach"));
        path = Files.createDirectories(temp.resolve("path"));
        for (String tool : TOOLS) {
            script(path.resolve(tool), "exec \"" + realTool(tool) + "\" \"$@\"\n");
        }
        script(
                path.resolve("mvn"),
                "echo \"mvn $*\" >> \""
                        + temp
                        + "/mvn-calls\"\nmkdir -p ops/target/mirach/lib\n"
                        + "for m in raft storage-client storage-server bench ops; do\n"
                        + "  touch ops/target/mirach/lib/mirach-$m-1.jar\ndone\n");
        environment.put("PATH", path.toString());
        environment.put("JAVA_HOME", jdk("17.0.2", true).toString());
    }

    private static void script(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static Path realTool(String tool) {
        Path usr = Path.of("/usr/bin", tool);
        return Files.exists(usr) ? usr : Path.of("/bin", tool);
    }

    private Path jdk(String version, boolean withCompiler) throws IOException {
        Path home = temp.resolve("jdk-" + version);
        script(home.resolve("bin/java"), "echo \"java of $0\"\nprintf '<%s>\\n' \"$@\"\n");
        if (withCompiler) {
            script(home.resolve("bin/javac"), "exit 1\n");
        }
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    private Run run(String... args) throws IOException, InterruptedException {
        return run(checkout.resolve("ops/bin/mirach"), args);
    }

    private Run run(Path launcher, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.redirectErrorStream(true).redirectInput(new File("/dev/null"));
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    private int builds() throws IOException {
        Path calls = temp.resolve("mvn-calls");
        return Files.exists(calls) ? Files.readAllLines(calls).size() : 0;
    }

    /** Time in files goes by seconds on some file systems; tests do not wait for it. */
    private static void makeNewer(Path file) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(60)));
    }

    @Test
    void buildsOnceAndThenOnlyRuns() throws Exception {
        assertThat(run("status", "two words").output())
                .contains("building Mirach", "built Mirach in", "<status>\n<two words>\n");
        assertThat(run("status").output()).doesNotContain("building");
        assertThat(builds()).isEqualTo(1);
        assertThat(temp.resolve("mvn-calls"))
                .content()
                .contains("-Dmaven.test.skip=true", "package");
    }

    @Test
    void buildsAgainWhenASourceIsNewer() throws Exception {
        run("status");
        Path source = checkout.resolve("raft/src/main/java/A.java");
        Files.writeString(source, "");
        makeNewer(source);
        run("status");
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void buildsAgainWhenASourceWentOrAPomIsNewer() throws Exception {
        run("status");
        makeNewer(checkout.resolve("storage-server/src/main/java"));
        run("status");
        assertThat(builds()).isEqualTo(2);
        Files.setLastModifiedTime(
                checkout.resolve("storage-server/src/main/java"), FileTime.from(Instant.EPOCH));
        run("status");
        int before = builds();
        makeNewer(checkout.resolve("pom.xml"));
        run("status");
        assertThat(builds()).isEqualTo(before + 1);
    }

    @Test
    void buildsAgainWhenAJarIsMissingButNotForATest() throws Exception {
        run("status");
        Path test = checkout.resolve("raft/src/test/java/ATest.java");
        Files.createDirectories(test.getParent());
        Files.writeString(test, "");
        makeNewer(test);
        run("status");
        assertThat(builds()).isEqualTo(1);
        Files.delete(checkout.resolve("ops/target/mirach/lib/mirach-bench-1.jar"));
        run("status");
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void aBuildThatFailsIsShownAndTriedAgain() throws Exception {
        script(
                path.resolve("mvn"),
                "echo '[INFO] fine so far'\necho '[ERROR] A.java:[1,1] oops'\nexit 1\n");
        for (int attempt = 0; attempt < 2; attempt++) {
            Run run = run("status");
            assertThat(run.exitCode()).isEqualTo(2);
            assertThat(run.output())
                    .contains(
                            "[ERROR] A.java:[1,1] oops", "error: the build failed", "remedy: read ")
                    .doesNotContain("fine so far", "<status>");
        }
    }

    @Test
    void needsJava17() throws Exception {
        environment.remove("JAVA_HOME");
        Run without = run("status");
        assertThat(without.exitCode()).isEqualTo(2);
        assertThat(without.output())
                .contains(
                        "error: Mirach needs Java 17 or newer; there is no java",
                        "remedy: install");
        for (String old : List.of("11.0.1", "1.8.0")) {
            environment.put("JAVA_HOME", jdk(old, true).toString());
            String major = old.equals("1.8.0") ? "8" : "11";
            assertThat(run("status").output())
                    .contains(
                            "Java 17 or newer", "jdk-" + old + "/bin/java is Java " + major + "\n");
        }
    }

    @Test
    void javaFromPathIsTakenWhenJavaHomeIsTooOld() throws Exception {
        environment.put("JAVA_HOME", jdk("11.0.1", true).toString());
        Files.createSymbolicLink(path.resolve("java"), jdk("21.0.1", true).resolve("bin/java"));
        assertThat(run("status").output()).contains("java of " + path.resolve("java"));
    }

    @Test
    void buildingNeedsAJdkAndMaven() throws Exception {
        environment.put("JAVA_HOME", jdk("17.0.9", false).toString());
        assertThat(run("status").output()).contains("error: building needs a JDK");
        environment.put("JAVA_HOME", jdk("17.0.2", true).toString());
        Files.delete(path.resolve("mvn"));
        assertThat(run("status").output()).contains("error: building needs Maven 3.8 or newer");
    }

    @Test
    void eachRoleHasItsFlagsAndTheUsersComeLast() throws Exception {
        environment.put("MIRACH_JAVA_OPTS", "-Xmx2g -Dx=y");
        assertThat(run("status").output()).contains("<-XX:TieredStopAtLevel=1>");
        String node = run("node", "start", "--config", "f").output();
        assertThat(node)
                .containsSubsequence(
                        "<-Xmx256m>", "<-XX:+UseG1GC>", "<-Xmx2g>\n<-Dx=y>", "<node>\n<start>")
                .contains("<-Djava.util.concurrent.ForkJoinPool.common.parallelism=2>")
                .contains("conf/logback.xml>")
                .doesNotContain("TieredStopAtLevel", "native-access");
        assertThat(run("node", "ls").output()).contains("conf/logback-cli.xml>");
        assertThat(run("gateway", "start").output()).contains("conf/logback.xml>");
        environment.put("JAVA_HOME", jdk("25.0.1", true).toString());
        assertThat(run("node", "start").output()).contains("<--enable-native-access=ALL-UNNAMED>");
    }

    /** A java that writes the files that it is told to, as one that makes an archive does. */
    private void letJavaMakeArchives() throws IOException {
        Path java = Path.of(environment.get("JAVA_HOME"), "bin/java");
        script(
                java,
                """
                for word; do
                  case $word in
                    -XX:DumpLoadedClassList=*) echo 'A\n@lambda-proxy A b' >"${word#*=}" ;;
                    -Xshare:dump) dump=1 ;;
                    -XX:SharedClassListFile=*) list=${word#*=} ;;
                    -XX:SharedArchiveFile=*) [ -z "${dump:-}" ] || cat "$list" >"${word#*=}" ;;
                  esac
                  echo "<$word>"
                done
                echo "$*" >>"%s/java-calls"
                """
                        .formatted(temp));
    }

    private long archivesMade() throws IOException {
        Path calls = temp.resolve("java-calls");
        return Files.exists(calls)
                ? Files.readAllLines(calls).stream().filter(c -> c.contains("-Xshare:dump")).count()
                : 0;
    }

    private Path archive() {
        return checkout.resolve("ops/target/mirach/archive/java-17.0.2.jsa");
    }

    @Test
    void aBuildMakesTheArchiveThatEveryRoleIsGiven() throws Exception {
        letJavaMakeArchives();
        run("status");
        assertThat(archive()).hasContent("A");
        for (String[] role : new String[][] {{"status"}, {"node", "start"}, {"bench"}}) {
            assertThat(run(role).output())
                    .contains("<-XX:SharedArchiveFile=" + archive() + ">")
                    .containsSubsequence("<-Xshare:auto>", "<-Xlog:cds*=off>", "<-cp>");
        }
        assertThat(archivesMade()).isEqualTo(1);
        assertThat(archive().getParent()).isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void noStartMakesAnArchiveButPrepareDoes() throws Exception {
        letJavaMakeArchives();
        run("status");
        Files.delete(archive());
        run("node", "start");
        run("gateway", "start");
        assertThat(archivesMade()).isEqualTo(1);
        Run prepare = run("prepare");
        assertThat(prepare.exitCode()).isZero();
        assertThat(prepare.output()).isEmpty();
        assertThat(archive()).hasContent("A");
    }

    @Test
    void anArchiveThatCannotBeMadeHindersNothingAndPrepareSaysSo() throws Exception {
        script(
                Path.of(environment.get("JAVA_HOME"), "bin/java"),
                "case \"$*\" in *io.mirach.cli.MirachCli*) echo ran ;;"
                        + " *) echo noise; exit 134 ;; esac\n");
        assertThat(run("status").output()).contains("ran").doesNotContain("noise");
        Run prepare = run("prepare");
        assertThat(prepare.exitCode()).isEqualTo(2);
        assertThat(prepare.output()).contains("error: no class-data archive", "remedy: ");
        assertThat(archive().getParent()).isEmptyDirectory();
    }

    @Test
    void aDistributionRunsFromItsOwnLibAndByALink() throws Exception {
        Path home = temp.resolve("mirach-1");
        Path lib = Files.createDirectories(home.resolve("lib"));
        Files.createFile(lib.resolve("mirach-raft-1.jar"));
        Files.createDirectories(home.resolve("bin"));
        Files.copy(Path.of("bin/mirach"), home.resolve("bin/mirach"));
        Path link =
                Files.createSymbolicLink(temp.resolve("mirach"), Path.of("mirach-1/bin/mirach"));
        assertThat(run(link, "status").output())
                .contains(
                        "<-cp>\n<%1$s/mirach-raft-1.jar:%1$s/*>\n<io.mirach.cli.MirachCli>"
                                .formatted(lib.toRealPath()));
        assertThat(builds()).isZero();
    }

    @Test
    void aCopyWithoutJarsAndSourcesSaysSo() throws Exception {
        Path alone = Files.createDirectories(temp.resolve("alone/bin")).resolve("mirach");
        Files.copy(Path.of("bin/mirach"), alone);
        Run run = run(alone, "status");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.output()).contains("error: neither jars nor sources");
    }
}
