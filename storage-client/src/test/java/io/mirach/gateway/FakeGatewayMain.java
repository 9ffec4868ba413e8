package io.mirach.gateway;

import java.util.concurrent.CompletableFuture;
import picocli.CommandLine;

/** {@code mirach gateway start} as a process of its own, against a cluster in its memory. */
final class FakeGatewayMain {
    private FakeGatewayMain() {}

    public static void main(String[] args) {
        FakeCluster cluster = new FakeCluster();
        cluster.addVolume("alpha");
        GatewayCommand.Start start =
                new GatewayCommand.Start(
                        (config, host, secret, loops) ->
                                CompletableFuture.completedFuture(cluster));
        System.exit(new CommandLine(start).execute(args));
    }
}
