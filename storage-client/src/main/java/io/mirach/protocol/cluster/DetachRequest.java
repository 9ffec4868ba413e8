package io.mirach.protocol.cluster;

import io.mirach.model.Epoch;
import io.mirach.model.VolumeId;

/** Gives an attachment back. Idempotent: an epoch that is no longer live is a success. */
public record DetachRequest(VolumeId volume, Epoch epoch) {}
