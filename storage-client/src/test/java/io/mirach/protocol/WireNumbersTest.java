package io.mirach.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Numbers go over the wire: a change here breaks every peer of another build. */
class WireNumbersTest {
    @Test
    void errorNumbersNeverChange() {
        String numbers =
                Arrays.stream(ErrorCode.values())
                        .map(code -> code + "=" + code.number())
                        .collect(Collectors.joining(" "));
        assertThat(numbers)
                .isEqualTo(
                        "OK=0 NOT_LEADER=1 NOT_READY=2 BACK_PRESSURED=3 WRONG_PG=4 STALE_MAP=5"
                                + " UNKNOWN_OUTCOME=6 UNREACHABLE=7 TIMEOUT=8 SHUTTING_DOWN=9"
                                + " NO_SUCH_VOLUME=20 VOLUME_EXISTS=21 STALE_LAYER=22"
                                + " UNKNOWN_LAYER=23 FENCED=24 STALE_SEQUENCE=25 VOLUME_IN_USE=26"
                                + " VOLUME_NOT_READY=27 OUT_OF_RANGE=28 READ_ONLY=29 NO_SUCH_SNAPSHOT=30"
                                + " SNAPSHOT_EXISTS=31 SNAPSHOT_NOT_READY=32 SNAPSHOT_ABORTED=33"
                                + " TOO_MANY_SNAPSHOTS=34 HAS_SNAPSHOTS=35"
                                + " CHECKSUM_MISMATCH=40 DAMAGED_BLOCK=41 NO_SPACE=42"
                                + " NOT_INITIALISED=60 ALREADY_INITIALISED=61 WRONG_CLUSTER=62"
                                + " NO_SUCH_NODE=63 NO_SUCH_PLACEMENT_GROUP=64 NO_SUCH_GATEWAY=65"
                                + " NOT_ENOUGH_NODES=66 NOT_ATTACHED=67 INVALID_ARGUMENT=80"
                                + " UNSUPPORTED_VERSION=81 MALFORMED=82 FRAME_TOO_LARGE=83"
                                + " INTERNAL=84 CONFLICT=85 INVALID_CONFIG=86");
    }

    @Test
    void opcodeNumbersNeverChange() {
        String numbers =
                Arrays.stream(Opcode.values())
                        .map(opcode -> opcode + "=" + opcode.number())
                        .collect(Collectors.joining(" "));
        assertThat(numbers)
                .isEqualTo(
                        "HELLO=1 PING=2 WRITE=16 ZERO=17 READ=18 BLOCK_STATUS=19 GET_MAP=32"
                                + " REGISTER_GATEWAY=33 ATTACH=34 DETACH=35 RENEW_ATTACHMENTS=36 HEARTBEAT=48"
                                + " META_CHANGE=49 CREATE_REPLICA=50 REMOVE_REPLICA=51"
                                + " GROUP_ORDER=52 TRANSFER_LEADERSHIP=53 LEASE_CLAIMS=54"
                                + " STORED_BYTES=55 BACKFILL_OPEN=56 BACKFILL_READ=57"
                                + " BACKFILL_CLOSE=58 CHANGE_MEMBERS=59 CREATE_LEARNER=60 DIGEST=61 COPY_BLOCK=62"
                                + " SUCCEED_REPLICA=63");
    }

    @Test
    void everyNumberIsFoundAgain() {
        for (ErrorCode code : ErrorCode.values()) {
            assertThat(ErrorCode.ofNumber(code.number())).contains(code);
        }
        for (Opcode opcode : Opcode.values()) {
            assertThat(Opcode.ofNumber(opcode.number())).contains(opcode);
        }
        assertThat(ErrorCode.ofNumber(999)).isEmpty();
        assertThat(Opcode.ofNumber(999)).isEmpty();
    }
}
