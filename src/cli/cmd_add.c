/* veronnx add. */
#include "cli/cmd_add.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"
#include "ipld/build.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE         MIB
#define PROGRESS_FIRST_MS 2000
#define PROGRESS_EVERY_MS 200

static const char add_help[] =
    "Usage: veronnx add [--store DIR] [--cid-version 0|1] FILE...\n"
    "\n"
    "Cuts each FILE into blocks as `ipfs add` does, puts them into the block store and prints one\n"
    "line per file: CID SIZE NAME.\n"
    "\n"
    "  --store DIR        the block store; made if it does not exist\n"
    "                     (default: $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store)\n"
    "  --cid-version N    0: dag-pb leaves, CIDs Qm... (default)   1: raw leaves, CIDs b...\n"
    "  --help             this text\n"
    "\n"
    "Exit status: 0 all added, 1 a file could not be added, 2 wrong usage.\n";

struct add_options {
    const char *store;
    char default_store[4096];
    unsigned version;
    bool help;
};

static err_t parse_version(const char *text, unsigned *ret, struct why *why)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        return why_set(why, ERR_USAGE, "--cid-version: 0 or 1");
    *ret = text[0] == '1' ? 1 : 0;
    return OK;
}

static err_t parse_options(int argc, char **argv, struct add_options *o, struct why *why)
{
    static const struct option table[] = {
        {"store", required_argument, NULL, 's'},
        {"cid-version", required_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c = 0; c != -1;) {
        TRY(command_option(argc, argv, table, &c, why));
        o->store = c == 's' ? optarg : o->store;
        o->help = c == 'h' || o->help;
        if (c == 'v')
            TRY(parse_version(optarg, &o->version, why));
    }
    if (o->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "no FILE was given (see --help)");
    if (o->store == NULL && store_default_path(o->default_store, sizeof(o->default_store)) != OK)
        return why_set(why, ERR_USAGE, "HOME is not set: --store is needed");
    o->store = o->store != NULL ? o->store : o->default_store;
    return OK;
}

/* ── progress ── */

struct progress {
    const char *name;
    uint64_t size; /* as the file's length says; 0 = unknown */
    uint64_t done;
    uint64_t began_ms;
    uint64_t shown_ms; /* 0 = never */
};

static void progress_show(struct progress *p)
{
    uint64_t now = clock_mono_ms(), spent = now - p->began_ms;
    if (spent < PROGRESS_FIRST_MS || now - p->shown_ms < PROGRESS_EVERY_MS || isatty(STDERR_FILENO) == 0)
        return;
    p->shown_ms = now;
    fprintf(stderr, "\r\033[K%s: %" PRIu64 " MiB", p->name, p->done / MIB);
    if (p->size >= p->done && p->size > 0)
        fprintf(stderr, " of %" PRIu64 " MiB (%" PRIu64 " %%)", p->size / MIB, p->done * 100 / p->size);
    fprintf(stderr, ", %" PRIu64 " MiB/s", p->done * 1000 / spent / MIB);
}

static void progress_clear(const struct progress *p)
{
    if (p->shown_ms > 0)
        fputs("\r\033[K", stderr);
}

/* ── one file ── */

static err_t put_block(void *user, const struct cid *cid, struct view bytes)
{
    const struct store *store = user;
    return store_put(store, cid_digest(cid), bytes);
}

static err_t push_file(int fd, struct build *build, struct progress *p)
{
    AUTO_MEM uint8_t *bytes = mem_alloc(1, READ_SIZE);
    if (bytes == NULL)
        return ERR_NOMEM;
    for (;;) {
        ssize_t n = read(fd, bytes, READ_SIZE);
        if (n == 0)
            return OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno();
        TRY(build_push(build, view_of(bytes, (size_t)n)));
        p->done += (size_t)n;
        progress_show(p);
    }
}

static err_t build_file(int fd, struct store *store, unsigned version, struct progress *p, struct cid *ret_root,
                        uint64_t *ret_size)
{
    AUTO(build_free) struct build *build = NULL;
    TRY(build_new(version, &(struct build_sink){store, put_block}, &build));
    err_t e = push_file(fd, build, p);
    progress_clear(p);
    TRY(e);
    return build_finish(build, ret_root, ret_size);
}

/* One line on stderr about `name`. */
static err_t complain(const char *name, err_t e, const char *what)
{
    fprintf(stderr, "veronnx add: %s: %s\n", name, what);
    return e;
}

static err_t open_file(const char *name, int *ret_fd, uint64_t *ret_size)
{
    struct stat st;
    AUTO_FD int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return complain(name, ERR_IO, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return complain(name, ERR_MODEL_IS_DIRECTORY, "is a folder");
    *ret_fd = TAKE_FD(fd);
    *ret_size = (uint64_t)st.st_size;
    return OK;
}

static err_t add_file(const char *name, struct store *store, unsigned version)
{
    struct progress p = {.name = name, .began_ms = clock_mono_ms()};
    struct cid root = {0};
    char text[CID_TEXT_SIZE];
    uint64_t size = 0;
    AUTO_FD int fd = -1;
    TRY(open_file(name, &fd, &p.size));
    err_t e = build_file(fd, store, version, &p, &root, &size);
    if (e != OK)
        return complain(name, e, err_text(e));
    cid_to_text(&root, text);
    printf("%s %" PRIu64 " %s\n", text, size, name);
    return fflush(stdout) == 0 ? OK : complain("standard output", ERR_IO, strerror(errno));
}

/* What fails is told, and the others are added. */
static err_t add_files(char *const *names, const struct add_options *o, bool *ret_all, struct why *why)
{
    AUTO(store_done) struct store store = STORE_NONE;
    bool all = true;
    TRY(command_blame("--store", store_create(o->store, &store, why), why));
    for (; *names != NULL; names++)
        all = add_file(*names, &store, o->version) == OK && all;
    *ret_all = all;
    return OK;
}

int cmd_add(int argc, char **argv)
{
    struct add_options o = {0};
    struct why why = {0};
    bool all = true;
    err_t e = parse_options(argc, argv, &o, &why);
    if (e == OK && o.help)
        (void)fputs(add_help, stdout);
    else if (e == OK)
        e = add_files(argv + optind, &o, &all, &why);
    return all ? command_end("add", e, &why) : 1;
}
