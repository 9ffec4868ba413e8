/**
 * {@code mirach bench}: measures a volume as its users meet it, beside the bare disk and the round
 * trip that bound it. The JMH benchmarks of single parts are in the package above.
 */
package io.mirach.bench.command;
