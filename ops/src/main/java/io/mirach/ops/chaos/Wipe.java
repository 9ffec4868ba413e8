package io.mirach.ops.chaos;

/**
 * A node is killed and loses all that it had; it comes back with an empty data dir, as {@code
 * mirach node add --replace} brings it back. Its replicas must be made anew, under traffic.
 */
final class Wipe implements Fault {
    @Override
    public String name() {
        return "wipe";
    }

    @Override
    public String description() {
        return "a node is killed and its data dir emptied; 'node add --replace' brings it back";
    }

    @Override
    public boolean touchesDisk() {
        return true;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        ClusterNode victim = scene.someNode();
        victim.kill();
        Replacement.of(scene.cluster(), victim);
        return "wiped " + victim.name();
    }
}
