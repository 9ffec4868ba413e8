package io.mirach.raft.ratis.disk;

/** A replica's files are not as this replica left them. The message says which and how. */
final class DamagedException extends Exception {
    private static final long serialVersionUID = 1L;

    DamagedException(String what) {
        super(what);
    }
}
