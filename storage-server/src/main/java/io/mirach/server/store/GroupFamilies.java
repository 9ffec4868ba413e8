package io.mirach.server.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mirach.protocol.Json;
import io.mirach.raft.DurableFiles;
import io.mirach.raft.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Which column family holds a placement group's state, and which the one that is being imported. A
 * column family cannot be renamed, so an import gets a name of its own, and a small file beside
 * RocksDB's says which is in use. Not in RocksDB: with its own log off, a durable change there is a
 * flush, which waits its turn behind large ones. Each change is durable, as a whole, when it
 * returns. Guarded by its owner.
 */
final class GroupFamilies {
    private static final String FILE = "groups.json";
    private static final int FORMAT = 1;
    private static final int GROUP_CHARS = 36;

    /**
     * The file.
     *
     * @param current by group: what is in use, where it is not the first
     * @param imports by group: the name of what is being imported
     */
    private record Content(int format, Map<UUID, Family> current, Map<UUID, String> imports) {}

    /**
     * A column family that holds a group's state.
     *
     * @param name the group, and behind a dot how many came before it, if any; the group that had
     *     it first, if it was handed over
     * @param base the position at which it was imported or handed over; NONE if it was not
     */
    record Family(String name, LogPosition base) {}

    private final Path file;
    private final Map<UUID, Family> current;
    private final Map<UUID, String> imports;

    /** Reads what is in use in a store's folder. */
    GroupFamilies(Path dir) {
        this.file = dir.resolve(FILE);
        if (!Files.exists(file)) {
            current = Map.of();
            imports = Map.of();
            return;
        }
        try {
            Content content = Json.mapper().readValue(Files.readAllBytes(file), Content.class);
            if (content.format() != FORMAT) {
                throw new StoreException(
                        file
                                + " has format "
                                + content.format()
                                + "; this release reads "
                                + FORMAT);
            }
            current = content.current();
            imports = content.imports();
        } catch (IOException e) {
            throw new StoreException("cannot read " + file, e);
        }
    }

    private GroupFamilies(Path file, Map<UUID, Family> current, Map<UUID, String> imports) {
        this.file = file;
        this.current = current;
        this.imports = imports;
    }

    /** The group that a family of this name is of. */
    static UUID group(String name) {
        return UUID.fromString(name.substring(0, GROUP_CHARS));
    }

    Family current(UUID groupId) {
        Family own = current.get(groupId);
        return own == null ? new Family(firstName(groupId), LogPosition.NONE) : own;
    }

    /** What a group's state is called that is new; its own first state may be another's by now. */
    private String firstName(UUID groupId) {
        String name = groupId.toString();
        for (int before = 1; isNamed(name); before++) {
            name = groupId + "." + before;
        }
        return name;
    }

    private boolean isNamed(String name) {
        return current.values().stream().anyMatch(family -> family.name().equals(name))
                || imports.containsValue(name);
    }

    /** The group whose state a family of this name is, or would be. */
    UUID owner(String name) {
        return current.entrySet().stream()
                .filter(each -> each.getValue().name().equals(name))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseGet(() -> group(name));
    }

    Optional<String> importing(UUID groupId) {
        return Optional.ofNullable(imports.get(groupId));
    }

    Set<UUID> importing() {
        return Set.copyOf(imports.keySet());
    }

    boolean isUsed(String name) {
        return isNamed(name) || name.equals(current(group(name)).name());
    }

    /** Whether a group's state came from elsewhere: from an import, or from another group. */
    boolean isMoved(UUID groupId) {
        return current.containsKey(groupId);
    }

    /** The state of one group, as it is at {@code position}, is another's from now on. */
    GroupFamilies handedOver(UUID from, UUID to, LogPosition position) {
        Family family = new Family(current(from).name(), position);
        return written(with(with(current, from, null), to, family), with(imports, from, null));
    }

    /** An import begins, in a family that was never there before. */
    GroupFamilies withImport(UUID groupId) {
        String now = current(groupId).name();
        int before =
                now.length() == GROUP_CHARS ? 0 : Integer.parseInt(now.substring(GROUP_CHARS + 1));
        return written(current, with(imports, groupId, groupId + "." + (before + 1)));
    }

    GroupFamilies withoutImport(UUID groupId) {
        return written(current, with(imports, groupId, null));
    }

    /** What was imported is in use from now on. */
    GroupFamilies installed(UUID groupId, LogPosition position) {
        Family installed = new Family(importing(groupId).orElseThrow(), position);
        return written(with(current, groupId, installed), with(imports, groupId, null));
    }

    GroupFamilies without(UUID groupId) {
        return current.containsKey(groupId) || imports.containsKey(groupId)
                ? written(with(current, groupId, null), with(imports, groupId, null))
                : this;
    }

    private static <T> Map<UUID, T> with(Map<UUID, T> map, UUID key, T valueOrNull) {
        Map<UUID, T> changed = new HashMap<>(map);
        if (valueOrNull == null) {
            changed.remove(key);
        } else {
            changed.put(key, valueOrNull);
        }
        return changed;
    }

    private GroupFamilies written(Map<UUID, Family> nowCurrent, Map<UUID, String> nowImports) {
        try {
            Content content =
                    new Content(FORMAT, new TreeMap<>(nowCurrent), new TreeMap<>(nowImports));
            DurableFiles.replace(file, Json.mapper().writeValueAsBytes(content));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new StoreException("cannot write " + file, e);
        }
        return new GroupFamilies(file, nowCurrent, nowImports);
    }
}
