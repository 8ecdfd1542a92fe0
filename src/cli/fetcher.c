/* Its command line, its start and one stream. */
#include "cli/fetcher.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXE_NAME "veronnx-fetch"
#define READY_MS 5000

/* ── its command line ── */

struct arguments {
    char *argv[2 * SOURCES_MAX + 4];
    char sources[SOURCES_MAX][PATH_MAX + 16];
    char ca_file[PATH_MAX];
    char exe[LAUNCH_PATH_MAX];
};

/* The child runs in another folder. */
static err_t whole_path(const char *path, char ret[static PATH_MAX], struct why *why)
{
    return realpath(path, ret) != NULL ? OK : why_set(why, ERR_USAGE, "%s: %s", strerror(errno), path);
}

static err_t put_source(const struct fetcher_source *s, char *ret, size_t size, struct why *why)
{
    char folder[PATH_MAX];
    if (s->kind == SOURCE_STORE)
        TRY(whole_path(s->value, folder, why));
    int n = snprintf(ret, size, "%s=%s", source_kind_names[s->kind], s->kind == SOURCE_STORE ? folder : s->value);
    return n > 0 && (size_t)n < size ? OK : ERR_TOO_LARGE;
}

static err_t put_arguments(const struct fetcher_source *sources, size_t n, const char *ca_file, struct arguments *a,
                           struct why *why)
{
    static char exe_name[] = EXE_NAME, source_option[] = "--source", ca_option[] = "--ca-file";
    char **at = a->argv;
    if (n > SOURCES_MAX)
        return why_set(why, ERR_USAGE, "more than %d sources", SOURCES_MAX);
    *at++ = exe_name;
    for (size_t i = 0; i < n; i++) {
        TRY(put_source(&sources[i], a->sources[i], sizeof(a->sources[i]), why));
        *at++ = source_option;
        *at++ = a->sources[i];
    }
    if (ca_file != NULL) {
        TRY(whole_path(ca_file, a->ca_file, why));
        *at++ = ca_option;
        *at++ = a->ca_file;
    }
    return launch_beside(EXE_NAME, a->exe);
}

/* ── starting it ── */

static err_t wait_until_ready(const struct fetcher *f)
{
    AUTO(wire_inbox_done) struct wire_inbox inbox = {0};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_inbox_init(&inbox, CHAN_FETCH));
    TRY(wire_wait(&f->process.control, READY_MS));
    TRY(wire_recv(&f->process.control, &inbox, false, &m));
    return m.type == MSG_FETCH_READY ? OK : ERR_PROTOCOL;
}

static err_t open_stream(struct fetcher *f)
{
    const struct msg_fetch_serve serve = {.infer = 1};
    AUTO_FD int remote = -1;
    TRY(wire_stream(&f->block_fd, &remote));
    return wire_send_wait(&f->process.control, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &remote, 1);
}

err_t fetcher_start(const struct fetcher_source *sources, size_t n, const char *ca_file, struct fetcher *ret,
                    struct why *why)
{
    char empty_dir[] = "/tmp/veronnx-XXXXXX";
    AUTO(fetcher_stop) struct fetcher f = FETCHER_NONE;
    AUTO_MEM struct arguments *a = mem_alloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    TRY(put_arguments(sources, n, ca_file, a, why));
    if (mkdtemp(empty_dir) == NULL)
        return why_set(why, ERR_NOT_PERMITTED, "cannot make a folder in /tmp: %s", strerror(errno));
    err_t e = launch_start(a->exe, a->argv, environ, empty_dir, CHAN_FETCH, &f.process);
    if (e == OK)
        e = wait_until_ready(&f);
    (void)rmdir(empty_dir);
    if (e == OK)
        e = open_stream(&f);
    if (e != OK) {
        fetcher_print_log(&f);
        return why_set(why, ERR_SOURCE_DEAD, "veronnx-fetch does not start (%s)", err_name(e));
    }
    *ret = f;
    f = FETCHER_NONE;
    return OK;
}

void fetcher_stop(struct fetcher *f)
{
    fd_close(&f->block_fd);
    launch_stop(&f->process);
}

void fetcher_print_log(const struct fetcher *f)
{
    struct log_record r;
    char line[LOG_LINE_MAX];
    while (f->process.log_fd >= 0 && recv(f->process.log_fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        if (log_format(&r, ROLE_FETCH, clock_wall_us(), line) == OK)
            (void)fprintf(stderr, "%s\n", line);
}
