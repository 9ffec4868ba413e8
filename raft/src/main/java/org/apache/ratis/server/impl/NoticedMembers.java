package org.apache.ratis.server.impl;

import java.io.IOException;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.raftlog.LogProtoUtils;

/**
 * Takes over the members that a leader's notice names, for a replica that lacks the entries which
 * say so. Ratis 3.3.0 does it with every notice, on the thread that received it and without its
 * lock, and that went wrong in three ways: an election that began between its two steps found a
 * replica that was no member, and closed it for good; the thread that applies entries wrote the
 * same file at the same time; and it wrote older members over the noticed ones, so that after a
 * restart the replica never heard of them again. In this package because the state is open to
 * nobody else.
 */
public final class NoticedMembers {
    private NoticedMembers() {}

    /** The notice as Ratis is to see it. */
    public static InstallSnapshotRequestProto leaveOut(InstallSnapshotRequestProto notice) {
        return notice.toBuilder().clearLastRaftConfigurationLogEntryProto().build();
    }

    /**
     * After Ratis has answered the notice: takes the members over, unless older entries are still
     * being applied; the notice comes again. Blocks.
     */
    public static void take(
            RaftServer.Division division,
            InstallSnapshotRequestProto notice,
            InstallSnapshotReplyProto reply)
            throws IOException {
        if (!notice.hasLastRaftConfigurationLogEntryProto()) {
            return;
        }
        RaftServerImpl server = (RaftServerImpl) division;
        boolean installed;
        switch (reply.getResult()) {
            case SUCCESS, SNAPSHOT_INSTALLED, ALREADY_INSTALLED -> installed = true;
            case IN_PROGRESS -> installed = false;
            // The leader is an old one, or speaks another way.
            default -> {
                return;
            }
        }
        synchronized (server) {
            ServerState state = server.getState();
            long committed = state.getLog().getLastCommittedIndex();
            if (installed || state.getLastAppliedIndex() >= committed) {
                take(server, state, notice.getLastRaftConfigurationLogEntryProto(), committed);
            }
        }
    }

    private static void take(
            RaftServerImpl server, ServerState state, LogEntryProto members, long committed)
            throws IOException {
        RaftConfigurationImpl known = state.getRaftConf();
        boolean newerAndSure =
                known.getLogEntryIndex() > members.getIndex()
                        && known.getLogEntryIndex() <= committed;
        if (newerAndSure || known.equals(LogProtoUtils.toRaftConfiguration(members))) {
            return;
        }
        state.updateConfiguration(List.of(members));
        state.writeRaftConfiguration(members);
        server.getStateMachine()
                .event()
                .notifyConfigurationChanged(
                        members.getTerm(), members.getIndex(), members.getConfigurationEntry());
    }
}
