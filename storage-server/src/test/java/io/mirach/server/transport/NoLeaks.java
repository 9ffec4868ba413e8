package io.mirach.server.transport;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/**
 * Fails a test class in which a buffer was lost: Netty's leak detector only logs, and only when
 * later buffers are made after a garbage collection.
 */
final class NoLeaks implements BeforeAllCallback, AfterAllCallback {
    private final Queue<String> leaks = new ConcurrentLinkedQueue<>();
    private final AppenderBase<ILoggingEvent> listener =
            new AppenderBase<>() {
                @Override
                protected void append(ILoggingEvent event) {
                    if (event.getLevel().isGreaterOrEqual(Level.ERROR)) {
                        leaks.add(event.getFormattedMessage());
                    }
                }
            };

    private static Logger detector() {
        return (Logger) LoggerFactory.getLogger(ResourceLeakDetector.class);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        listener.start();
        detector().addAppender(listener);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        for (int i = 0; i < 3; i++) {
            System.gc();
            // The detector looks at its queue whenever it tracks a new buffer.
            for (int j = 0; j < 100; j++) {
                PooledByteBufAllocator.DEFAULT.directBuffer(16).release();
            }
        }
        detector().detachAppender(listener);
        assertThat(leaks).isEmpty();
    }
}
