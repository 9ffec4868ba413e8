package io.mirach.server.reconcile;

import io.mirach.server.placement.Step;
import java.util.concurrent.CompletableFuture;

/** Takes a step. Never blocks; completes once the step is done and logged. */
public interface StepRunner {
    CompletableFuture<Void> run(Step step);
}
