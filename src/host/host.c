/* Start, jail, loop and end of the host. */
#include "host/host.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "host/config.h"
#include "host/control.h"
#include "host/heartbeat.h"
#include "host/options.h"
#include "host/print.h"
#include "jail/jail.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DRAIN_MS 30000

struct host {
    struct host_options options;
    struct host_config config;
    struct loop loop;
    struct forwarder *forwarder;
    struct fetcher fetcher;
    struct services services;
    struct control control;
    struct heartbeat *heartbeat;
    struct watch signals;
    uint64_t drain_until_ms; /* 0: not asked to end */
    struct forward_counts told;
    char exe_dir[PATH_MAX];
    char lib_dir[PATH_MAX];
};

/* ── the end ── */

static void on_signal(struct watch *w, uint32_t events UNUSED)
{
    struct host *h = w->loop->self;
    struct signalfd_siginfo info;
    if (read(w->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    bool twice = h->drain_until_ms != 0;
    if (!twice)
        h->drain_until_ms = h->loop.now_ms + DRAIN_MS;
    forwarder_drain(h->forwarder);
    h->loop.stop = twice || forwarder_counts(h->forwarder).open == 0;
}

/* How many could not be handed on is worth a line, how many could is not. */
static void tell_counts(struct host *h)
{
    struct forward_counts now = forwarder_counts(h->forwarder);
    if (now.refused != h->told.refused)
        print_line("%llu connections did not reach the enclave (%u are open)",
                   (unsigned long long)(now.refused - h->told.refused), now.open);
    h->told = now;
}

static void on_tick(void *self)
{
    struct host *h = self;
    forwarder_tick(h->forwarder);
    services_tick(&h->services);
    control_tick(&h->control);
    fetcher_tick(&h->fetcher);
    heartbeat_tick(h->heartbeat, h->loop.now_ms);
    tell_counts(h);
    if (h->drain_until_ms != 0 && !h->loop.stop)
        h->loop.stop = h->told.open == 0 || h->loop.now_ms >= h->drain_until_ms;
}

/* ── the start ── */

static err_t find_folders(struct host *h)
{
    char exe[PATH_MAX], lib[PATH_MAX + 8];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0)
        return err_errno();
    exe[n] = '\0';
    *strrchr(exe, '/') = '\0';
    memcpy(h->exe_dir, exe, strlen(exe) + 1);
    (void)snprintf(lib, sizeof(lib), "%s/lib", exe);
    return realpath(lib, h->lib_dir) != NULL ? OK : err_errno();
}

/* A folder that nobody else can name and that stays empty: this process's and the fetcher's. */
static err_t leave_directory(void)
{
    char name[] = "/tmp/veronnx-host-XXXXXX";
    return mkdtemp(name) != NULL && chdir(name) == 0 && rmdir(name) == 0 ? OK : err_errno();
}

static err_t watch_signals(struct host *h)
{
    sigset_t set;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_errno();
    AUTO_FD int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_errno();
    watch_init(&h->signals, &h->loop, &fd, on_signal);
    return watch_for(&h->signals, EPOLLIN);
}

static void tell_entrances(const struct host *h)
{
    for (size_t i = 0; i < h->options.n_forwards; i++) {
        const struct forward_row *row = &h->options.forwards[i];
        const char *colon = strrchr(row->from.text, ':');
        int host_len = (int)(colon - row->from.text);
        (void)printf("veronnx host: tcp:%.*s:%u to %s\n", host_len, row->from.text, forwarder_port(h->forwarder, i),
                     row->to.text);
    }
    (void)fflush(stdout);
}

static err_t open_all(struct host *h)
{
    const struct host_options *o = &h->options;
    TRY(sha256_setup());
    TRY(host_config_read(o->config_args, &h->config));
    TRY(loop_init(&h->loop, h, on_tick));
    TRY(forwarder_new(&h->loop, o->forwards, o->n_forwards, o->connections, o->idle_s * 1000, &h->forwarder));
    TRY(services_open(&h->services, &h->loop, o->at, &h->fetcher, buf_view(&h->config.delivery)));
    TRY(control_open(&h->control, &h->loop, &o->control_at, h->forwarder, o->n_forwards));
    TRY(heartbeat_new(&o->heartbeat, &h->heartbeat));
    TRY(find_folders(h));
    TRY(leave_directory());
    return fetcher_open(&h->fetcher, &h->loop, h->config.fetch.list, NULL);
}

/* ── the jail: what the fetcher needs as well, which it gives up in its own ── */

#define READ_ONLY_MAX (8 + SOURCE_SYSTEM_FILES + CONF_SOURCE_MAX + 2)

static err_t enter_jail(const struct host *h)
{
    static const char *const always[] = {
        "/proc",        "/sys", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo",
        "/dev/urandom", "."}; /* the fetcher looks whether it is empty */
    const struct conf *c = h->config.conf;
    const char *read_only[READ_ONLY_MAX] = {NULL};
    const char *const read_write[] = {"/dev/null", h->config.cache[0] != '\0' ? h->config.cache : NULL, NULL};
    const char *const exec[] = {h->exe_dir, h->lib_dir, "/lib", "/lib64", "/usr/lib", "/usr/lib64", NULL};
    int keep[JAIL_MAX_KEPT];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(always); i++)
        read_only[n++] = always[i];
    read_only[n++] = h->config.store;
    bool asks_others = c->n_sources > 0 || h->heartbeat != NULL;
    for (size_t i = 0; asks_others && source_system_files[i] != NULL; i++)
        read_only[n++] = source_system_files[i];
    for (uint32_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].token_file[0] != '\0')
            read_only[n++] = c->sources[i].token_file;
    if (c->source_ca[0] != '\0')
        read_only[n++] = c->source_ca;
    const struct jail_paths paths = {.read_only = read_only,
                                     .read_write = read_write,
                                     .exec = exec,
                                     .empty_dir = ".",
                                     .keep_fds = keep,
                                     .n_keep_fds = fd_list(keep, JAIL_MAX_KEPT)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_HOST, &paths, &failure);
    if (e != OK)
        print_line("the jail could not be installed (step %d, %s): not starting", failure.step,
                   strerror(failure.os_error));
    return e;
}

static err_t run(struct host *h)
{
    TRY(open_all(h));
    TRY(enter_jail(h));
    TRY(watch_signals(h));
    tell_entrances(h);
    return loop_run(&h->loop);
}

static void host_free(struct host **host)
{
    struct host *h = TAKE_PTR(*host);
    if (h == NULL)
        return;
    fetcher_close(&h->fetcher);
    services_close(&h->services);
    control_close(&h->control);
    heartbeat_free(&h->heartbeat);
    forwarder_free(&h->forwarder);
    watch_close(&h->signals);
    loop_done(&h->loop);
    host_config_done(&h->config);
    mem_free(h);
}

int host_main(int argc, char **argv)
{
    AUTO(host_free) struct host *h = mem_alloc(1, sizeof(*h));
    struct why why = {0};
    if (h == NULL)
        return 1;
    h->loop.epoll = h->signals.fd = h->fetcher.control.fd = h->fetcher.log.fd = h->control.listener.fd =
        h->control.talker.fd = -1;
    h->fetcher.process = LAUNCHED_NONE;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(host_help, stdout) < 0 || fflush(stdout) != 0; /* main ends with _exit */
    if (host_options_parse(argc, argv, &h->options, &why) != OK) {
        print_line("%s", why.text);
        return 2;
    }
    err_t e = run(h);
    if (e != OK && e != ERR_USAGE)
        print_line("%s", err_text(e));
    return e == OK ? 0 : e == ERR_USAGE ? 2 : 1;
}
