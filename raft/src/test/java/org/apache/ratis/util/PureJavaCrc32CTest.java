package org.apache.ratis.util;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.zip.Checksum;
import org.junit.jupiter.api.Test;

/** Our checksum against Ratis's own, which logs of a node without ours were written with. */
class PureJavaCrc32CTest {
    private static final String NAME = PureJavaCrc32C.class.getName();

    @Test
    void oursStandsBeforeRatis() {
        assertThat(home(PureJavaCrc32C.class)).isNotEqualTo(home(StringUtils.class));
    }

    private static URL home(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation();
    }

    @Test
    void checksumsAreThoseOfRatis() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Checksum theirs = ratis();
        PureJavaCrc32C ours = new PureJavaCrc32C();
        for (int round = 0; round < 200; round++) {
            byte[] bytes = new byte[random.nextInt(5000)];
            random.nextBytes(bytes);
            ours.reset();
            theirs.reset();
            int cut = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
            ByteBuffer head = ByteBuffer.allocateDirect(cut).put(bytes, 0, cut).flip();
            ours.update(head);
            assertThat(head.remaining()).as("position stays").isEqualTo(cut);
            ours.update(bytes, cut, bytes.length - cut);
            ours.update(round);
            theirs.update(bytes, 0, bytes.length);
            theirs.update(round);
            assertThat(ours.getValue()).as("seed %d", seed).isEqualTo(theirs.getValue());
        }
    }

    /** Ratis's class, from the jar that its other classes come from. */
    private static Checksum ratis() throws Exception {
        try (URLClassLoader loader =
                new URLClassLoader(
                        new URL[] {home(StringUtils.class)},
                        ClassLoader.getPlatformClassLoader())) {
            try (InputStream there =
                    loader.getResourceAsStream(NAME.replace('.', '/') + ".class")) {
                assertThat(there).as("Ratis still has the class that ours stands for").isNotNull();
            }
            return (Checksum) loader.loadClass(NAME).getDeclaredConstructor().newInstance();
        }
    }
}
