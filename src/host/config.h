/* The configuration as veronnx-config reads it: what is delivered, and what the fetcher here is told. */
#ifndef VERONNX_HOST_CONFIG_H
#define VERONNX_HOST_CONFIG_H

#include "wire/conf.h"
#include "wire/fetch_args.h"

struct host_config {
    struct map map;
    const struct conf *conf;
    struct buf delivery; /* what goes into the enclave: wire/delivery.h */
    char store[CONF_PATH_MAX];
    char cache[CONF_PATH_MAX]; /* "" without one */
    struct fetch_args fetch;
};

/* Runs veronnx-config on `args` (behind argv[0], ending with NULL) and makes the folders of the fetcher. Errors are
 * printed. */
err_t host_config_read(const char *const *args, struct host_config *ret);
void host_config_done(struct host_config *c);

#endif
