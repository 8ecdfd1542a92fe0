/* veronnx import. */
#include "cli/cmd_import.h"

#include "base/mem.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "ipld/car.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (256 * KIB)

static const char import_help[] =
    "Usage: veronnx import [--store DIR] FILE.car\n"
    "\n"
    "Puts the blocks of an archive (CARv1; `-`: standard input) into the block store, each after its bytes have\n"
    "been checked against its CID. Prints `root CID` for each root that the archive names, then\n"
    "`blocks N bytes N`. At the first fault it stops; the blocks before that stay in the store.\n"
    "\n"
    "  --store DIR   the block store; made if it does not exist\n"
    "                (default: $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store)\n"
    "  --help        this text\n"
    "\n"
    "What went wrong stands on standard error as CODE: reason.\n"
    "Exit status: 0 all blocks are in the store, 1 not all, 2 wrong usage.\n";

struct import {
    const char *path;
    const char *store_path;
    char default_store[4096];
    bool help;
    struct store store;
    uint64_t blocks;
    uint64_t bytes;
    struct why why;
};

static err_t parse_options(int argc, char **argv, struct import *i)
{
    static const struct option table[] = {
        {"store", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c = 0; c != -1;) {
        TRY(command_option(argc, argv, table, &c, &i->why));
        i->store_path = c == 's' ? optarg : i->store_path;
        i->help = c == 'h' || i->help;
    }
    if (i->help)
        return OK;
    if (optind == argc)
        return why_set(&i->why, ERR_USAGE, "no FILE was given (see --help)");
    i->path = argv[optind++];
    TRY(command_no_more(argc, argv, &i->why));
    if (i->store_path == NULL && store_default_path(i->default_store, sizeof(i->default_store)) != OK)
        return why_set(&i->why, ERR_USAGE, "HOME is not set: --store is needed");
    i->store_path = i->store_path != NULL ? i->store_path : i->default_store;
    return OK;
}

/* ── blocks ── */

static err_t on_root(void *user UNUSED, const struct cid_ref *root)
{
    char text[CID_TEXT_SIZE] = "unsupported";
    if (root->kind == CID_BLOCK)
        cid_to_text(&root->cid, text);
    return printf("root %s\n", text) > 0 ? OK : ERR_IO;
}

static err_t on_section(void *user, const struct car_section *s)
{
    struct import *i = user;
    static const err_t refused[] = {
        [CID_BLOCK] = OK, [CID_INLINE] = ERR_CID_IDENTITY, [CID_FOREIGN] = ERR_CID_UNSUPPORTED};
    err_t e = refused[s->cid.kind];
    if (e == OK)
        e = cid_check(&s->cid.cid, s->bytes);
    if (e != OK)
        return why_set(&i->why, e, "block at byte %" PRIu64 ": %s", s->offset, err_text(e));
    i->blocks++;
    i->bytes += s->bytes.len;
    return store_put(&i->store, cid_digest(&s->cid.cid), s->bytes);
}

/* ── the archive ── */

static err_t open_archive(const char *path, int *ret_fd, uint64_t *ret_size, struct why *why)
{
    struct stat st;
    AUTO_FD int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return why_set(why, ERR_IO, "%s: %s", strerrordesc_np(errno), path);
    *ret_fd = TAKE_FD(fd);
    *ret_size = (uint64_t)st.st_size;
    return OK;
}

static err_t read_archive(struct import *i, int fd, uint64_t size, struct progress *progress)
{
    AUTO(car_reader_done) struct car_reader reader = {0};
    AUTO_MEM uint8_t *bytes = mem_alloc(1, READ_SIZE);
    uint64_t done = 0;
    if (bytes == NULL)
        return ERR_NOMEM;
    car_reader_init(&reader, &(struct car_sink){i, on_root, on_section});
    for (;;) {
        ssize_t n = read(fd, bytes, READ_SIZE);
        if (n == 0)
            return car_finish(&reader, &i->why);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno();
        TRY(car_push(&reader, view_of(bytes, (size_t)n), &i->why));
        done += (size_t)n;
        progress_show(progress, done, size >= done ? size : 0, 0);
    }
}

static err_t run(struct import *i)
{
    AUTO_FD int fd = -1;
    struct progress progress;
    uint64_t size = 0;
    TRY(open_archive(i->path, &fd, &size, &i->why));
    TRY(command_blame("--store", store_create(i->store_path, &i->store, &i->why), &i->why));
    progress_begin(&progress, i->path);
    err_t e = read_archive(i, fd, size, &progress);
    progress_clear(&progress);
    store_done(&i->store);
    bool told = printf("blocks %" PRIu64 " bytes %" PRIu64 "\n", i->blocks, i->bytes) > 0 && fflush(stdout) == 0;
    return e == OK && !told ? ERR_IO : e;
}

int cmd_import(int argc, char **argv)
{
    static struct import i = {.store = {.dir = -1}};
    err_t e = parse_options(argc, argv, &i);
    if (e == OK && i.help)
        (void)fputs(import_help, stdout);
    else if (e == OK)
        e = run(&i);
    return command_end_coded("import", e, &i.why);
}
