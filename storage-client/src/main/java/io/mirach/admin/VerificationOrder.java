package io.mirach.admin;

/**
 * The replicas of a placement group are being verified.
 *
 * @param pg 1 and up
 * @param digest names what was ordered; below 2^53, so that every JSON reader keeps it
 */
public record VerificationOrder(int pg, long digest) {}
