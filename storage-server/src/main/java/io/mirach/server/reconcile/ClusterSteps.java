package io.mirach.server.reconcile;

import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.transport.NodeConnections;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.Epoch;
import io.mirach.model.GroupRecovery;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.Sealing;
import io.mirach.model.Slot;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.cluster.GroupOrders;
import io.mirach.server.cluster.MetaGroup;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.cluster.ReplicaOrder;
import io.mirach.server.maintenance.Certification;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaReply;
import io.mirach.server.placement.LeaderView;
import io.mirach.server.placement.Step;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Takes steps by orders to nodes and to placement groups' leaders. Thread-safe. */
public final class ClusterSteps implements StepRunner {
    private static final Duration NODE_ORDER_TIMEOUT = Duration.ofSeconds(30);

    private final Supplier<ClusterImage> image;
    private final MetaGroup meta;
    private final GroupOrders groupOrders;
    private final NodeConnections connections;
    private final NodeObservations observations;
    private final AttachmentTerms terms;
    private final Certification certification;

    public ClusterSteps(
            Supplier<ClusterImage> image,
            MetaGroup meta,
            ClusterRouting routing,
            NodeConnections connections,
            NodeObservations observations,
            AttachmentTerms terms,
            Certification certification) {
        this.image = image;
        this.meta = meta;
        this.groupOrders = new GroupOrders(routing);
        this.connections = connections;
        this.observations = observations;
        this.terms = terms;
        this.certification = certification;
    }

    @Override
    public CompletableFuture<Void> run(Step step) {
        if (step instanceof Step.CreateGroup create) {
            return create(create.group());
        } else if (step instanceof Step.OpenVolume open) {
            return open(open.volume());
        } else if (step instanceof Step.DropVolume drop) {
            return drop(drop.volume());
        } else if (step instanceof Step.Admit admit) {
            return admit(admit.volume(), admit.access());
        } else if (step instanceof Step.SealHead seal) {
            return seal(seal.volume(), seal.sealing());
        } else if (step instanceof Step.AbortSnapshot abort) {
            return log(
                    new MetaCommand.AbortSnapshot(abort.volume().id(), abort.sealing().snapshot()));
        } else if (step instanceof Step.EndMigration end) {
            return log(
                    new MetaCommand.EndMigration(
                            end.access().volume(),
                            end.migration().id(),
                            terms.expired(end.access())));
        } else if (step instanceof Step.MoveLeader move) {
            return move(move);
        } else if (step instanceof Step.RebuildReplica rebuild) {
            return rebuild(rebuild);
        } else if (step instanceof Step.PromoteReplica promote) {
            return promote(promote);
        } else if (step instanceof Step.DismissReplica dismiss) {
            return dismiss(dismiss.group(), dismiss.leader(), dismiss.dataDir(), dismiss.members());
        } else if (step instanceof Step.RemoveReplica remove) {
            return remove(remove.group(), remove.dataDir(), remove.configuration());
        } else if (step instanceof Step.PreferLeader prefer) {
            return log(new MetaCommand.PreferLeader(prefer.group(), prefer.dataDir()));
        } else if (step instanceof Step.AdmitNode admit) {
            return log(new MetaCommand.NodeJoined(admit.node().name(), admit.node().dataDirs()));
        } else if (step instanceof Step.MoveReplica move) {
            return log(
                    new MetaCommand.MoveReplica(
                            move.group().placementGroup(), move.version(), move.move()));
        } else if (step instanceof Step.FinishMove finish) {
            return log(
                    new MetaCommand.EndMove(
                            finish.group().placementGroup(), finish.version(), true));
        } else if (step instanceof Step.CancelMove cancel) {
            return cancel(cancel);
        } else if (step instanceof Step.RecoverGroup recover) {
            return recover(recover.group());
        }
        throw new IllegalStateException("unknown step " + step);
    }

    private CompletableFuture<Void> create(PlacementGroup group) {
        List<ReplicaOrder.Member> members = new ArrayList<>();
        for (Replica replica : group.replicaSet().replicas()) {
            members.add(member(replica.dataDir()));
        }
        List<CompletableFuture<Void>> created = new ArrayList<>();
        for (Replica replica : group.replicaSet().replicas()) {
            created.add(
                    orderNode(
                            replica.dataDir(),
                            Opcode.CREATE_REPLICA,
                            new ReplicaOrder.Create(
                                    replica.dataDir(), group.id(), group.raftGroupId(), members)));
        }
        return all(created).thenCompose(done -> log(new MetaCommand.ActivateGroup(group.id())));
    }

    private CompletableFuture<Void> recover(PlacementGroup group) {
        GroupRecovery recovery = group.recovery().orElseThrow();
        UUID survivor = recovery.survivor().dataDir();
        return orderNode(
                        survivor,
                        Opcode.SUCCEED_REPLICA,
                        new ReplicaOrder.Succeed(
                                group.id(),
                                recovery.source(),
                                group.raftGroupId(),
                                member(survivor)))
                .thenCompose(
                        done ->
                                log(
                                        new MetaCommand.GroupRecovered(
                                                group.id(), group.raftGroupId())));
    }

    /**
     * A placement group that was recovered may know the volume as it was some snapshots ago, or not
     * at all: it is told of the first layer, then of every seal. Those that know them agree.
     */
    private CompletableFuture<Void> open(Volume volume) {
        return orderGroups(volume, group -> groupOrders.log(opening(volume, group)))
                .thenCompose(
                        opened -> {
                            CompletableFuture<Void> told = CompletableFuture.completedFuture(null);
                            for (Sealing seal : volume.seals()) {
                                told = told.thenCompose(done -> orderSeals(volume, seal));
                            }
                            return told;
                        })
                .thenCompose(done -> log(new MetaCommand.VolumeOpened(volume.id())));
    }

    private static GroupOrder opening(Volume volume, PlacementGroupId group) {
        return new GroupOrder.OpenVolume(
                group,
                volume.id(),
                volume.extentBytes(),
                volume.sizeBytes(),
                slotsOf(volume, group),
                volume.firstLayer());
    }

    private CompletableFuture<Void> seal(Volume volume, Sealing sealing) {
        return orderSeals(volume, sealing)
                .thenCompose(
                        done -> log(new MetaCommand.LayerSealed(volume.id(), sealing.snapshot())));
    }

    private CompletableFuture<Void> orderSeals(Volume volume, Sealing sealing) {
        return orderGroups(
                volume,
                group -> groupOrders.log(GroupOrder.SealLayer.of(group, volume.id(), sealing)));
    }

    private static List<Integer> slotsOf(Volume volume, PlacementGroupId group) {
        List<Integer> slots = new ArrayList<>();
        for (int slot = 0; slot < Slot.COUNT; slot++) {
            if (volume.slots().get(slot).equals(group)) {
                slots.add(slot);
            }
        }
        return slots;
    }

    private CompletableFuture<Void> drop(Volume volume) {
        return orderGroups(
                        volume,
                        group -> groupOrders.log(new GroupOrder.DropVolume(group, volume.id())))
                .thenCompose(done -> log(new MetaCommand.VolumeDropped(volume.id())));
    }

    private CompletableFuture<Void> admit(Volume volume, VolumeAccess access) {
        List<Epoch> readWrite = epochs(access, Attachment.Mode::writes);
        List<Epoch> readOnly = epochs(access, mode -> !mode.writes());
        return orderGroups(
                        volume,
                        group ->
                                groupOrders.log(
                                        new GroupOrder.Admit(
                                                group,
                                                volume.id(),
                                                access.admissionVersion(),
                                                readWrite,
                                                readOnly)))
                .handle((done, failure) -> installed(volume, access, failure))
                .thenCompose(logged -> logged);
    }

    private static List<Epoch> epochs(VolumeAccess access, Predicate<Attachment.Mode> which) {
        return access.held().filter(a -> which.test(a.mode())).map(Attachment::epoch).toList();
    }

    private CompletableFuture<Void> installed(
            Volume volume, VolumeAccess access, Throwable failure) {
        if (failure == null) {
            return log(new MetaCommand.AdmissionInstalled(volume.id(), access.admissionVersion()));
        }
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        boolean overtaken =
                cause instanceof MirachException e
                        && e.code() == ErrorCode.STALE_MAP
                        && image.get().accessTo(volume.id()).admissionVersion()
                                > access.admissionVersion();
        return overtaken
                ? CompletableFuture.completedFuture(null)
                : CompletableFuture.failedFuture(failure);
    }

    private CompletableFuture<Void> move(Step.MoveLeader move) {
        UUID group = move.group().raftGroupId();
        observations.moved(group);
        return orderNode(
                move.from(),
                Opcode.TRANSFER_LEADERSHIP,
                new ReplicaOrder.Transfer(move.from(), group, move.to()));
    }

    private CompletableFuture<Void> rebuild(Step.RebuildReplica step) {
        UUID group = step.group().raftGroupId();
        UUID leader = step.leader();
        Set<UUID> expected = step.members().voters();
        Set<UUID> others = without(expected, step.dataDir());
        List<ReplicaOrder.Member> voters = members(others);
        List<ReplicaOrder.Member> learners =
                members(without(step.members().learners(), step.dataDir()));
        List<ReplicaOrder.Member> withSelf = new ArrayList<>(learners);
        ReplicaOrder.Member self = member(step.dataDir());
        withSelf.add(self);
        certification.forget(group, step.dataDir());
        return change(leader, group, expected, voters, learners)
                .thenCompose(changed -> discardSpoiled(step, changed).thenApply(done -> changed))
                .thenCompose(
                        changed ->
                                orderNode(
                                        step.dataDir(),
                                        Opcode.CREATE_LEARNER,
                                        new ReplicaOrder.CreateLearner(
                                                step.dataDir(),
                                                step.group().placementGroup(),
                                                group,
                                                voters,
                                                self,
                                                changed)))
                .thenCompose(
                        created -> {
                            observations.madeAnew(group, step.dataDir());
                            return change(leader, group, ids(voters), voters, withSelf);
                        })
                .thenAccept(done -> {});
    }

    /** What cannot be trusted must not be what the new replica begins with. */
    private CompletableFuture<Void> discardSpoiled(
            Step.RebuildReplica step, ReplicaOrder.MembersChanged without) {
        if (!step.members().spoiled().contains(step.dataDir())) {
            return CompletableFuture.completedFuture(null);
        }
        return remove(step.group(), step.dataDir(), without.index());
    }

    private CompletableFuture<Void> promote(Step.PromoteReplica step) {
        return certified(step).thenCompose(proven -> giveVote(step));
    }

    /** The meta group's state is small, and always what its log says. */
    private CompletableFuture<Void> certified(Step.PromoteReplica step) {
        ClusterImage current = image.get();
        return step.group()
                .placementGroup()
                .map(current.placementGroups()::get)
                .map(
                        group ->
                                certification.certify(
                                        group,
                                        replica(current, step.leader()),
                                        replica(current, step.dataDir())))
                .orElseGet(() -> CompletableFuture.completedFuture(null));
    }

    private static Replica replica(ClusterImage image, UUID dataDir) {
        return new Replica(requireNode(image, dataDir).name(), dataDir);
    }

    private CompletableFuture<Void> giveVote(Step.PromoteReplica step) {
        Set<UUID> voters = new TreeSet<>(step.members().voters());
        voters.add(step.dataDir());
        step.insteadOf().ifPresent(voters::remove);
        return change(
                        step.leader(),
                        step.group().raftGroupId(),
                        step.members().voters(),
                        members(voters),
                        members(without(step.members().learners(), step.dataDir())))
                .thenAccept(done -> {});
    }

    private CompletableFuture<Void> dismiss(
            Step.Group group, UUID leader, UUID dataDir, LeaderView.Members members) {
        return change(
                        leader,
                        group.raftGroupId(),
                        members.voters(),
                        members(without(members.voters(), dataDir)),
                        members(without(members.learners(), dataDir)))
                .thenAccept(done -> {});
    }

    private CompletableFuture<Void> cancel(Step.CancelMove step) {
        // If it has its vote by now this is refused, and the move goes on to its end.
        return change(
                        step.leader(),
                        step.group().raftGroupId(),
                        step.members().voters(),
                        members(step.members().voters()),
                        members(without(step.members().learners(), step.dataDir())))
                .thenCompose(
                        changed ->
                                log(
                                        new MetaCommand.EndMove(
                                                step.group().placementGroup(),
                                                step.version(),
                                                false)));
    }

    private CompletableFuture<Void> remove(Step.Group group, UUID dataDir, long configuration) {
        return orderNode(
                dataDir,
                Opcode.REMOVE_REPLICA,
                new ReplicaOrder.Remove(
                        dataDir, group.placementGroup(), group.raftGroupId(), configuration));
    }

    private CompletableFuture<ReplicaOrder.MembersChanged> change(
            UUID leader,
            UUID group,
            Set<UUID> expectedVoters,
            List<ReplicaOrder.Member> voters,
            List<ReplicaOrder.Member> learners) {
        return askNode(
                        leader,
                        Opcode.CHANGE_MEMBERS,
                        new ReplicaOrder.ChangeMembers(
                                leader, group, expectedVoters, voters, learners))
                .thenApply(
                        body -> {
                            ReplicaOrder.MembersChanged changed =
                                    JsonBody.decode(body, ReplicaOrder.MembersChanged.class);
                            observations.configured(group, changed.index());
                            return changed;
                        });
    }

    private static Set<UUID> without(Set<UUID> dataDirs, UUID one) {
        Set<UUID> others = new TreeSet<>(dataDirs);
        others.remove(one);
        return others;
    }

    private static Set<UUID> ids(List<ReplicaOrder.Member> members) {
        return members.stream().map(ReplicaOrder.Member::dataDir).collect(Collectors.toSet());
    }

    /** Data dirs that no node has any more are left out, so they go with the first change. */
    private List<ReplicaOrder.Member> members(Set<UUID> dataDirs) {
        ClusterImage current = image.get();
        return dataDirs.stream()
                .filter(dir -> current.nodeOfDataDir(dir).isPresent())
                .map(this::member)
                .toList();
    }

    private ReplicaOrder.Member member(UUID dataDir) {
        return new ReplicaOrder.Member(dataDir, raftAddress(dataDir));
    }

    private CompletableFuture<Void> log(MetaCommand command) {
        return meta.propose(command).thenApply(MetaReply::orThrow).thenApply(reply -> null);
    }

    private CompletableFuture<Void> orderGroups(
            Volume volume, Function<PlacementGroupId, CompletableFuture<Void>> order) {
        Map<PlacementGroupId, CompletableFuture<Void>> orders = new TreeMap<>();
        for (PlacementGroupId group : volume.slots()) {
            orders.computeIfAbsent(group, order);
        }
        return all(List.copyOf(orders.values()));
    }

    private CompletableFuture<Void> orderNode(UUID dataDir, Opcode opcode, Object order) {
        return askNode(dataDir, opcode, order).thenAccept(ByteBuf::release);
    }

    private CompletableFuture<ByteBuf> askNode(UUID dataDir, Opcode opcode, Object order) {
        return connections.request(
                requireNode(image.get(), dataDir).nativeAddress(),
                opcode,
                JsonBody.encode(order, ByteBufAllocator.DEFAULT),
                NODE_ORDER_TIMEOUT);
    }

    private String raftAddress(UUID dataDir) {
        return requireNode(image.get(), dataDir)
                .dataDir(dataDir)
                .map(DataDir::raftAddress)
                .orElseThrow();
    }

    private static StorageNode requireNode(ClusterImage image, UUID dataDir) {
        return image.nodeOfDataDir(dataDir)
                .orElseThrow(
                        () ->
                                new MirachException(
                                        ErrorCode.NO_SUCH_NODE,
                                        "no node holds data dir " + dataDir));
    }

    private static CompletableFuture<Void> all(List<CompletableFuture<Void>> parts) {
        return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new));
    }
}
