package io.mirach.nbd;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * What an NBD server offers. Called on event loops: thread-safe, and never blocks. Only {@link
 * #open} may attach.
 */
public interface ExportCatalog {
    /** What LIST shows, in the order shown. */
    List<ExportDescription> list();

    /**
     * What INFO tells; empty if a client could not open an export of that name now. Fails with
     * {@link io.mirach.protocol.MirachException} when that cannot be told.
     */
    CompletableFuture<Optional<ExportDescription>> describe(String name);

    /**
     * Opens an export for one session, which calls {@link NbdExport#leave} exactly once when it has
     * ended, also when it ended while this was under way. Fails with {@link
     * io.mirach.protocol.MirachException}: NO_SUCH_VOLUME, VOLUME_IN_USE, SHUTTING_DOWN, ...; its
     * detail is shown to the client.
     */
    CompletableFuture<NbdExport> open(String name);
}
