/**
 * The gateway process: offers a cluster's volumes over NBD on one host. It joins {@link
 * io.mirach.client} and {@link io.mirach.nbd}; what it offers, it reads from the cluster map.
 */
package io.mirach.gateway;
