package io.mirach.gateway;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;

/**
 * The folder that makes a gateway the same one after a restart: it keeps the owner secret. Locked
 * while a process uses it, since two processes with one secret would fence each other in turns.
 */
final class StateDir implements AutoCloseable {
    private static final String SECRET_FILE = "owner-secret";
    private static final String LOCK_FILE = "lock";
    private static final int SECRET_BYTES = 32;

    private final FileChannel lockChannel;
    private final String ownerSecret;

    private StateDir(FileChannel lockChannel, String ownerSecret) {
        this.lockChannel = lockChannel;
        this.ownerSecret = ownerSecret;
    }

    /** Opens the folder, making it and the secret at the first start. */
    static StateDir open(Path folder) {
        try {
            Files.createDirectories(folder, onlyOwner("rwx------"));
            FileChannel lockChannel = lock(folder);
            try {
                return new StateDir(lockChannel, secret(folder));
            } catch (IOException | RuntimeException failure) {
                lockChannel.close();
                throw failure;
            }
        } catch (IOException failure) {
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG,
                    "cannot use state-dir " + folder + ": " + failure,
                    failure);
        }
    }

    private static FileChannel lock(Path folder) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        folder.resolve(LOCK_FILE),
                        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                        onlyOwner("rw-------"));
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException sameProcess) {
            lock = null;
        } catch (IOException failure) {
            channel.close();
            throw failure;
        }
        if (lock == null) {
            channel.close();
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG, "another gateway runs with state-dir " + folder);
        }
        return channel;
    }

    private static String secret(Path folder) throws IOException {
        Path file = folder.resolve(SECRET_FILE);
        try {
            String secret = Files.readString(file).strip();
            if (!secret.matches("[0-9a-f]{" + 2 * SECRET_BYTES + "}")) {
                throw new MirachException(
                                ErrorCode.INVALID_CONFIG, file + " does not hold an owner secret")
                        .withRemedy(
                                "restore it; without it this gateway cannot resume its attachments");
            }
            return secret;
        } catch (NoSuchFileException firstStart) {
            return newSecret(folder, file);
        }
    }

    /**
     * Durable before its first use: an attachment made under a lost secret could not be resumed.
     */
    private static String newSecret(Path folder, Path file) throws IOException {
        byte[] random = new byte[SECRET_BYTES];
        new SecureRandom().nextBytes(random);
        String secret = HexFormat.of().formatHex(random);
        Path unfinished = folder.resolve(SECRET_FILE + ".new");
        Files.deleteIfExists(unfinished);
        try (FileChannel channel =
                FileChannel.open(
                        unfinished,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        onlyOwner("rw-------"))) {
            channel.write(StandardCharsets.US_ASCII.encode(secret + "\n"));
            channel.force(true);
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
            directory.force(true);
        }
        return secret;
    }

    private static FileAttribute<Set<PosixFilePermission>> onlyOwner(String permissions) {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
    }

    String ownerSecret() {
        return ownerSecret;
    }

    @Override
    public void close() {
        try {
            lockChannel.close();
        } catch (IOException failure) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot release the state-dir: " + failure, failure);
        }
    }
}
