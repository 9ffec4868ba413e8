package io.mirach.ops.chaos;

import java.nio.file.Path;

/** Compiles what is preloaded into nodes. */
final class PreloadLibrary {
    private PreloadLibrary() {}

    /**
     * Fails with {@link ShellException} if it cannot be compiled.
     *
     * @param launcher {@code bin/mirach}, beside which the source lies
     * @param folder for the library
     * @param name of the source, without its {@code .c}
     */
    static Path compile(Path launcher, Path folder, String name) {
        Path source = launcher.resolveSibling("../chaos/" + name + ".c").normalize();
        Path library = folder.resolve(name + ".so");
        Shell.run(
                "cc",
                "-shared",
                "-fPIC",
                "-O1",
                "-o",
                library.toString(),
                source.toString(),
                "-ldl");
        return library;
    }
}
