package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The replicas in one data dir's storage directory, as they lie on disk. Checks each before Ratis
 * opens it: Ratis by itself takes a log that ends early for one that was never longer, and gives up
 * the whole server where a single entry is damaged.
 *
 * <p>A replica is <em>lost</em> if anything of it is not as it left it, but for what was being
 * written when it died: it may have acknowledged what it no longer has, so it must not vote. It is
 * set aside whole. Its state machine's data stays as it is.
 *
 * <p>{@link #lost} is called by any thread, all else by one at a time.
 */
public final class ReplicaFiles {
    private static final Logger LOG = LoggerFactory.getLogger(ReplicaFiles.class);
    private static final Pattern GROUP =
            Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

    private final Path storageDir;
    private final Map<UUID, String> lost;

    private ReplicaFiles(Path storageDir, Map<UUID, String> lost) {
        this.storageDir = storageDir;
        this.lost = lost;
    }

    /** Finishes removals that were cut off. Blocks. */
    public static ReplicaFiles open(Path storageDir) throws IOException {
        Files.createDirectories(storageDir);
        RemovedGroups.sweep(storageDir);
        Map<UUID, String> lost = new ConcurrentHashMap<>(LostReplicas.list(storageDir));
        lost.forEach((group, why) -> LOG.error("The replica of {} here is lost: {}", group, why));
        return new ReplicaFiles(storageDir, lost);
    }

    /** The lost groups, and why each is lost. */
    public Map<UUID, String> lost() {
        return Map.copyOf(lost);
    }

    /** The groups that have, or should have, a replica here that is not lost. */
    public Set<UUID> found() throws IOException {
        Set<UUID> found = new TreeSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(storageDir)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                String group =
                        name.startsWith(AppliedMark.PREFIX)
                                ? name.substring(AppliedMark.PREFIX.length())
                                : name;
                if (GROUP.matcher(group).matches()) {
                    found.add(UUID.fromString(group));
                }
            }
        }
        found.removeAll(lost.keySet());
        return found;
    }

    /**
     * Reads all of a replica's files, finishes what a kill cut off, and sets the replica aside if
     * it is lost. Blocks for as long as reading its log takes.
     *
     * @param machine its state, as it was found
     * @return whether Ratis may open it
     */
    public boolean isSound(UUID group, ReplicatedStateMachine<?> machine, Instant now)
            throws IOException {
        try {
            verify(group, machine.durablePosition(), machine.logBase());
            return true;
        } catch (DamagedException e) {
            Path kept = LostReplicas.setAside(storageDir, group, e.getMessage(), now);
            lost.put(group, e.getMessage());
            LOG.error(
                    "The replica of {} here is lost: {}. It is kept in {}, and the other groups of"
                            + " this data dir are served without it",
                    group,
                    e.getMessage(),
                    kept);
            return false;
        }
    }

    private void verify(UUID group, LogPosition durable, LogPosition logBase)
            throws IOException, DamagedException {
        Path current = storageDir.resolve(group.toString()).resolve("current");
        boolean wasCreated = AppliedMark.exists(storageDir, group) || durable.index() >= 0;
        if (!Files.isDirectory(current) || !hasBegun(current)) {
            if (wasCreated) {
                throw new DamagedException("its Raft log and its vote are gone");
            }
            return; // A creation that was cut off before it had members: Ratis begins anew.
        }
        RaftMeta meta = RaftMeta.read(current);
        MembersFile.verify(current);
        LogFiles log = LogFiles.verify(current);
        long reborn = Rebirth.verify(current).map(Rebirth::logBase).orElse(-1L);
        long base = Math.max(logBase.index(), reborn);
        verifyReach(log, durable, base, AppliedMark.read(storageDir, group).orElse(-1));
        if (log.last() < logBase.index()) {
            // An import was installed, and the process died before the log from before was dropped.
            // Ratis would keep its last segment, and refuse every entry for the gap behind it.
            log.delete();
        } else {
            log.repair();
        }
        meta.raised(Math.max(log.lastTerm(), durable.term())).write(current);
    }

    /** Whether there are members, or entries. */
    private static boolean hasBegun(Path current) throws IOException {
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(current, "{" + MembersFile.FILE_NAME + "*,log_*}")) {
            for (Path file : files) {
                if (!file.getFileName().toString().endsWith(".draft")) {
                    return true;
                }
            }
            return false;
        }
    }

    /**
     * @param base where this replica's log began: what was applied before was never in it
     */
    private static void verifyReach(LogFiles log, LogPosition durable, long base, long mark)
            throws DamagedException {
        long applied = Math.max(durable.index(), mark);
        if (log.last() < applied && applied > base) {
            throw new DamagedException(
                    "its log ends at entry "
                            + log.last()
                            + ", but entry "
                            + applied
                            + " is applied: entries were lost on this disk");
        }
        if (!log.isEmpty() && log.first() > durable.index() + 1) {
            throw new DamagedException(
                    "its log begins at entry "
                            + log.first()
                            + ", but its state ends at entry "
                            + durable.index());
        }
    }

    /**
     * Makes the files of a new replica of a group that others have, on disk before Ratis sees them.
     * If the group was lost here it no longer is; what was set aside stays.
     *
     * @param members a configuration entry
     * @param term the replica's first; it has voted for nobody in it
     */
    public void create(UUID group, LogEntryProto members, long term, Rebirth rebirth)
            throws IOException {
        // Whole under another name first: half of it would be a replica without a past.
        Path draft = storageDir.resolve(RemovedGroups.NEW + group);
        RemovedGroups.delete(storageDir, draft);
        Path current = draft.resolve("current");
        Files.createDirectories(current);
        new RaftMeta(term, "").write(current);
        MembersFile.write(current, members);
        rebirth.write(current);
        DurableFiles.sync(draft);
        AppliedMark.set(storageDir, group, rebirth.logBase());
        DurableFiles.rename(draft, storageDir.resolve(group.toString()));
        LostReplicas.replaced(storageDir, group);
        lost.remove(group);
    }

    /**
     * Sets a sound replica aside for good, whose group goes on as another one: from here on it
     * neither votes nor is served. Ratis no longer uses it.
     */
    public void retire(UUID group, UUID successor, Instant now) throws IOException {
        String reason = RetiredReplica.reason(successor);
        Path kept = LostReplicas.setAside(storageDir, group, reason, now);
        lost.put(group, reason);
        LOG.warn("The replica of {} here is set aside in {}: {}", group, kept, reason);
    }

    /** The replica of a group that was retired here. */
    public Optional<RetiredReplica> retired(UUID group) throws IOException {
        return RetiredReplica.find(storageDir, group);
    }

    /** Whether there is a replica of a group that is not lost. */
    public boolean exists(UUID group) {
        return Files.exists(storageDir.resolve(group.toString()));
    }

    /** A group is to have no replica here any more: deletes its files, those set aside too. */
    public void remove(UUID group) throws IOException {
        // First, so that a removal that is cut off does not look like a log that has vanished.
        AppliedMark.delete(storageDir, group);
        RemovedGroups.delete(storageDir, storageDir.resolve(group.toString()));
        for (Path kept : LostReplicas.of(storageDir, group)) {
            RemovedGroups.delete(storageDir, kept);
        }
        lost.remove(group);
    }
}
