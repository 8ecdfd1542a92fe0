/* veronnx add. */
#include "cli/cmd_add.h"

#include "base/mem.h"
#include "cli/alias_file.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "ipld/build.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE MIB

static const char add_help[] =
    "Usage: veronnx add [--store DIR] [--cid-version 0|1] FILE...\n"
    "       veronnx add [--store DIR] [--cid-version 0|1] --alias-file FILE [--name NAME] FILE|DIR...\n"
    "\n"
    "Cuts each FILE into blocks as `ipfs add` does, puts them into the block store and prints one\n"
    "line per file: CID SIZE NAME.\n"
    "\n"
    "  --store DIR        the block store; made if it does not exist\n"
    "                     (default: $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store)\n"
    "  --cid-version N    0: dag-pb leaves, CIDs Qm... (default)   1: raw leaves, CIDs b...\n"
    "  --alias-file FILE  writes FILE, for `veronnx serve --config FILE`: a name for every model, pinned\n"
    "                     to its CID. Of a DIR all *.onnx are added, also in folders below. A model is\n"
    "                     called like its path there: digits.onnx, digits/model.onnx and\n"
    "                     digits/1/model.onnx are `digits`; the highest number counts. FILE has the models\n"
    "                     of this command alone, sorted, and stays as it is if one cannot be added\n"
    "  --name NAME        what the model is called if there is one only\n"
    "  --help             this text\n"
    "\n"
    "Exit status: 0 all added, 1 a file could not be added, 2 wrong usage.\n";

struct add_options {
    const char *store;
    const char *alias_file; /* NULL: none */
    const char *name;       /* NULL: none */
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
        {"alias-file", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c = 0; c != -1;) {
        TRY(command_option(argc, argv, table, &c, why));
        o->store = c == 's' ? optarg : o->store;
        o->alias_file = c == 'a' ? optarg : o->alias_file;
        o->name = c == 'n' ? optarg : o->name;
        o->help = c == 'h' || o->help;
        if (c == 'v')
            TRY(parse_version(optarg, &o->version, why));
    }
    if (o->help)
        return OK;
    if (optind == argc)
        return why_set(why, ERR_USAGE, "no FILE was given (see --help)");
    if (o->name != NULL && o->alias_file == NULL)
        return why_set(why, ERR_USAGE, "--name: needs --alias-file");
    if (o->store == NULL && store_default_path(o->default_store, sizeof(o->default_store)) != OK)
        return why_set(why, ERR_USAGE, "HOME is not set: --store is needed");
    o->store = o->store != NULL ? o->store : o->default_store;
    return OK;
}

/* ── one file ── */

static err_t put_block(void *user, const struct cid *cid, struct view bytes)
{
    const struct store *store = user;
    return store_put(store, cid_digest(cid), bytes);
}

/* `size`: as the file's length says; 0 = unknown. */
static err_t push_file(int fd, struct build *build, uint64_t size, struct progress *p)
{
    uint64_t done = 0;
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
        done += (size_t)n;
        progress_show(p, done, size >= done ? size : 0, 0);
    }
}

static err_t build_file(int fd, const char *name, uint64_t size, struct store *store, unsigned version,
                        struct cid *ret_root, uint64_t *ret_size)
{
    struct progress progress;
    AUTO(build_free) struct build *build = NULL;
    TRY(build_new(version, &(struct build_sink){store, put_block}, &build));
    progress_begin(&progress, name);
    err_t e = push_file(fd, build, size, &progress);
    progress_clear(&progress);
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

static err_t add_file(const char *name, struct store *store, unsigned version, struct cid *ret_root)
{
    struct cid root = {0};
    char text[CID_TEXT_SIZE];
    uint64_t size = 0;
    AUTO_FD int fd = -1;
    TRY(open_file(name, &fd, &size));
    err_t e = build_file(fd, name, size, store, version, &root, &size);
    if (e != OK)
        return complain(name, e, err_text(e));
    cid_to_text(&root, text);
    printf("%s %" PRIu64 " %s\n", text, size, name);
    *ret_root = root;
    return fflush(stdout) == 0 ? OK : complain("standard output", ERR_IO, strerror(errno));
}

/* What fails is told, and the others are added. */
static bool add_all(char *const *names, struct store *store, unsigned version)
{
    struct cid root;
    bool all = true;
    for (; *names != NULL; names++)
        all = add_file(*names, store, version, &root) == OK && all;
    return all;
}

/* The same of folders; when all are there, their names are written. */
static err_t add_named(char *const *names, const struct add_options *o, struct store *store, bool *ret_all,
                       struct why *why)
{
    AUTO(alias_list_free) struct alias_list *l = mem_alloc(1, sizeof(*l));
    bool all = true;
    if (l == NULL)
        return ERR_NOMEM;
    for (; *names != NULL; names++)
        TRY(alias_find(*names, l, why));
    TRY(alias_settle(l, o->name, why));
    for (size_t i = 0; i < l->count; i++)
        all = add_file(l->items[i].path, store, o->version, &l->items[i].cid) == OK && all;
    *ret_all = all;
    return all ? alias_write(l, o->alias_file, why) : OK;
}

static err_t add_files(char *const *names, const struct add_options *o, bool *ret_all, struct why *why)
{
    AUTO(store_done) struct store store = STORE_NONE;
    TRY(command_blame("--store", store_create(o->store, &store, why), why));
    if (o->alias_file != NULL)
        return add_named(names, o, &store, ret_all, why);
    *ret_all = add_all(names, &store, o->version);
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
