package io.mirach.admin;

/**
 * Ends a volume's attachment in the cluster. Refused with NOT_ATTACHED if there is none.
 *
 * @param force end it although its gateway lives; the gateway is fenced and its clients see errors.
 *     Without it, VOLUME_IN_USE while the gateway lives
 */
public record DetachRequest(boolean force) {}
