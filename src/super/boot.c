/* Before the first child that stays: the configuration, folders, environment, sockets, the supervisor's own jail. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "jail/jail.h"
#include "store/cache.h"
#include "wire/fetch_args.h"
#include "super/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_REACH_MS 10000

static err_t complain(const char *what, const char *which)
{
    (void)fprintf(stderr, "veronnx: %s %s: %s\n", what, which, strerror(errno));
    return ERR_USAGE;
}

static err_t refuse(const char *what, const char *which)
{
    (void)fprintf(stderr, "veronnx: %s %s\n", what, which);
    return ERR_USAGE;
}

static err_t join_path(char *ret, size_t size, const char *dir, const char *name)
{
    int n = snprintf(ret, size, "%s/%s", dir, name);
    return n > 0 && (size_t)n < size ? OK : ERR_TOO_LARGE;
}

/* ── where things are ── */

static err_t real_path(const char *path, char ret[static PATH_BYTES_MAX])
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL || strlen(real) >= PATH_BYTES_MAX)
        return complain("cannot find", path);
    memcpy(ret, real, strlen(real) + 1);
    return OK;
}

static err_t find_executables(struct super *s)
{
    ssize_t n = readlink("/proc/self/exe", s->exe_dir, sizeof(s->exe_dir) - 1);
    if (n <= 0)
        return complain("cannot read", "/proc/self/exe");
    s->exe_dir[n] = '\0';
    char *slash = strrchr(s->exe_dir, '/');
    if (slash == NULL)
        return ERR_INTERNAL;
    *slash = '\0';
    TRY(join_path(s->lib_dir, sizeof(s->lib_dir), s->exe_dir, "lib"));
    return real_path(s->lib_dir, s->real_lib_dir);
}

/* ONNXRUNTIME_ROOT: a folder with lib/libonnxruntime.so.1 (or .so), or the library itself. */
static err_t find_onnxruntime(struct super *s)
{
    static const char *const names[] = {"lib/libonnxruntime.so.1", "lib/libonnxruntime.so", "libonnxruntime.so.1",
                                        "libonnxruntime.so"};
    const char *root = getenv("ONNXRUNTIME_ROOT");
    struct stat st;
    char path[PATH_BYTES_MAX];
    if (root == NULL || root[0] == '\0')
        root = s->lib_dir;
    else if (stat(root, &st) == 0 && S_ISREG(st.st_mode))
        return real_path(root, s->ort_path);
    for (size_t n = 0; n < COUNT_OF(names); n++)
        if (join_path(path, sizeof(path), root, names[n]) == OK && access(path, R_OK) == 0)
            return real_path(path, s->ort_path);
    return complain("no ONNX Runtime library in", root);
}

static err_t set_environment(struct super *s)
{
    int n = snprintf(s->env_locale, sizeof(s->env_locale), "LOCPATH=%s/locale", s->lib_dir);
    if (n < 0 || (size_t)n >= sizeof(s->env_locale))
        return ERR_TOO_LARGE;
    s->env[0] = "ORT_DISABLE_TELEMETRY=1";
    n = snprintf(s->env_runtime, sizeof(s->env_runtime), "ONNXRUNTIME_ROOT=%s", s->ort_path);
    if (n < 0 || (size_t)n >= sizeof(s->env_runtime))
        return ERR_TOO_LARGE;
    s->env[1] = s->env_locale;
    s->env[2] = s->env_runtime;
    s->env[3] = NULL;
    return OK;
}

struct child_setup boot_child(struct super *s, const char *const *args)
{
    return (struct child_setup){
        .exe_dir = s->exe_dir, .empty_dir = s->empty_dir, .env = s->env, .args = args, .kills = s->kills_for};
}

/* ── the configuration: a child of its own, on a loop of its own ── */

struct config_run {
    struct super *super;
    err_t result;
    bool answered;
};

static err_t on_config_done(void *self, struct wire_msg *m)
{
    struct config_run *run = self;
    if (run->answered)
        return ERR_PROTOCOL;
    run->answered = true;
    run->result = conf_map(m->fds[0], &run->super->conf_map, &run->super->conf);
    if (run->result != OK)
        (void)fprintf(stderr, "veronnx: cannot read what veronnx-config made: %s\n", err_text(run->result));
    run->super->conf_fd = TAKE_FD(m->fds[0]);
    return OK;
}

static err_t on_config_failed(void *self, struct wire_msg *m)
{
    struct config_run *run = self;
    run->answered = true;
    run->result = ERR_USAGE;
    (void)fprintf(stderr, "veronnx: %.*s\n", (int)m->tail.len, (const char *)m->tail.data);
    return OK;
}

static const struct wire_route config_routes[] = {
    {MSG_CONFIG_DONE, 1, on_config_done},
    {MSG_CONFIG_FAILED, 1, on_config_failed},
};

static err_t on_config_message(void *self, struct wire_msg *m)
{
    return wire_dispatch(config_routes, COUNT_OF(config_routes), 1, self, m);
}

static void on_config_end(void *self UNUSED, int status UNUSED, int signal UNUSED)
{
}

err_t boot_begin(void)
{
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR); /* a closed 0, 1 or 2 would go to the next thing that is opened */
    } while (fd >= 0 && fd <= 2);
    return close_range(3, UINT_MAX, 0) == 0 ? OK : err_errno();
}

/* Whether --config names a place to connect to instead of a file. */
static bool config_is_remote(char **argv, struct address *ret)
{
    static const char option[] = "--config";
    const size_t n = sizeof(option) - 1;
    bool remote = false;
    for (char **word = argv + 1; *word != NULL; word++) {
        if (strncmp(*word, option, n) != 0 || ((*word)[n] != '=' && ((*word)[n] != '\0' || word[1] == NULL)))
            continue;
        const char *value = (*word)[n] == '=' ? *word + n + 1 : *++word;
        struct view text = view_of(value, strlen(value));
        remote = address_parse(text, ADDRESS_CONNECT, ret) == OK && address_is_local(ret);
    }
    return remote;
}

static err_t reach_config(char **argv, int *ret_fd)
{
    struct address from;
    if (!config_is_remote(argv, &from))
        return OK;
    if (address_reach(&from, clock_mono_ms() + CONFIG_REACH_MS, ret_fd) == OK)
        return OK;
    (void)fprintf(stderr, "veronnx: nobody delivers the configuration at %s within %d s\n", from.text, CONFIG_REACH_MS / 1000);
    return ERR_USAGE;
}

err_t boot_config(struct super *s, int argc UNUSED, char **argv)
{
    const struct msg_config_start start = {0};
    struct config_run run = {.super = s, .result = ERR_INTERNAL};
    AUTO_FD int source = -1;
    struct child *child = NULL;
    uv_loop_t loop;
    TRY(find_executables(s));
    TRY(find_onnxruntime(s));
    TRY(set_environment(s));
    TRY(reach_config(argv, &source));
    struct child_setup setup = boot_child(s, (const char *const *)(argv + 1));
    setup.empty_dir = NULL; /* relative paths are the user's */
    if (uv_loop_init(&loop) != 0)
        return complain("cannot start", "veronnx-config");
    err_t e = child_start(&loop, ROLE_CONFIG, &setup, (struct child_owner){&run, on_config_message, on_config_end},
                          &child);
    if (e == OK)
        child_tell(child, MSG_CONFIG_START, &start, view_of(NULL, 0), &source, source >= 0 ? 1 : 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop) != 0 || e != OK || !run.answered) {
        (void)fprintf(stderr, "veronnx: veronnx-config did not answer (is it beside veronnx-super?)\n");
        return ERR_INTERNAL;
    }
    return run.result;
}

/* ── folders and sockets ── */

static err_t default_state(char *ret, size_t size)
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (base != NULL && base[0] == '/')
        return join_path(ret, size, base, "veronnx");
    return home != NULL && home[0] == '/' ? join_path(ret, size, home, ".local/state/veronnx") : ERR_USAGE;
}

/* What the configuration says, else where it usually is. */
static err_t choose_folder(const char *said, err_t (*usual)(char *ret, size_t size), char ret[static PATH_BYTES_MAX])
{
    size_t n = strlen(said);
    if (n > 0)
        memcpy(ret, said, n + 1);
    else if (usual(ret, PATH_BYTES_MAX) != OK)
        return refuse("HOME is not set:", "say --store DIR and --state DIR");
    return OK;
}

static err_t choose_folders(struct super *s)
{
    TRY(choose_folder(s->conf->state, default_state, s->state));
    if (s->conf->blocks_from.family != 0)
        return OK;
    TRY(choose_folder(s->conf->store, store_default_path, s->store));
    return fetch_has_cache(s->conf) ? choose_folder(s->conf->cache, cache_default_path, s->cache) : OK;
}

/* With its parents. */
static err_t make_folder(const char *path, mode_t mode)
{
    char part[PATH_BYTES_MAX];
    size_t n = strlen(path);
    if (n >= sizeof(part))
        return ERR_TOO_LARGE;
    memcpy(part, path, n + 1);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0755); /* what is missing shows in the next call */
        *slash = '/';
    }
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return complain("cannot make the folder", path);
    AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? OK : complain("cannot read the folder", path);
}

/* What is old is removed from a cache, and must not be from the store. */
static err_t make_cache(const struct super *s)
{
    struct stat store, cache;
    TRY(make_folder(s->cache, 0700));
    if (stat(s->store, &store) != 0 || stat(s->cache, &cache) != 0)
        return complain("cannot look at", s->cache);
    bool same = store.st_dev == cache.st_dev && store.st_ino == cache.st_ino;
    return same ? refuse("the cache must not be the store:", s->cache) : OK;
}

/* Held as long as this process lives, so that a second node does not replace the certificate of the first. */
static err_t lock_state(const char *path)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || access(path, W_OK) != 0)
        return complain("cannot write to the folder", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? refuse("another node is running with --state", path) : complain("cannot lock", path);
    (void)TAKE_FD(fd);
    return OK;
}

/* A ready file that is there says that the node is ready, so one of an earlier run goes. */
static err_t clear_ready_file(const char *path, const char *dir)
{
    bool gone = unlink(path) == 0 || errno == ENOENT;
    return gone && access(dir, W_OK) == 0 ? OK : complain("cannot write the ready file", path);
}

static err_t clear_ready_files(struct super *s)
{
    char path[PATH_BYTES_MAX];
    TRY(join_path(path, sizeof(path), s->state, "ready.json"));
    TRY(clear_ready_file(path, s->state));
    return s->conf->ready_file[0] != '\0' ? clear_ready_file(s->conf->ready_file, s->ready_dir) : OK;
}

static err_t make_folders(struct super *s)
{
    TRY(choose_folders(s));
    TRY(make_folder(s->state, 0700));
    if (s->store[0] != '\0')
        TRY(make_folder(s->store, 0755));
    if (fetch_has_cache(s->conf))
        TRY(make_cache(s));
    const char *slash = strrchr(s->conf->ready_file, '/');
    if (slash != NULL)
        memcpy(s->ready_dir, s->conf->ready_file, (size_t)(slash - s->conf->ready_file));
    TRY(join_path(s->empty_dir, sizeof(s->empty_dir), s->state, "empty"));
    return make_folder(s->empty_dir, 0555);
}

static err_t open_listeners(struct super *s)
{
    for (uint32_t n = 0; n < s->conf->n_listen; n++)
        TRY(listen_open(&s->conf->listen[n], &s->listeners[n], &s->ports[n]));
    return listen_open(&s->conf->admin, &s->admin_listener, &s->admin_port);
}

static void set_budget(struct super *s)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    s->model_memory = s->conf->model_memory != 0 ? s->conf->model_memory : machine / 4 * 3;
    infers_divide(&s->infers, s->model_memory);
}

err_t boot_prepare(struct super *s)
{
    TRY(module_open(s));
    TRY(make_folders(s));
    TRY(lock_state(s->state));
    TRY(open_listeners(s));
    TRY(clear_ready_files(s));
    set_budget(s);
    memory_open_oom(s);
    cores_open(s);
    return OK;
}

/* ── the jail ── */

#define READ_ONLY_MAX 48
_Static_assert(READ_ONLY_MAX > 8 + SOURCE_SYSTEM_FILES + CONF_SOURCE_MAX + 1, "all of list_readable");

/* What the supervisor lists, its children can have; each of them gives up the rest at its own start. */
static void list_readable(const struct super *s, const char *ret[static READ_ONLY_MAX])
{
    static const char *const always[] = {"/proc",          "/sys", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo",
                                         "/usr/lib/locale", "/dev/urandom"};
    const struct conf *c = s->conf;
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(always); i++)
        ret[n++] = always[i];
    ret[n++] = s->store;
    for (size_t i = 0; c->n_sources > 0 && source_system_files[i] != NULL; i++)
        ret[n++] = source_system_files[i];
    for (uint32_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].token_file[0] != '\0')
            ret[n++] = c->sources[i].token_file;
    if (c->source_ca[0] != '\0')
        ret[n++] = c->source_ca;
    ret[n] = NULL;
}

static void list_writable(const struct super *s, const char *ret[static 5])
{
    size_t n = 0;
    ret[n++] = s->state;
    ret[n++] = "/dev/null";
    if (s->ready_dir[0] != '\0')
        ret[n++] = s->ready_dir;
    if (fetch_has_cache(s->conf))
        ret[n++] = s->cache;
    ret[n] = NULL;
}

err_t boot_jail(struct super *s)
{
    const char *read_only[READ_ONLY_MAX], *read_write[5];
    list_readable(s, read_only);
    list_writable(s, read_write);
    const char *const exec[] = {s->exe_dir, s->real_lib_dir, "/lib", "/lib64", "/usr/lib", "/usr/lib64", s->ort_path,
                                NULL};
    int keep[JAIL_MAX_KEPT]; /* boot_begin closed what we were started with: all that is open is ours, libuv's included */
    const struct jail_paths paths = {.read_only = read_only,
                                     .read_write = read_write,
                                     .exec = exec,
                                     .empty_dir = s->empty_dir,
                                     .keep_fds = keep,
                                     .n_keep_fds = fd_list(keep, JAIL_MAX_KEPT)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_SUPER, &paths, &failure);
    if (e != OK)
        (void)fprintf(stderr, "veronnx: the jail could not be installed (step %d, %s): not starting\n", failure.step,
                      strerror(failure.os_error));
    return e;
}
