package io.mirach.server.metadata;

import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.form;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random attaches, detaches, evictions, orders and migrations of one volume at four gateways, while
 * admissions reach three placement groups late, in any order, and more than once. Whatever happens:
 * who was told that it is attached is alone but for those it may stand beside, and one whose end
 * was confirmed is admitted nowhere, ever again.
 */
class AttachmentModelTest {
    private static final VolumeId VOLUME = new VolumeId(1);
    private static final int GROUPS = 3;
    private static final int STEPS = 400;

    private record Order(int group, long version, Set<Epoch> epochs) {}

    private record Admission(long version, Set<Epoch> epochs) {}

    private final List<Admission> groups = new ArrayList<>();
    private final List<Order> underWay = new ArrayList<>();
    private final Map<Long, Set<Integer>> installed = new HashMap<>();
    private final Set<Epoch> lost = new HashSet<>();
    private Random random;
    private MetaState state;

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void nobodyIsAdmittedBesideOneThatItMayNotStandBeside(long seed) {
        random = new Random(seed);
        List<MetaCommand> start =
                new ArrayList<>(
                        List.of(form(), create("vm1"), new MetaCommand.VolumeOpened(VOLUME)));
        for (int gateway = 0; gateway < 4; gateway++) {
            start.add(new MetaCommand.AddGateway(MetaFixtures.gateway("gw" + gateway)));
        }
        state = MetaFixtures.after(start.toArray(MetaCommand[]::new));
        for (int group = 0; group < GROUPS; group++) {
            groups.add(new Admission(0, Set.of()));
        }
        int granted = 0;
        for (int step = 0; step < STEPS; step++) {
            if (random.nextInt(3) > 0) {
                reachGroups();
            } else {
                log(command());
            }
            granted += (int) access().held().filter(a -> a.state() == LIVE).count();
        }
        assertThat(granted).as("the test grants something").isPositive();
    }

    private static final Attachment.State LIVE = Attachment.State.LIVE;

    private VolumeAccess access() {
        return state.image().orElseThrow().accessTo(VOLUME);
    }

    private <T> T anyOf(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    private String gateway() {
        return "gw" + random.nextInt(4);
    }

    private Attachment.Mode mode() {
        return anyOf(List.of(Attachment.Mode.values()));
    }

    private List<Epoch> someExpired() {
        return access().held().map(Attachment::epoch).filter(e -> random.nextInt(4) == 0).toList();
    }

    private MetaCommand command() {
        boolean force = random.nextInt(4) == 0;
        long window = !force && random.nextInt(3) == 0 ? 1000 : 0;
        String gateway = gateway();
        switch (random.nextInt(7)) {
            case 0, 1 -> {
                String proof = random.nextInt(8) == 0 ? "lost" : "proof of " + gateway;
                return new MetaCommand.Attach(
                        VOLUME,
                        window > 0 ? Attachment.Mode.READ_WRITE : mode(),
                        gateway,
                        "host",
                        proof,
                        force,
                        window,
                        someExpired(),
                        0);
            }
            case 2 -> {
                List<Attachment> all = access().attachments();
                return new MetaCommand.Release(
                        VOLUME, all.isEmpty() ? new Epoch(1) : anyOf(all).epoch());
            }
            case 3 -> {
                return new MetaCommand.Revoke(VOLUME, gateway, "evicted");
            }
            case 4 -> {
                return new MetaCommand.SetExport(
                        new Export(VOLUME, gateway, mode(), 0), force, window, someExpired());
            }
            case 5 -> {
                return new MetaCommand.RemoveExport(VOLUME, gateway);
            }
            default -> {
                return new MetaCommand.EndMigration(
                        VOLUME, access().migration().map(m -> m.id()).orElse(1L), someExpired());
            }
        }
    }

    /** As a meta leader would: gives orders, hears of some, logs what all groups have. */
    private void reachGroups() {
        VolumeAccess access = access();
        if (!access.admitted()) {
            for (int group = 0; group < GROUPS; group++) {
                underWay.add(new Order(group, access.admissionVersion(), held(access)));
            }
        }
        int arriving = random.nextInt(GROUPS + 2);
        for (int i = 0; i < arriving && !underWay.isEmpty(); i++) {
            Order order = underWay.get(random.nextInt(underWay.size()));
            if (random.nextInt(4) > 0) {
                underWay.remove(order);
            }
            Admission inForce = groups.get(order.group());
            if (order.version() > inForce.version()) {
                groups.set(order.group(), new Admission(order.version(), order.epochs()));
            }
            if (order.version() >= inForce.version()) {
                installed.computeIfAbsent(order.version(), v -> new HashSet<>()).add(order.group());
            }
        }
        installed.forEach(
                (version, where) -> {
                    if (where.size() == GROUPS) {
                        log(new MetaCommand.AdmissionInstalled(VOLUME, version));
                    }
                });
        check();
    }

    private static Set<Epoch> held(VolumeAccess access) {
        return access.held().map(Attachment::epoch).collect(Collectors.toSet());
    }

    private void log(MetaCommand command) {
        VolumeAccess before = access();
        MetaTransition transition = MetaTransition.apply(state, command);
        if (transition.reply().code() != ErrorCode.OK) {
            assertThat(transition.next()).as("a refusal changes nothing").isEqualTo(state);
            return;
        }
        // Applied twice, or decoded from the log, it is the same.
        assertThat(MetaTransition.apply(state, command)).isEqualTo(transition);
        state = transition.next();
        VolumeAccess after = access();
        Set<Epoch> held = held(after);
        held(before).stream().filter(e -> !held.contains(e)).forEach(lost::add);
        assertThat(held).as("no way back after " + command).noneMatch(lost::contains);
        if (!held.equals(held(before))) {
            assertThat(after.admissionVersion()).isGreaterThan(before.admissionVersion());
            assertThat(after.admitted()).isFalse();
        }
        check();
    }

    private void check() {
        VolumeAccess access = access();
        List<Attachment> held = access.held().toList();
        for (Attachment one : held) {
            for (Attachment other : held) {
                if (one != other) {
                    assertThat(one.gateway()).isNotEqualTo(other.gateway());
                    boolean both =
                            one.mode() == Attachment.Mode.READ_WRITE
                                    && other.mode() == Attachment.Mode.READ_WRITE
                                    && access.migratesBetween(one.gateway(), other.gateway());
                    assertThat(one.mode().goesWith(other.mode()) || both)
                            .as("%s beside %s", one, other)
                            .isTrue();
                }
            }
        }
        Set<Epoch> known =
                access.attachments().stream().map(Attachment::epoch).collect(Collectors.toSet());
        for (Admission group : groups) {
            assertThat(known)
                    .as("only those whose end is not confirmed yet are admitted")
                    .containsAll(group.epochs());
            if (access.admitted() && access.admissionVersion() > 0) {
                assertThat(group.epochs()).isEqualTo(held(access));
            }
        }
    }
}
