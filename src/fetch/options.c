/* The options of veronnx-fetch. */
#include "fetch/fetch.h"

#include "base/text.h"

#include <string.h>

/* KIND=VALUE */
static err_t set_source(struct fetch_options *o, const char *value, struct why *why)
{
    const char *equals = strchr(value, '=');
    struct fetch_source s = {0};
    if (o->n_sources == SOURCES_MAX)
        return why_set(why, ERR_USAGE, "--source: at most %d times", SOURCES_MAX);
    if (equals == NULL || source_kind_find(view_of(value, (size_t)(equals - value)), &s.kind) != OK)
        return why_set(why, ERR_USAGE, "--source: KIND=VALUE, KIND is store, gateway, kubo or files");
    s.value = equals + 1;
    if (s.kind == SOURCE_STORE && o->n_sources > 0 && o->sources[o->n_sources - 1].kind != SOURCE_STORE)
        return why_set(why, ERR_USAGE, "--source: folders stand before URLs");
    if (s.kind != SOURCE_STORE)
        TRY(source_url_check(view_of(s.value, strlen(s.value)), why));
    o->sources[o->n_sources++] = s;
    return OK;
}

static err_t set_token_file(struct fetch_options *o, const char *value, struct why *why)
{
    struct fetch_source *s = o->n_sources > 0 ? &o->sources[o->n_sources - 1] : NULL;
    if (s == NULL || s->kind == SOURCE_STORE || s->token_file != NULL)
        return why_set(why, ERR_USAGE, "--token-file: behind a --source with a URL, once");
    s->token_file = value;
    return OK;
}

static err_t set_cache(struct fetch_options *o, const char *value, struct why *why UNUSED)
{
    o->cache = value;
    return OK;
}

static err_t set_cache_size(struct fetch_options *o, const char *value, struct why *why)
{
    if (text_u64(view_of(value, strlen(value)), UINT64_MAX, &o->cache_size) != OK || o->cache_size == 0)
        return why_set(why, ERR_USAGE, "--cache-size: a number of bytes");
    return OK;
}

static err_t set_ca_file(struct fetch_options *o, const char *value, struct why *why UNUSED)
{
    o->ca_file = value;
    return OK;
}

err_t fetch_options_parse(int argc, char **argv, struct fetch_options *ret, struct why *why)
{
    static const struct {
        const char *name;
        err_t (*set)(struct fetch_options *o, const char *value, struct why *why);
    } names[] = {
        {"--source", set_source},         {"--token-file", set_token_file}, {"--cache", set_cache},
        {"--cache-size", set_cache_size}, {"--ca-file", set_ca_file},
    };
    struct fetch_options o = {.cache_size = FETCH_CACHE_SIZE};
    for (int i = 1; i < argc; i += 2) {
        size_t n = 0;
        while (n < COUNT_OF(names) && strcmp(argv[i], names[n].name) != 0)
            n++;
        if (n == COUNT_OF(names) || i + 1 == argc)
            return why_set(why, ERR_USAGE, "argument %d: an option that does not exist, or one without a value", i);
        TRY(names[n].set(&o, argv[i + 1], why));
    }
    *ret = o;
    return OK;
}
