package io.mirach.ops.chaos;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** All faults, by name. */
final class Faults {
    private Faults() {}

    static List<Fault> all() {
        return List.of(
                KillNodes.leader(),
                KillNodes.majority(),
                KillNodes.all(),
                PowerLoss.ofOne(),
                PowerLoss.ofAll(),
                new StopLeader(),
                CutOffLeader.bothWays(),
                CutOffLeader.outbound(),
                CutOffLeader.inbound(),
                CutOffLeader.raftOnly(),
                BadLink.lossy(),
                BadLink.slow(),
                new SlowSync(),
                new ClockJump(),
                DiskError.ofLogSync(),
                DiskError.ofLogWrite(),
                DiskError.ofStore(),
                DiskError.ofStoreRead(),
                TornLog.ofPart(),
                TornLog.ofGarbage(),
                new FlipLog(),
                new FlipStore(),
                new FallBehind(),
                new Wipe(),
                FullDisk.ofOne(),
                FullDisk.ofAll(),
                new DrainNode(),
                new TakeOver(),
                new KillGateway());
    }

    /**
     * Reads {@code a,b,...} or {@code all}; {@code none} is no fault. INVALID_ARGUMENT names the
     * one that does not exist.
     */
    static List<Fault> parse(String names) {
        if (names.equals("all")) {
            return all();
        }
        if (names.equals("none")) {
            return List.of();
        }
        List<Fault> chosen = new ArrayList<>();
        for (String name : names.split(",", -1)) {
            chosen.add(
                    all().stream()
                            .filter(fault -> fault.name().equals(name.strip()))
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            new MirachException(
                                                            ErrorCode.INVALID_ARGUMENT,
                                                            "there is no fault '" + name + "'")
                                                    .withRemedy(
                                                            "name some of "
                                                                    + known()
                                                                    + ", or all, or none")));
        }
        return chosen;
    }

    private static String known() {
        return all().stream().map(Fault::name).collect(Collectors.joining(", "));
    }
}
