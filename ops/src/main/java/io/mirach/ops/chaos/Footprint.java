package io.mirach.ops.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a running node holds.
 *
 * @param liveHeapBytes reachable objects: what is left after a full collection
 * @param descriptors open files and sockets
 */
record Footprint(long liveHeapBytes, long descriptors) {
    /**
     * Ratis caches the ends of the logs, at most 24 MiB per group: 96 with three groups and meta;
     * the rest of a node at rest is about 30 MiB. What is kept of each call or fault passes this in
     * a long run.
     */
    static final long MAX_LIVE_HEAP_BYTES = (ClusterNode.MAX_HEAP_MIB * 3L / 4) << 20;

    /** RocksDB keeps the files of its few column families open; else some 20 connections. */
    static final long MAX_DESCRIPTORS = 600;

    /** The same where a volume of some MiB is written: write buffers of 2 MiB make small files. */
    static final long MAX_DESCRIPTORS_OF_VOLUMES = 4_000;

    private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");

    /** Has the process collect its garbage; it stands still meanwhile. */
    static Footprint of(ClusterNode node) {
        Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        String pid = Long.toString(node.pid());
        Matcher total = TOTAL.matcher(Shell.run(jcmd.toString(), pid, "GC.class_histogram"));
        if (!total.find()) {
            throw new ShellException("jcmd told no total of the heap", null);
        }
        try (Stream<Path> open = Files.list(Path.of("/proc", pid, "fd"))) {
            return new Footprint(Long.parseLong(total.group(1)), open.count());
        } catch (IOException e) {
            throw new ShellException("cannot count the files of " + node.name(), e);
        }
    }

    /**
     * @param maxDescriptors for what the workload stores
     */
    List<Violation> violations(ClusterNode node, long maxDescriptors) {
        List<Violation> found = new ArrayList<>();
        if (liveHeapBytes > MAX_LIVE_HEAP_BYTES) {
            found.add(
                    new Violation(
                            node.name() + " keeps " + liveHeapBytes + " bytes in its heap",
                            List.of()));
        }
        if (descriptors > maxDescriptors) {
            found.add(
                    new Violation(node.name() + " has " + descriptors + " open files", List.of()));
        }
        return found;
    }

    @Override
    public String toString() {
        return (liveHeapBytes >> 20) + " MiB of live heap, " + descriptors + " open files";
    }
}
