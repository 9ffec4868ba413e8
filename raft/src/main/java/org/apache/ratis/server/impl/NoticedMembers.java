package org.apache.ratis.server.impl;

import java.io.IOException;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.raftlog.LogProtoUtils;

/**
 * Takes over the members that a leader's notice names, for a replica that lacks the entries which
 * say so. Ratis 3.3.0 does it with every notice, on the thread that received it and without its
 * lock: an election that began between its two steps found a replica that was no member, and closed
 * it for good; and the thread that applies entries wrote the same file at the same time. In this
 * package because the state is open to nobody else.
 */
public final class NoticedMembers {
    private NoticedMembers() {}

    /** The notice as Ratis is to see it. */
    public static InstallSnapshotRequestProto leaveOut(InstallSnapshotRequestProto notice) {
        return notice.toBuilder().clearLastRaftConfigurationLogEntryProto().build();
    }

    /**
     * Before Ratis gets the notice, for it looks the leader up among the members. Does nothing with
     * the notice of a former leader, which Ratis refuses. Blocks.
     */
    public static void take(RaftServer.Division division, InstallSnapshotRequestProto notice)
            throws IOException {
        RaftServerImpl server = (RaftServerImpl) division;
        synchronized (server) {
            if (notice.hasLastRaftConfigurationLogEntryProto()
                    && notice.getLeaderTerm() >= server.getState().getCurrentTerm()) {
                take(server, notice.getLastRaftConfigurationLogEntryProto());
            }
        }
    }

    private static void take(RaftServerImpl server, LogEntryProto members) throws IOException {
        ServerState state = server.getState();
        RaftConfigurationImpl known = state.getRaftConf();
        boolean newerAndSure =
                known.getLogEntryIndex() > members.getIndex()
                        && known.getLogEntryIndex() <= state.getLog().getLastCommittedIndex();
        if (newerAndSure || known.equals(LogProtoUtils.toRaftConfiguration(members))) {
            return;
        }
        state.updateConfiguration(List.of(members));
        // Who is told of it writes it down, under a lock of its own: Ratis's file has two writers.
        server.getStateMachine()
                .event()
                .notifyConfigurationChanged(
                        members.getTerm(), members.getIndex(), members.getConfigurationEntry());
    }
}
