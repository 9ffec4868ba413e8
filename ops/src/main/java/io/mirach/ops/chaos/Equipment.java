package io.mirach.ops.chaos;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What the nodes of a run are made of: the program, a folder, and the {@link Gear} asked for. */
final class Equipment {
    private static final String PRELOAD = "LD_PRELOAD";

    private final Path launcher;
    private final Path folder;
    private final DiskErrors diskErrors;
    private final PowerLossProgram powerLoss;
    private final WallClocks wallClocks;
    private final Optional<String> noSmallDisks;

    private Equipment(
            Path launcher,
            Path folder,
            DiskErrors diskErrors,
            PowerLossProgram powerLoss,
            WallClocks wallClocks,
            Optional<String> noSmallDisks) {
        this.launcher = launcher;
        this.folder = folder;
        this.diskErrors = diskErrors;
        this.powerLoss = powerLoss;
        this.wallClocks = wallClocks;
        this.noSmallDisks = noSmallDisks;
    }

    /**
     * Compiles and tries what is asked for, where that can be done.
     *
     * @param launcher {@code bin/mirach}, beside which the sources lie
     * @param folder for all that nodes leave
     */
    static Equipment build(Path launcher, Path folder, Set<Gear> wanted) {
        return new Equipment(
                launcher,
                folder,
                wanted.contains(Gear.DISK_ERRORS)
                        ? DiskErrors.compile(launcher, folder)
                        : DiskErrors.none(),
                wanted.contains(Gear.POWER_LOSS)
                        ? PowerLossProgram.compile(launcher, folder)
                        : PowerLossProgram.none(),
                wanted.contains(Gear.WALL_CLOCK)
                        ? WallClocks.compile(launcher, folder)
                        : WallClocks.none(),
                wanted.contains(Gear.SMALL_DISK)
                        ? SmallDisk.unavailable(folder)
                        : Optional.of("no fault asked for it"));
    }

    Path launcher() {
        return launcher;
    }

    Path folder() {
        return folder;
    }

    DiskErrors diskErrors() {
        return diskErrors;
    }

    WallClocks wallClocks() {
        return wallClocks;
    }

    /** Why some of it is not there; empty if all is. */
    Optional<String> lacks(Collection<Gear> needed) {
        return needed.stream()
                .map(
                        gear ->
                                switch (gear) {
                                    case DISK_ERRORS -> diskErrors.unavailable();
                                    case POWER_LOSS -> powerLoss.unavailable();
                                    case SMALL_DISK -> noSmallDisks;
                                    case WALL_CLOCK -> wallClocks.unavailable();
                                })
                .flatMap(Optional::stream)
                .findFirst();
    }

    /**
     * The disk on which a node's data dir lies, if it is a small one; mounted in the folder.
     *
     * @param name of the disk
     */
    Optional<SmallDisk> smallDisk(String name) {
        return noSmallDisks.isEmpty()
                ? Optional.of(SmallDisk.unmounted(folder, name))
                : Optional.empty();
    }

    /** The disk under a node's data dir, if its power can be cut. */
    Optional<PowerLossDisk> powerLossDisk(Path dataDir) {
        return powerLoss.disk(dataDir);
    }

    /**
     * For a node's process.
     *
     * @param diskOrder see {@link DiskErrors#environment}
     * @param clockFile see {@link WallClocks#environment}
     */
    Map<String, String> environment(Path diskOrder, Path clockFile) {
        Map<String, String> all = new HashMap<>();
        List<String> preloads = new ArrayList<>();
        for (Map<String, String> each :
                List.of(diskErrors.environment(diskOrder), wallClocks.environment(clockFile))) {
            all.putAll(each);
            Optional.ofNullable(each.get(PRELOAD)).ifPresent(preloads::add);
        }
        if (!preloads.isEmpty()) {
            all.put(PRELOAD, String.join(":", preloads));
        }
        return all;
    }
}
