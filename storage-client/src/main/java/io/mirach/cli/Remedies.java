package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;

/** What to advise when the one that refused did not say. */
final class Remedies {
    private Remedies() {}

    /** The failure's own remedy, else the one for its code; empty if there is none. */
    static String of(MirachException e) {
        return e.remedy().isEmpty() ? of(e.code()) : e.remedy();
    }

    private static String of(ErrorCode code) {
        return switch (code) {
            case NO_SUCH_VOLUME -> "list the volumes with 'mirach volume ls'";
            case NO_SUCH_SNAPSHOT -> "list the snapshots with 'mirach snapshot ls'";
            case SNAPSHOT_EXISTS -> "choose another name; see 'mirach snapshot ls'";
            case SNAPSHOT_ABORTED ->
                    "see 'mirach status' for placement groups that do not answer, and repeat the"
                            + " command";
            case HAS_SNAPSHOTS -> "see them with 'mirach snapshot ls VOLUME'";
            case VOLUME_EXISTS ->
                    "choose another name, or look at it with 'mirach volume show NAME'";
            case VOLUME_IN_USE ->
                    "see who holds it with 'mirach attachment ls', then 'mirach detach VOLUME', or add"
                            + " --force to 'mirach attach'";
            case NOT_ATTACHED -> "see what is attached with 'mirach attachment ls'";
            case NO_SUCH_GATEWAY -> "list the gateways with 'mirach gateway ls'";
            case NO_SUCH_NODE -> "list the nodes with 'mirach node ls'";
            case NOT_INITIALISED -> "form a cluster with 'mirach cluster init --endpoint A,B,C'";
            case ALREADY_INITIALISED, WRONG_CLUSTER ->
                    "look at the cluster with 'mirach cluster show'";
            case NOT_ENOUGH_NODES -> "a cluster needs 3 nodes; see 'mirach node ls'";
            case NO_SPACE -> "see where it is full with 'mirach df'";
            case NOT_LEADER,
                    NOT_READY,
                    VOLUME_NOT_READY,
                    SNAPSHOT_NOT_READY,
                    BACK_PRESSURED,
                    TIMEOUT,
                    SHUTTING_DOWN ->
                    "see 'mirach status', and repeat the command";
            case UNKNOWN_OUTCOME -> "look with 'mirach status' before repeating it";
            case INTERNAL -> "run the command again with --debug, and look at the node's log";
            default -> "";
        };
    }
}
