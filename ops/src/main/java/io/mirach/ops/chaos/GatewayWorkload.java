package io.mirach.ops.chaos;

/** A workload whose gateway may be killed and started again: it goes on afterwards. */
interface GatewayWorkload extends Workload {
    Gateway gateway();
}
