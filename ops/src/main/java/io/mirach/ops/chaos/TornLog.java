package io.mirach.ops.chaos;

import java.util.Arrays;
import java.util.Optional;
import java.util.Random;

/**
 * Behind the last entry of a killed node's open log stands what a crash may have left: a part of
 * the next entry, or, as no crash leaves it, garbage. A part must be cut off, and nothing else;
 * with garbage the replica may be lost as well, but the others then make it anew.
 */
final class TornLog implements Fault {
    private static final int SECTOR_BYTES = 512;
    private static final int MAX_BYTES = 40_000;

    private final boolean garbage;

    private TornLog(boolean garbage) {
        this.garbage = garbage;
    }

    static TornLog ofPart() {
        return new TornLog(false);
    }

    static TornLog ofGarbage() {
        return new TornLog(true);
    }

    @Override
    public String name() {
        return garbage ? "garbage-log" : "torn-log";
    }

    @Override
    public String description() {
        return (garbage ? "garbage" : "half of an entry, some sectors of it missing,")
                + " at the end of a killed node's Raft log";
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public boolean mayLoseReplicas() {
        return garbage;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        StoppedNode victim = StoppedNode.some(scene);
        Optional<LogSegment> segment = LogSegment.openOne(victim.node(), victim.group());
        byte[] content = new byte[1 + scene.random().nextInt(MAX_BYTES)];
        scene.random().nextBytes(content);
        try (victim) {
            segment.ifPresent(
                    log ->
                            StoppedNode.write(
                                    log.path(),
                                    log.endBytes(),
                                    garbage
                                            ? content
                                            : part(
                                                    log.nextEntry(content),
                                                    log.endBytes(),
                                                    scene.random())));
        }
        if (segment.isEmpty()) {
            return victim + " had no open segment: killed only";
        }
        return "wrote " + content.length + " bytes behind the log of " + victim;
    }

    /** What of an entry reached the disk: its end did not, nor did some of its sectors. */
    private static byte[] part(byte[] entry, long position, Random random) {
        byte[] part = Arrays.copyOf(entry, random.nextInt(entry.length));
        for (int at = 0; at < part.length; at++) {
            int end =
                    (int)
                            Math.min(
                                    part.length,
                                    ((position + at) / SECTOR_BYTES + 1) * SECTOR_BYTES - position);
            if (random.nextInt(4) == 0) {
                Arrays.fill(part, at, end, (byte) 0);
            }
            at = end - 1;
        }
        return part;
    }
}
