package io.mirach.ops.chaos;

import java.util.List;

/**
 * A bit of a stopped node's Raft log flips, in an entry that it acknowledged. The replica must be
 * set aside and made anew from the others.
 */
final class FlipLog implements Fault {
    @Override
    public String name() {
        return "flip-log";
    }

    @Override
    public String description() {
        return "a bit of a stopped node's Raft log flips; the replica is to be set aside, made anew";
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public boolean mayLoseReplicas() {
        return true;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        StoppedNode victim = StoppedNode.some(scene);
        long lostBefore = victim.timesLost();
        List<LogSegment> segments =
                LogSegment.list(victim.node(), victim.group()).stream()
                        .filter(segment -> segment.lastTerm() > 0)
                        .toList();
        String what = victim + " had no entry in its log: killed only";
        try (victim) {
            if (!segments.isEmpty()) {
                LogSegment segment = segments.get(scene.random().nextInt(segments.size()));
                int position = scene.random().nextInt(segment.endBytes());
                int bit = scene.random().nextInt(Byte.SIZE);
                StoppedNode.flip(segment.path(), position, bit);
                what =
                        "flipped bit %d of byte %d of %s of %s"
                                .formatted(bit, position, segment.path().getFileName(), victim);
            }
        }
        // One that moved to another node meanwhile took what was set aside of it along.
        if (!segments.isEmpty() && victim.timesLost() == lostBefore && victim.isStillAMember()) {
            throw new PromiseBrokenException(
                    new Violation("it went unnoticed: " + what, List.of()));
        }
        return what;
    }
}
