/**
 * An NBD server (fixed newstyle) over {@link io.mirach.client.AttachedVolume}. It knows volumes and
 * no cluster: an {@link io.mirach.nbd.ExportCatalog} says what is offered and attaches it.
 *
 * <p>The protocol is <a
 * href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">doc/proto.md</a> of the
 * NBD project.
 */
package io.mirach.nbd;
