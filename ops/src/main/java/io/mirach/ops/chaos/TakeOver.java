package io.mirach.ops.chaos;

/** Another client attaches the volume, while the one before goes on as if nothing had happened. */
final class TakeOver implements Fault {
    @Override
    public String name() {
        return "take-over";
    }

    @Override
    public String description() {
        return "another client attaches; the fenced one keeps sending";
    }

    @Override
    public Class<? extends Workload> needs() {
        return RegistersWorkload.class;
    }

    @Override
    public String strike(Scene scene) throws InterruptedException {
        scene.needed(RegistersWorkload.class).takeOver();
        // The fenced one sends, and its late copies arrive.
        scene.pause(1_000, 3_000);
        return "taken over";
    }
}
