package io.mirach.ops.chaos;

/**
 * The gateway is killed and started again; what its clients had in flight is of unknown outcome.
 */
final class KillGateway implements Fault {
    @Override
    public String name() {
        return "kill-gateway";
    }

    @Override
    public String description() {
        return "kill -9 of the gateway, started again; needs --workload bank or sqlite";
    }

    @Override
    public Class<? extends Workload> needs() {
        return GatewayWorkload.class;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        Gateway gateway = scene.needed(GatewayWorkload.class).gateway();
        gateway.kill();
        try {
            scene.pause(0, 3_000);
        } finally {
            gateway.start();
        }
        return "killed the gateway";
    }
}
