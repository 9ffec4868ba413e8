package io.mirach.ops.chaos;

import io.mirach.admin.PgView;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** A node that was killed, so that its files can be changed; {@link #close} starts it again. */
final class StoppedNode implements AutoCloseable {
    private final Fault.Scene scene;
    private final ClusterNode node;
    private final PgView group;

    private StoppedNode(Fault.Scene scene, ClusterNode node, PgView group) {
        this.scene = scene;
        this.node = node;
        this.group = group;
    }

    /** Kills a node, drawn at random, and draws one of the groups of which it has a replica. */
    static StoppedNode some(Fault.Scene scene) throws InterruptedException {
        return of(scene, scene.someNode());
    }

    private static StoppedNode of(Fault.Scene scene, ClusterNode node) throws InterruptedException {
        PgView group = scene.cluster().someGroup(scene.random());
        while (group.members().stream().noneMatch(each -> each.node().equals(node.name()))) {
            group = scene.cluster().someGroup(scene.random());
        }
        node.kill();
        return new StoppedNode(scene, node, group);
    }

    ClusterNode node() {
        return node;
    }

    UUID group() {
        return group.raftGroupId();
    }

    int groupNumber() {
        return group.id();
    }

    @Override
    public String toString() {
        return node.name() + "'s replica of placement group " + group.id();
    }

    /** How often the replica was set aside so far. */
    long timesLost() {
        return node.lostReplicas().stream().filter(name -> name.startsWith(group() + "-")).count();
    }

    /** Whether the group still has a replica on this node, by the cluster map. */
    boolean isStillAMember() throws InterruptedException {
        return scene.cluster().group(groupNumber()).members().stream()
                .anyMatch(member -> member.node().equals(node.name()) && !member.incoming());
    }

    /** Writes {@code bytes} into one of its files, at {@code position}. */
    static void write(Path file, long position, byte[] bytes) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), position);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Flips one bit of a byte. */
    static void flip(Path file, long position, int bit) {
        ByteBuffer one = ByteBuffer.allocate(1);
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.read(one, position);
            one.put(0, (byte) (one.get(0) ^ 1 << bit)).flip();
            channel.write(one, position);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws InterruptedException {
        node.start();
        scene.cluster().awaitAnswer(node);
    }
}
