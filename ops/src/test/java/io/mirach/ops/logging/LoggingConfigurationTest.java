package io.mirach.ops.logging;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.joran.spi.JoranException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.ratis.protocol.exceptions.ServerNotReadyException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What conf/logback.xml, which nodes and gateways log by, lets through. */
class LoggingConfigurationTest {
    private final LoggerContext context = new LoggerContext();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final PrintStream stderr = System.err;

    @BeforeEach
    void configure() throws JoranException {
        System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
        context.setMDCAdapter(new LogbackMDCAdapter());
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(Path.of("conf", "logback.xml").toFile());
    }

    @AfterEach
    void restore() {
        context.stop();
        System.setErr(stderr);
    }

    private Logger logger(String name) {
        return context.getLogger(name);
    }

    private String written() {
        return written.toString(StandardCharsets.UTF_8);
    }

    @Test
    void mirachsOwnLinesAreShownFromInfoOn() {
        logger("io.mirach.server.node.NodeProcess").info("node node-1 serves");
        logger("io.mirach.server.node.NodeProcess").debug("a request");
        assertThat(written()).contains("INFO ", "NodeProcess: node node-1 serves");
        assertThat(written()).doesNotContain("a request");
    }

    @Test
    void librariesAreShownFromWarningsOn() {
        for (String library : new String[] {"org.apache.ratis.server", "org.eclipse.jetty.util"}) {
            logger(library).info("chatter of {}", library);
            logger(library).warn("warning of {}", library);
        }
        assertThat(written()).doesNotContain("chatter");
        assertThat(written())
                .contains(
                        "warning of org.apache.ratis.server", "warning of org.eclipse.jetty.util");
    }

    @Test
    void aPeerThatIsAwayIsNotTheLibrarysToTell() {
        logger("org.apache.ratis.server.impl.LeaderElection")
                .warn("cannot ask", new IllegalStateException(new ConnectException("refused")));
        assertThat(written()).isEmpty();
    }

    @Test
    void aReplicaAskedTooEarlyLeavesNoStackTrace() {
        logger("org.apache.ratis.server.RaftServer$Division")
                .error("Failed appendEntries*", new ServerNotReadyException("not yet"));
        assertThat(written()).isEmpty();
    }

    @Test
    void aFailureOfTheRaftLibraryIsShownWithItsCause() {
        logger("org.apache.ratis.server.RaftServer$Division")
                .error("log is corrupt", new IllegalStateException("bad checksum"));
        assertThat(written()).contains("log is corrupt", "bad checksum");
    }

    @Test
    void theSameFailureFromMirachIsShown() {
        logger("io.mirach.server.node.NodeAgent")
                .warn("cannot create", new ServerNotReadyException("not yet"));
        assertThat(written()).contains("cannot create", "not yet");
    }
}
