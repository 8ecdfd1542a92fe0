/* veronnx cat. */
#include "cli/cmd_cat.h"

#include "base/clock.h"
#include "cli/car_file.h"
#include "cli/command.h"
#include "cli/fetcher.h"
#include "pull/pull.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LONGEST_MS (24 * 3600 * UINT64_C(1000))

static const char cat_help[] =
    "Usage: veronnx cat CID[/PATH] [-o FILE] [--store DIR] [--gateway URL]... [--kubo URL]... [--files URL]...\n"
    "       veronnx cat --car FILE --cid CID[/PATH] [-o FILE]\n"
    "\n"
    "Gets a file of IPFS and checks every block against its CID before a byte of it goes out. No source is\n"
    "trusted: one that sends something else is asked after the others.\n"
    "\n"
    "  -o, --output FILE  write it there; the file appears when it is whole and verified, and not before\n"
    "                     (default: standard output, in order, as it is verified block by block: it is the\n"
    "                     whole file only if the exit status is 0)\n"
    "  --cid CID[/PATH]   the same as naming it without an option\n"
    "  --car FILE         take the blocks from this archive (CARv1) and from nowhere else\n"
    "  --store DIR        a block store; it is looked into first\n"
    "                     (default: $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store, if it exists)\n"
    "  --gateway URL      a trustless gateway of IPFS, such as http://127.0.0.1:8080\n"
    "  --kubo URL         the RPC of a Kubo, such as http://127.0.0.1:5001\n"
    "  --files URL        a web server with files that are named by their CID\n"
    "  --ca-file FILE     certificates (PEM) that https sources are checked with, instead of the system's\n"
    "  --verbose          print what veronnx-fetch says about its sources\n"
    "  --help             this text\n"
    "\n"
    "What went wrong stands on standard error as CODE: reason. On a terminal it shows how far it is.\n"
    "Exit status: 0 the whole file is verified, 1 it could not be had or is not right, 2 wrong usage.\n";

struct cat {
    const char *name;
    const char *car;
    const char *output;
    const char *ca_file;
    struct fetcher_source sources[SOURCES_MAX];
    size_t n_sources;
    char default_store[4096];
    bool verbose;
    bool help;
    struct model_id id;
    struct output out;
    struct progress progress;
    struct why why;
};

/* ── options ── */

/* Folders stand before URLs. */
static err_t add_source(struct cat *c, enum source_kind kind, const char *value)
{
    size_t at = c->n_sources;
    if (c->n_sources == SOURCES_MAX)
        return why_set(&c->why, ERR_USAGE, "more than %d sources", SOURCES_MAX);
    if (kind != SOURCE_STORE) {
        err_t e = source_url_check(view_of(value, strlen(value)), &c->why);
        TRY(command_blame(source_kind_names[kind], e, &c->why));
    }
    for (; kind == SOURCE_STORE && at > 0 && c->sources[at - 1].kind != SOURCE_STORE; at--)
        c->sources[at] = c->sources[at - 1];
    c->sources[at] = (struct fetcher_source){kind, value};
    c->n_sources++;
    return OK;
}

static err_t take_option(struct cat *c, int option)
{
    switch (option) {
    case 'i':
        c->name = optarg;
        return OK;
    case 'c':
        c->car = optarg;
        return OK;
    case 'o':
        c->output = optarg;
        return OK;
    case 'a':
        c->ca_file = optarg;
        return OK;
    case 's':
        return add_source(c, SOURCE_STORE, optarg);
    case 'g':
        return add_source(c, SOURCE_GATEWAY, optarg);
    case 'k':
        return add_source(c, SOURCE_KUBO, optarg);
    case 'f':
        return add_source(c, SOURCE_FILES, optarg);
    case 'v':
        c->verbose = true;
        return OK;
    default: /* 'h', and -1 at the end */
        c->help = option == 'h' || c->help;
        return OK;
    }
}

/* Without a --store the usual one is looked into if it is there. */
static err_t add_default_store(struct cat *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].kind == SOURCE_STORE)
            return OK;
    if (store_default_path(c->default_store, sizeof(c->default_store)) == OK && access(c->default_store, F_OK) == 0)
        return add_source(c, SOURCE_STORE, c->default_store);
    return c->n_sources > 0 ? OK
                            : why_set(&c->why, ERR_USAGE, "no source was given and there is no store (see --help)");
}

static err_t check_options(struct cat *c, int argc, char **argv)
{
    if (c->name == NULL && optind < argc)
        c->name = argv[optind++];
    if (c->name == NULL)
        return why_set(&c->why, ERR_USAGE, "no CID was given (see --help)");
    TRY(command_no_more(argc, argv, &c->why));
    if (model_id_parse(view_of(c->name, strlen(c->name)), &c->id, &c->why) != OK)
        return command_blame("CID", ERR_USAGE, &c->why);
    if (c->car != NULL && (c->n_sources > 0 || c->ca_file != NULL))
        return why_set(&c->why, ERR_USAGE, "--car: goes with no other source");
    return c->car == NULL ? add_default_store(c) : OK;
}

static err_t parse_options(int argc, char **argv, struct cat *c)
{
    static const struct option table[] = {
        {"cid", required_argument, NULL, 'i'},
        {"car", required_argument, NULL, 'c'},
        {"output", required_argument, NULL, 'o'},
        {"ca-file", required_argument, NULL, 'a'},
        {"store", required_argument, NULL, 's'},
        {"gateway", required_argument, NULL, 'g'},
        {"kubo", required_argument, NULL, 'k'},
        {"files", required_argument, NULL, 'f'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int option = 0; option != -1;) {
        TRY(command_option_or_o(argc, argv, table, &option, &c->why));
        TRY(take_option(c, option));
    }
    return c->help ? OK : check_options(c, argc, argv);
}

/* ── through veronnx-fetch ── */

static err_t on_size(void *user UNUSED, uint64_t size UNUSED, uint64_t *ret_deadline_ms)
{
    *ret_deadline_ms = clock_mono_ms() + LONGEST_MS;
    return OK;
}

static err_t on_prefix(void *user, uint64_t prefix)
{
    struct cat *c = user;
    return output_reach(&c->out, prefix, &c->why);
}

static void on_progress(void *user, uint64_t written, uint64_t size, uint32_t sources)
{
    struct cat *c = user;
    progress_show(&c->progress, written, size, (unsigned)__builtin_popcount(sources));
}

static err_t pull(struct cat *c, const struct fetcher *f)
{
    AUTO(hasher_free) struct hasher *hasher = NULL;
    struct pulled pulled = {.fd = -1};
    struct pull_params p = {
        .block_fd = f->block_fd,
        .stop_fd = -1,
        .file_fd = c->out.fd,
        .max_file_bytes = INT64_MAX,
        .deadline_ms = clock_mono_ms() + LONGEST_MS,
        .on_size = on_size,
        .on_prefix = on_prefix,
        .on_progress = on_progress,
        .user = c,
    };
    p.model.cid_len = c->id.cid.len;
    memcpy(p.model.cid, c->id.cid.bytes, c->id.cid.len);
    p.model.path_len = c->id.path_len;
    memcpy(p.model.path, c->id.path, c->id.path_len);
    if (getrandom(&p.seed, sizeof(p.seed), 0) != (ssize_t)sizeof(p.seed))
        return err_errno();
    TRY(hasher_new(&hasher));
    p.hasher = hasher;
    return pull_model(&p, &pulled);
}

static err_t cat_sources(struct cat *c)
{
    AUTO(fetcher_stop) struct fetcher f = FETCHER_NONE;
    TRY(fetcher_start(c->sources, c->n_sources, c->ca_file, &f, &c->why));
    err_t e = pull(c, &f);
    progress_clear(&c->progress);
    if (c->verbose)
        fetcher_print_log(&f);
    return e;
}

/* ── the command ── */

static err_t cat_archive(struct cat *c)
{
    AUTO_FD int fd = -1;
    TRY(command_blame("--car", car_file_open(c->car, &fd, &c->why), &c->why));
    err_t e = car_file_cat(fd, &c->id, &c->out, &c->progress, &c->why);
    progress_clear(&c->progress);
    return e;
}

static err_t run(struct cat *c)
{
    TRY(command_blame("--output", output_open(c->output, &c->out, &c->why), &c->why));
    progress_begin(&c->progress, c->output != NULL ? c->output : "standard output");
    err_t e = c->car != NULL ? cat_archive(c) : cat_sources(c);
    if (e == OK)
        e = output_commit(&c->out, &c->why);
    output_done(&c->out);
    return e;
}

int cmd_cat(int argc, char **argv)
{
    static struct cat c = {.out = {.fd = -1}};
    err_t e = parse_options(argc, argv, &c);
    if (e == OK && c.help)
        (void)fputs(cat_help, stdout);
    else if (e == OK)
        e = run(&c);
    return command_end_coded("cat", e, &c.why);
}
