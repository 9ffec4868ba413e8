/**
 * Breaks a cluster on purpose and checks what its clients saw: a workload runs against separate
 * node processes while faults strike, every call is recorded, and a checker judges the history.
 */
package io.mirach.ops.chaos;
