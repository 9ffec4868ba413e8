package io.mirach.protocol;

import java.util.Optional;

/** What a frame asks for. Numbers go over the wire and never change. */
public enum Opcode {
    /** First on every connection; body {@link io.mirach.protocol.cluster.Hello}. */
    HELLO(1),
    PING(2),

    WRITE(16),
    ZERO(17),
    READ(18),
    BLOCK_STATUS(19),

    /** Long poll for a newer cluster map. */
    GET_MAP(32),
    REGISTER_GATEWAY(33),
    ATTACH(34),
    DETACH(35),
    /** One gateway's sign of life for all of its attachments. */
    RENEW_ATTACHMENTS(36),

    /** A node's heartbeat to the meta leader. */
    HEARTBEAT(48),
    /** A change of the cluster map, passed on to the meta leader. */
    META_CHANGE(49),
    /** Create or remove the receiver's replica of a group. */
    CREATE_REPLICA(50),
    REMOVE_REPLICA(51),
    /**
     * Log an order in a placement group (open or drop a volume, set an admission): sent to its
     * leader.
     */
    GROUP_ORDER(52),
    TRANSFER_LEADERSHIP(53),
    /** Read-lease claims, see io.mirach.raft.ReadLease. */
    LEASE_CLAIMS(54),
    /** What each volume stores in the receiver's replicas of some groups. */
    STORED_BYTES(55),
    /** A replica is brought up from the state of the group's leader: begin, read on, end. */
    BACKFILL_OPEN(56),
    BACKFILL_READ(57),
    BACKFILL_CLOSE(58),
    /** Change who belongs to a group that the receiver leads. */
    CHANGE_MEMBERS(59),
    /** Create the receiver's replica of a group that others have, to follow without a vote. */
    CREATE_LEARNER(60),
    /** What a replica of the receiver's holds as of one entry of its log, as a digest. */
    DIGEST(61),
    /** What the receiver's replica holds of a block that is damaged elsewhere. */
    COPY_BLOCK(62),
    /** Go on as another group from what the receiver's replica of a group without majority has. */
    SUCCEED_REPLICA(63);

    private final int number;

    Opcode(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    public static Optional<Opcode> ofNumber(int number) {
        for (Opcode opcode : values()) {
            if (opcode.number == number) {
                return Optional.of(opcode);
            }
        }
        return Optional.empty();
    }
}
