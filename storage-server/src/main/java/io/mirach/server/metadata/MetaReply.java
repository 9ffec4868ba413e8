package io.mirach.server.metadata;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.Objects;

/**
 * What a change of the cluster map ends with: the same on every replica.
 *
 * @param mapVersion the version at which the change, or what it found, is visible
 * @param id the id that was drawn or found (a volume's, an epoch); 0 if none
 */
public record MetaReply(ErrorCode code, String detail, String remedy, long mapVersion, long id) {
    public MetaReply {
        Objects.requireNonNull(code, "code");
        Objects.requireNonNull(detail, "detail");
        Objects.requireNonNull(remedy, "remedy");
    }

    static MetaReply ok(long mapVersion, long id) {
        return new MetaReply(ErrorCode.OK, "", "", mapVersion, id);
    }

    static MetaReply refused(ErrorCode code, String detail, long mapVersion) {
        return new MetaReply(code, detail, "", mapVersion, 0);
    }

    MetaReply withRemedy(String whatToDo) {
        return new MetaReply(code, detail, whatToDo, mapVersion, id);
    }

    /** This reply if it is a success; throws what it refuses with otherwise. */
    public MetaReply orThrow() {
        if (code != ErrorCode.OK) {
            MirachException refusal = new MirachException(code, detail);
            throw remedy.isEmpty() ? refusal : refusal.withRemedy(remedy);
        }
        return this;
    }
}
