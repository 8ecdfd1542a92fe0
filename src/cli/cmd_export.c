/* veronnx export. */
#include "cli/cmd_export.h"

#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "ipld/car.h"
#include "ipld/cid_map.h"
#include "ipld/dagpb.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DEPTH_MAX 64 /* levels: of directories and of files */

static const char export_help[] =
    "Usage: veronnx export CID -o FILE.car [--store DIR]\n"
    "\n"
    "Writes all blocks below CID (a file, or a directory with all that is in it) from the block store into an\n"
    "archive (CARv1): depth first, each block once, each checked against its CID. The file appears when it is\n"
    "whole, and not before. Prints `blocks N bytes N`.\n"
    "\n"
    "  -o, --output FILE   the archive\n"
    "  --store DIR         the block store\n"
    "                      (default: $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store)\n"
    "  --help              this text\n"
    "\n"
    "What went wrong stands on standard error as CODE: reason.\n"
    "Exit status: 0 the archive is written, 1 a block is missing or damaged, 2 wrong usage.\n";

/* A node whose links are being followed. */
struct level {
    struct buf block;
    struct view links; /* not yet followed; in `block` */
};

struct export
{
    struct cid root;
    const char *path;
    const char *store_path;
    char default_store[4096];
    bool help;
    struct store store;
    struct output out;
    struct cid_map written;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    uint64_t blocks;
    uint64_t bytes;
    struct progress progress;
    struct why why;
};

static err_t check_options(struct export *x, int argc, char **argv)
{
    if (optind == argc)
        return why_set(&x->why, ERR_USAGE, "no CID was given (see --help)");
    if (cid_from_text(view_of(argv[optind], strlen(argv[optind])), &x->root, &x->why) != OK)
        return ERR_USAGE;
    optind++;
    TRY(command_no_more(argc, argv, &x->why));
    if (x->path == NULL)
        return why_set(&x->why, ERR_USAGE, "-o FILE is needed");
    if (x->store_path == NULL && store_default_path(x->default_store, sizeof(x->default_store)) != OK)
        return why_set(&x->why, ERR_USAGE, "HOME is not set: --store is needed");
    x->store_path = x->store_path != NULL ? x->store_path : x->default_store;
    return OK;
}

static err_t parse_options(int argc, char **argv, struct export *x)
{
    static const struct option table[] = {
        {"output", required_argument, NULL, 'o'},
        {"store", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c = 0; c != -1;) {
        TRY(command_option_or_o(argc, argv, table, &c, &x->why));
        x->path = c == 'o' ? optarg : x->path;
        x->store_path = c == 's' ? optarg : x->store_path;
        x->help = c == 'h' || x->help;
    }
    return x->help ? OK : check_options(x, argc, argv);
}

/* ── blocks ── */

static err_t write_block(struct export *x, const struct cid *cid, struct view block)
{
    AUTO_BUF struct buf head = BUF_WITH(CAR_SECTION_HEAD);
    TRY(car_put_section(&head, cid, block.len));
    TRY(fd_write_all(x->out.fd, head.data, head.len));
    TRY(fd_write_all(x->out.fd, block.data, block.len));
    x->blocks++;
    x->bytes += block.len;
    progress_show(&x->progress, x->bytes, 0, 0);
    return OK;
}

static err_t get_block(struct export *x, const struct cid *cid, struct buf *ret)
{
    char text[CID_TEXT_SIZE];
    buf_clear(ret);
    ret->max = STORE_BLOCK_MAX;
    err_t e = store_get(&x->store, cid_digest(cid), ret);
    if (e == OK)
        e = cid_check(cid, buf_view(ret));
    cid_to_text(cid, text);
    if (e == ERR_NOT_FOUND)
        return why_set(&x->why, x->blocks == 0 ? ERR_MODEL_NOT_FOUND : ERR_MODEL_INCOMPLETE,
                       "the store does not have block %s", text);
    return e == OK ? OK : why_set(&x->why, e, "block %s: %s", text, err_text(e));
}

/* Writes a block that has not been written, and makes its links the next ones to follow. */
static err_t visit(struct export *x, const struct cid *cid)
{
    struct dagpb_node node = {0};
    bool fresh = false;
    TRY(cid_map_add(&x->written, cid, 0, &fresh));
    if (!fresh)
        return OK;
    if (x->depth == DEPTH_MAX)
        return why_set(&x->why, ERR_DAG_TOO_COMPLEX, "more than %d levels", DEPTH_MAX);
    struct level *level = &x->levels[x->depth];
    TRY(get_block(x, cid, &level->block));
    TRY(write_block(x, cid, buf_view(&level->block)));
    if (cid_codec(cid) != CID_DAG_PB)
        return OK;
    TRY(dagpb_parse(buf_view(&level->block), &node));
    level->links = node.links;
    x->depth++;
    return OK;
}

static err_t write_dag(struct export *x)
{
    TRY(visit(x, &x->root));
    while (x->depth > 0) {
        struct level *level = &x->levels[x->depth - 1];
        struct dagpb_link link;
        if (level->links.len == 0) {
            x->depth--;
            continue;
        }
        TRY(dagpb_take_link(&level->links, &link));
        if (link.target.kind == CID_FOREIGN)
            return why_set(&x->why, ERR_CID_UNSUPPORTED, "a link leads to a block whose codec or hash is not ours");
        if (link.target.kind == CID_BLOCK)
            TRY(visit(x, &link.target.cid));
    }
    return OK;
}

/* ── the archive ── */

static err_t write_archive(struct export *x)
{
    AUTO_BUF struct buf header = BUF_WITH(CAR_HEADER_MAX);
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return err_errno();
    cid_map_init(&x->written, seed);
    TRY(car_put_header(&header, &x->root, 1));
    TRY(fd_write_all(x->out.fd, header.data, header.len));
    TRY(write_dag(x));
    return output_commit(&x->out, &x->why);
}

static err_t run(struct export *x)
{
    TRY(command_blame("--store", store_open(x->store_path, &x->store, &x->why), &x->why));
    TRY(command_blame("--output", output_open(x->path, &x->out, &x->why), &x->why));
    progress_begin(&x->progress, x->path);
    err_t e = write_archive(x);
    progress_clear(&x->progress);
    if (e == OK && (printf("blocks %" PRIu64 " bytes %" PRIu64 "\n", x->blocks, x->bytes) < 0 || fflush(stdout) != 0))
        e = ERR_IO;
    return e;
}

static void export_done(struct export *x)
{
    for (size_t i = 0; i < DEPTH_MAX; i++)
        buf_done(&x->levels[i].block);
    cid_map_done(&x->written);
    output_done(&x->out);
    store_done(&x->store);
}

int cmd_export(int argc, char **argv)
{
    static struct export x = {.store = {.dir = -1}, .out = {.fd = -1}};
    err_t e = parse_options(argc, argv, &x);
    if (e == OK && x.help)
        (void)fputs(export_help, stdout);
    else if (e == OK)
        e = run(&x);
    export_done(&x);
    return command_end_coded("export", e, &x.why);
}
