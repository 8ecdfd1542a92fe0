/* Start and jail of veronnx-fetch. */
#include "fetch/fetch.h"

#include "base/log.h"
#include "fetch/serve.h"
#include "jail/jail.h"
#include "wire/roles.h"

#include <malloc.h>
#include <nss.h>
#include <pthread.h>

#define STACK_BYTES (256 * KIB)

struct fetch {
    struct fetch_options options;
    struct sources sources;
    struct cache cache;
};

static void fetch_done(struct fetch *f)
{
    sources_done(&f->sources);
    cache_done(&f->cache);
}

static bool has_url(const struct fetch *f)
{
    return f->sources.n > 0 && f->sources.list[f->sources.n - 1].kind != SOURCE_STORE;
}

static const char *ca_file(const struct fetch *f)
{
    return f->options.ca_file != NULL ? f->options.ca_file : http_default_ca_file();
}

static err_t enter_jail(const struct fetch *f)
{
    const char *read_only[SOURCES_MAX + SOURCE_SYSTEM_FILES + 1] = {NULL};
    const char *const read_write[] = {f->options.cache, NULL};
    int keep[SOURCES_MAX + 3] = {CONTROL_FD, LOG_FD};
    size_t n_keep = 2, n = 0;
    for (size_t i = 0; i < f->sources.n && f->options.sources[i].kind == SOURCE_STORE; i++) {
        read_only[n++] = f->options.sources[i].value;
        keep[n_keep++] = f->sources.list[i].store.dir;
    }
    if (f->options.cache != NULL)
        keep[n_keep++] = f->cache.store.dir;
    for (size_t i = 0; has_url(f) && source_system_files[i] != NULL; i++)
        read_only[n++] = source_system_files[i];
    if (has_url(f))
        read_only[n++] = ca_file(f);
    const struct jail_paths paths = {
        .read_only = read_only, .read_write = read_write, .empty_dir = ".", .keep_fds = keep, .n_keep_fds = n_keep};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_FETCH, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_FETCH, JAIL_FETCH, failure.step, failure.os_error);
    return e;
}

/* Host names are looked up in threads of libcurl, by the C library's own means: no other library is loaded inside the
   jail, and no daemon is asked. Threads are few and their stacks small. */
static err_t set_process(void)
{
    pthread_attr_t attr;
    (void)mallopt(M_ARENA_MAX, 1); /* a sanitizer has an allocator of its own */
    bool ok = __nss_configure_lookup("hosts", "files dns") == 0 && pthread_attr_init(&attr) == 0 &&
              pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 && pthread_setattr_default_np(&attr) == 0;
    return ok ? OK : ERR_INTERNAL;
}

static err_t open_all(struct fetch *f)
{
    TRY(set_process());
    TRY(sha256_setup());
    TRY(sources_open(&f->options, &f->sources, NULL));
    if (f->options.cache != NULL)
        TRY(cache_open(f->options.cache, f->options.cache_size, &f->cache, NULL));
    return has_url(f) ? http_setup() : OK;
}

static err_t run(struct fetch *f)
{
    const struct serve_setup setup = {.control = {CONTROL_FD, CHAN_FETCH, SIDE_B},
                                      .sources = &f->sources,
                                      .cache = f->options.cache != NULL ? &f->cache : NULL,
                                      .ca_file = ca_file(f)};
    TRY(open_all(f));
    TRY(enter_jail(f));
    return serve_run(&setup);
}

int fetch_main(int argc, char **argv)
{
    AUTO(fetch_done) struct fetch f = {.cache = CACHE_NONE};
    log_setup(LOG_FD, ROLE_FETCH);
    if (fetch_options_parse(argc, argv, &f.options, NULL) != OK)
        return 2;
    err_t e = run(&f);
    if (e != OK)
        log_event(LOG_PEER_REFUSED, ROLE_SUPER, 0, e);
    return e == OK ? 0 : 1;
}
