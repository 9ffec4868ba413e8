/** {@code mirach volume import} and {@code export}: volumes from and to files and streams. */
package io.mirach.transfer;
