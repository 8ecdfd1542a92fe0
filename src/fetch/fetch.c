/* Options, start and jail of veronnx-fetch. */
#include "fetch/fetch.h"

#include "base/log.h"
#include "fetch/serve.h"
#include "jail/jail.h"
#include "wire/roles.h"

#include <string.h>

static err_t enter_jail(const char *path, const struct store *store)
{
    const char *const read_only[] = {path, NULL};
    const int keep[] = {CONTROL_FD, LOG_FD, store->dir};
    const struct jail_paths paths = {
        .read_only = read_only, .empty_dir = ".", .keep_fds = keep, .n_keep_fds = COUNT_OF(keep)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_FETCH, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_FETCH, JAIL_FETCH, failure.step, failure.os_error);
    return e;
}

static err_t run(const char *path)
{
    AUTO(store_done) struct store store = STORE_NONE;
    const struct wire_end control = {CONTROL_FD, CHAN_FETCH, SIDE_B};
    TRY(store_open(path, &store, NULL));
    TRY(enter_jail(path, &store));
    return serve_run(&control, &store);
}

int fetch_main(int argc, char **argv)
{
    log_setup(LOG_FD, ROLE_FETCH);
    if (argc != 3 || strcmp(argv[1], "--store") != 0)
        return 2;
    err_t e = run(argv[2]);
    if (e != OK)
        log_event(LOG_PEER_REFUSED, ROLE_SUPER, 0, e);
    return e == OK ? 0 : 1;
}
