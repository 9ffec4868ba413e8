package io.mirach.raft.ratis;

import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.Semaphore;

/**
 * Three hosts in a process that {@link KillIT} kills. It writes numbered commands and prints each
 * number once it is acknowledged; or it prints what all replicas hold.
 */
final class CrashingProcess {
    static final UUID GROUP = UUID.nameUUIDFromBytes(new byte[] {1});
    private static final int DEPTH = 32;
    private static final String FILLER = "x".repeat(2000);

    private CrashingProcess() {}

    /**
     * @param args the data directory; {@code write} and the first number, or {@code list}; the
     *     three ports
     */
    public static void main(String[] args) throws InterruptedException {
        int[] ports = {
            Integer.parseInt(args[3]), Integer.parseInt(args[4]), Integer.parseInt(args[5])
        };
        TestCluster cluster = new TestCluster(Path.of(args[0]), ports, CrashingProcess::config);
        RaftGroupMembers members = cluster.members(GROUP);
        cluster.nodes.forEach(node -> TestCluster.get(node.host.createGroup(members)));
        if (args[1].equals("list")) {
            for (String command : cluster.converged(GROUP)) {
                System.out.println("has " + command.substring(0, command.indexOf(':')));
            }
            System.out.println("end");
            cluster.close();
            return;
        }
        ReplicatedLog<Receipt> log = cluster.leader(GROUP).log(GROUP);
        Semaphore places = new Semaphore(DEPTH);
        for (int number = Integer.parseInt(args[2]); ; number++) {
            places.acquire();
            int proposed = number;
            log.propose(TestCluster.command(number + ":" + FILLER))
                    .whenComplete(
                            (receipt, failure) -> {
                                places.release();
                                if (failure == null) {
                                    System.out.println("ack " + proposed);
                                }
                            });
        }
    }

    private static RaftHostConfig config(RaftHostConfig config) {
        RaftHostConfig quick = TestCluster.quick(config);
        return new RaftHostConfig(
                quick.peerId(),
                quick.storageDir(),
                quick.address(),
                quick.electionTimeoutMin(),
                quick.electionTimeoutMax(),
                quick.readLease(),
                quick.readLeaseInterval(),
                quick.maxEntryBytes(),
                quick.maxEntriesInFlight(),
                quick.maxQueuedBytes(),
                2 << 20,
                quick.logRetentionBytes());
    }
}
