/* The command line of veronnx-fetch. */
#ifndef VERONNX_WIRE_FETCH_ARGS_H
#define VERONNX_WIRE_FETCH_ARGS_H

#include "wire/conf.h"

#define FETCH_ARGS_MAX (2 + 4 * CONF_SOURCE_MAX + 6 + 1)

struct fetch_args {
    const char *list[FETCH_ARGS_MAX]; /* ends with NULL; points into this, the configuration and the folders' names */
    char store[2 * CONF_PATH_MAX + 8];
    char sources[CONF_SOURCE_MAX][SOURCE_URL_MAX + 16];
    char cache_size[24];
};

/* Are blocks fetched from anywhere but the store, and kept? */
bool fetch_has_cache(const struct conf *c);

/* As fetch/fetch.h describes them. Strings stay the caller's. */
void fetch_args_make(const struct conf *c, const char *store, const char *cache, struct fetch_args *ret);

#endif
