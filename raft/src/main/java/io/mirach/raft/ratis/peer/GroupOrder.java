package io.mirach.raft.ratis.peer;

import io.netty.channel.EventLoop;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Runs tasks of one group in the order in which they came: on the loop itself those that are quick,
 * which spares a hand-off, and elsewhere those that may wait, with all that come behind them.
 * Confined to the loop.
 */
final class GroupOrder {
    private final EventLoop loop;
    private final Executor slowly;
    private final Map<UUID, CompletableFuture<Void>> last = new HashMap<>();

    GroupOrder(EventLoop loop, Executor slowly) {
        this.loop = loop;
        this.slowly = slowly;
    }

    /**
     * @param task does not throw
     */
    void run(UUID group, boolean quick, Runnable task) {
        CompletableFuture<Void> before = last.get(group);
        if (before == null && quick) {
            task.run();
            return;
        }
        CompletableFuture<Void> done =
                before == null
                        ? CompletableFuture.runAsync(task, slowly)
                        : before.thenRunAsync(task, slowly);
        last.put(group, done);
        done.whenComplete((nothing, failure) -> loop.execute(() -> last.remove(group, done)));
    }
}
