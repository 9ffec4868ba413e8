package io.mirach.cli;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** The version that the jar was built as. */
public final class MirachVersion implements IVersionProvider {
    /** E.g. {@code 0.1.0}; {@code development} when run from class files. */
    public static String current() {
        return Objects.requireNonNullElse(
                MirachVersion.class.getPackage().getImplementationVersion(), "development");
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "mirach " + current(),
            "Java " + Runtime.version() + " on " + System.getProperty("os.arch")
        };
    }
}
