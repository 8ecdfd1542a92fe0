/* Records of the configuration as options. */
#include "wire/fetch_args.h"

#include <inttypes.h>
#include <stdio.h>

bool fetch_has_cache(const struct conf *c)
{
    return c->n_sources > 0 && c->cache_size > 0;
}

static void add(struct fetch_args *a, size_t *n, const char *name, const char *value)
{
    a->list[(*n)++] = name;
    a->list[(*n)++] = value;
}

void fetch_args_make(const struct conf *c, const char *store, const char *cache, struct fetch_args *ret)
{
    size_t n = 0;
    *ret = (struct fetch_args){0};
    (void)snprintf(ret->store, sizeof(ret->store), "%s=%s", source_kind_names[SOURCE_STORE], store);
    add(ret, &n, "--source", ret->store);
    for (uint32_t i = 0; i < c->n_sources; i++) {
        const struct conf_source *s = &c->sources[i];
        (void)snprintf(ret->sources[i], sizeof(ret->sources[i]), "%s=%s", source_kind_names[s->kind], s->url);
        add(ret, &n, "--source", ret->sources[i]);
        if (s->token_file[0] != '\0')
            add(ret, &n, "--token-file", s->token_file);
    }
    if (fetch_has_cache(c)) {
        (void)snprintf(ret->cache_size, sizeof(ret->cache_size), "%" PRIu64, c->cache_size);
        add(ret, &n, "--cache", cache);
        add(ret, &n, "--cache-size", ret->cache_size);
    }
    if (c->source_ca[0] != '\0')
        add(ret, &n, "--ca-file", c->source_ca);
}
