package io.mirach.protocol.cluster;

import io.mirach.model.Gateway;

/** A gateway announces itself, at start and every few seconds while it lives. */
public record RegisterGateway(Gateway gateway) {}
