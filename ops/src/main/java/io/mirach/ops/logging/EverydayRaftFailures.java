package io.mirach.ops.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.Set;

/**
 * Keeps out of the log what the Raft library reports, some of it as an error and with a stack
 * trace, whenever a replica starts, stops or is asked a moment too early. All of these heal by the
 * next try; logger levels cannot tell them from the failures that do not. Named in logback.xml.
 */
public final class EverydayRaftFailures extends Filter<ILoggingEvent> {
    private static final String RAFT_LIBRARY = "org.apache.ratis.";
    private static final Set<String> EVERYDAY =
            Set.of(
                    // Asked while it opens, or before this node was told to have the group.
                    "org.apache.ratis.protocol.exceptions.ServerNotReadyException",
                    "org.apache.ratis.protocol.exceptions.GroupMismatchException",
                    // Leadership moves.
                    "org.apache.ratis.protocol.exceptions.NotLeaderException",
                    "org.apache.ratis.protocol.exceptions.LeaderNotReadyException",
                    "org.apache.ratis.protocol.exceptions.LeaderSteppingDownException",
                    // This process ends.
                    "org.apache.ratis.protocol.exceptions.AlreadyClosedException",
                    // A peer is away.
                    "java.net.ConnectException");

    @Override
    public FilterReply decide(ILoggingEvent event) {
        return event.getLoggerName().startsWith(RAFT_LIBRARY) && isEveryday(event)
                ? FilterReply.DENY
                : FilterReply.NEUTRAL;
    }

    private static boolean isEveryday(ILoggingEvent event) {
        for (IThrowableProxy t = event.getThrowableProxy(); t != null; t = t.getCause()) {
            if (EVERYDAY.contains(t.getClassName())) {
                return true;
            }
        }
        return false;
    }
}
