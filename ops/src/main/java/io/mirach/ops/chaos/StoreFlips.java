package io.mirach.ops.chaos;

import io.mirach.model.Block;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Bits of RocksDB's files, {@code .blob} and {@code .sst}, that are flipped while nobody has the
 * files open. Confined to one thread.
 */
final class StoreFlips {
    private record Place(Path file, long position) {}

    private record Copy(Path file, long position, long value) {}

    private final List<Path> files;
    private final Random random;
    // With the bit that is flipped there; no place is flipped twice.
    private final Map<Place, Integer> flipped = new HashMap<>();

    /**
     * @param folder in which RocksDB's files lie
     */
    StoreFlips(Path folder, Random random) {
        this.random = random;
        try (Stream<Path> all = Files.list(folder)) {
            this.files =
                    all.filter(file -> isBlob(file) || file.toString().endsWith(".sst"))
                            .sorted()
                            .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isBlob(Path file) {
        return file.toString().endsWith(".blob");
    }

    /**
     * Flips a bit in every copy of the newest value of some of {@code blocks}: each of them is
     * damaged for certain.
     *
     * @param count at most so many blocks
     * @return the blocks
     */
    Set<Long> flipBlocks(Collection<Long> blocks, int count) {
        Map<Long, List<Copy>> found = newestCopies(Set.copyOf(blocks));
        List<Long> chosen = new ArrayList<>(found.keySet());
        Collections.shuffle(chosen, random);
        Set<Long> damaged = new TreeSet<>(chosen.subList(0, Math.min(count, chosen.size())));
        for (long block : damaged) {
            for (Copy copy : found.get(block)) {
                flip(new Place(copy.file(), copy.position() + random.nextInt(Block.BYTES)));
            }
        }
        return damaged;
    }

    /** Flips bits anywhere. */
    void flipAnywhere(int count) {
        long total = files.stream().mapToLong(file -> file.toFile().length()).sum();
        for (int i = 0; i < count && total > 0; i++) {
            long position = (long) (random.nextDouble() * total);
            for (Path file : files) {
                long length = file.toFile().length();
                if (position < length) {
                    flip(new Place(file, position));
                    break;
                }
                position -= length;
            }
        }
    }

    private void flip(Place place) {
        int bit = random.nextInt(Byte.SIZE);
        if (flipped.putIfAbsent(place, bit) == null) {
            StoppedNode.flip(place.file(), place.position(), bit);
        }
    }

    /**
     * Flips back what is still there. RocksDB never changes a file and never gives its name to
     * another one, so the files are what they were.
     */
    void undo() {
        flipped.forEach(
                (place, bit) -> {
                    try {
                        StoppedNode.flip(place.file(), place.position(), bit);
                    } catch (UncheckedIOException e) {
                        if (!(e.getCause() instanceof NoSuchFileException)) {
                            throw e;
                        }
                        // It was compacted, or its replica is gone.
                    }
                });
        flipped.clear();
    }

    /**
     * By block, where its newest value lies: more than once if entries of the log were applied
     * again.
     */
    private Map<Long, List<Copy>> newestCopies(Set<Long> blocks) {
        Map<Long, List<Copy>> newest = new TreeMap<>();
        for (Path file : files.stream().filter(StoreFlips::isBlob).toList()) {
            ByteBuffer bytes = read(file);
            for (int at = 0; at + Block.BYTES <= bytes.limit(); at++) {
                long block = bytes.getLong(at + Long.BYTES);
                if (blocks.contains(block) && RegisterValue.startsAt(bytes, at, block)) {
                    add(newest, block, new Copy(file, at, bytes.getLong(at)));
                    at += Block.BYTES - 1;
                }
            }
        }
        return newest;
    }

    private static void add(Map<Long, List<Copy>> newest, long block, Copy copy) {
        List<Copy> known = newest.computeIfAbsent(block, key -> new ArrayList<>());
        if (!known.isEmpty() && known.get(0).value() < copy.value()) {
            known.clear();
        }
        if (known.isEmpty() || known.get(0).value() == copy.value()) {
            known.add(copy);
        }
    }

    private static ByteBuffer read(Path file) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        long blobs = flipped.keySet().stream().filter(place -> isBlob(place.file())).count();
        return blobs + " bits in .blob and " + (flipped.size() - blobs) + " in .sst files";
    }
}
