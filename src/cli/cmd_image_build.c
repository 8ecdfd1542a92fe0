/* veronnx image build. */
#include "cli/cmd_image.h"

#include "base/mem.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/output.h"
#include "eif/cpio.h"
#include "eif/kernel.h"
#include "eif/metadata.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <yyjson.h>

#define CMDLINE_MAX   2047 /* the kernel's COMMAND_LINE_SIZE with its NUL */
#define CONSOLE_MAJOR 5
#define CONSOLE_MINOR 1

struct build {
    const char *kernel;
    const char *cmdline;
    const char *init;
    const char *root;
    const char *out;
    const char *metadata;
};

static const struct option options[] = {
    {"kernel", required_argument, NULL, 'k'},
    {"cmdline", required_argument, NULL, 'c'},
    {"init", required_argument, NULL, 'i'},
    {"root", required_argument, NULL, 'r'},
    {"out", required_argument, NULL, 'o'},
    {"metadata", required_argument, NULL, 'm'},
    {NULL, 0, NULL, 0},
};

static const char **place_of(struct build *b, int option)
{
    switch (option) {
    case 'k':
        return &b->kernel;
    case 'c':
        return &b->cmdline;
    case 'i':
        return &b->init;
    case 'r':
        return &b->root;
    case 'o':
        return &b->out;
    default:
        return &b->metadata;
    }
}

static err_t parse(struct build *b, int argc, char **argv, struct why *why)
{
    optind = 1;
    for (;;) {
        int option = 0;
        TRY(command_option(argc, argv, options, &option, why));
        if (option == -1)
            break;
        *place_of(b, option) = optarg;
    }
    TRY(command_no_more(argc, argv, why));
    for (const struct option *o = options; o->name != NULL; o++)
        if (*place_of(b, o->val) == NULL && o->val != 'm')
            return why_set(why, ERR_USAGE, "--%s is needed (see --help)", o->name);
    return OK;
}

/* ── inputs ── */

static err_t check_cmdline(const char *text, struct why *why)
{
    size_t n = strlen(text);
    if (n == 0 || n > CMDLINE_MAX)
        return why_set(why, ERR_USAGE, "--cmdline: 1 to %d characters", CMDLINE_MAX);
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return why_set(why, ERR_USAGE, "--cmdline: only printable ASCII");
    return OK;
}

static err_t read_kernel(const char *path, struct map *file, struct kernel *ret, struct why *why)
{
    TRY(image_map(path, file, why));
    TRY(kernel_read(image_bytes(file), ret, why));
    if (ret->size > file->size)
        return why_set(why, ERR_KERNEL_FORMAT, "the file has %zu of the bytes that it declares", file->size);
    return OK;
}

/* The object in its shortest form. */
static err_t put_json(struct view text, struct buf *out, struct why *why)
{
    size_t n = 0;
    yyjson_doc *doc = yyjson_read((const char *)text.data, text.len, 0);
    char *shortest = yyjson_is_obj(yyjson_doc_get_root(doc)) ? yyjson_write(doc, 0, &n) : NULL;
    err_t e = shortest != NULL ? buf_put(out, shortest, n) : why_set(why, ERR_USAGE, "not a JSON object");
    mem_free(shortest);
    yyjson_doc_free(doc);
    return e;
}

static err_t read_metadata(const char *text, struct buf *custom, struct why *why)
{
    AUTO_BUF struct buf file = BUF_WITH(64 * KIB);
    if (text == NULL)
        return OK;
    if (text[0] == '@')
        TRY(file_read(text + 1, &file, why));
    err_t e = put_json(text[0] == '@' ? buf_view(&file) : view_of(text, strlen(text)), custom, why);
    return e == ERR_TOO_LARGE ? why_set(why, ERR_USAGE, "larger than %d bytes", METADATA_CUSTOM_MAX) : e;
}

static err_t open_at(const char *path, int flags, int *ret_fd, struct why *why)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return why_set(why, ERR_USAGE, "%s: %s", strerrordesc_np(errno), path);
    *ret_fd = fd;
    return OK;
}

/* What the kernel unpacks later replaces what was there: ramdisk 1 must not do that to ramdisk 0, which PCR1 covers. */
static err_t check_root(int root, struct why *why)
{
    struct stat st;
    if (fstatat(root, "init", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return why_set(why, ERR_USAGE, "its init would replace that of ramdisk 0");
    if (fstatat(root, "dev", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
        return why_set(why, ERR_USAGE, "its dev is not a directory");
    if (fstatat(root, "dev/console", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return why_set(why, ERR_USAGE, "its dev/console would replace that of ramdisk 0");
    return OK;
}

/* ── sections ── */

static err_t put_init(const char *path, struct eif_writer *w, struct why *why)
{
    struct cpio_writer cpio = cpio_writer_on((struct cpio_sink){w, eif_put});
    struct stat st;
    AUTO_FD int fd = -1;
    TRY(open_at(path, O_NONBLOCK, &fd, why));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IXUSR) == 0)
        return why_set(why, ERR_USAGE, "not a file that its owner can execute: %s", path);
    TRY(eif_begin_section(w));
    TRY(cpio_put_directory(&cpio, "dev"));
    TRY(cpio_put_char_device(&cpio, "dev/console", CONSOLE_MAJOR, CONSOLE_MINOR));
    TRY(cpio_put_open_file(&cpio, "init", fd, why));
    TRY(cpio_put_end(&cpio));
    return eif_end_section(w, EIF_RAMDISK);
}

static err_t put_root(const char *path, struct eif_writer *w, struct why *why)
{
    struct cpio_writer cpio = cpio_writer_on((struct cpio_sink){w, eif_put});
    AUTO_FD int fd = -1;
    TRY(open_at(path, O_DIRECTORY, &fd, why));
    TRY(check_root(fd, why));
    TRY(eif_begin_section(w));
    TRY(cpio_put_tree(&cpio, fd, why));
    TRY(cpio_put_end(&cpio));
    return eif_end_section(w, EIF_RAMDISK);
}

/* The one order of sections. */
static err_t write_image(const struct build *b, int fd, struct view custom, struct why *why)
{
    AUTO(map_done) struct map file = {0};
    AUTO_BUF struct buf metadata = BUF_WITH(METADATA_MAX);
    struct eif_writer w = eif_writer_on(fd);
    struct kernel kernel = {0};
    TRY(command_blame("--kernel", read_kernel(b->kernel, &file, &kernel, why), why));
    TRY(metadata_put(kernel.release, custom, &metadata));
    TRY(eif_put_section(&w, EIF_KERNEL, image_bytes(&file)));
    TRY(eif_put_section(&w, EIF_CMDLINE, view_of(b->cmdline, strlen(b->cmdline))));
    TRY(eif_put_section(&w, EIF_METADATA, buf_view(&metadata)));
    TRY(command_blame("--init", put_init(b->init, &w, why), why));
    TRY(command_blame("--root", put_root(b->root, &w, why), why));
    return eif_finish(&w, kernel.arch);
}

err_t image_build(int argc, char **argv, struct why *why)
{
    AUTO(output_done) struct output out = OUTPUT_NONE;
    AUTO(map_done) struct map file = {0};
    AUTO_BUF struct buf custom = BUF_WITH(METADATA_CUSTOM_MAX);
    struct build b = {0};
    struct eif e = {0};
    TRY(parse(&b, argc, argv, why));
    assert(b.kernel != NULL && b.cmdline != NULL && b.init != NULL && b.root != NULL && b.out != NULL); /* by parse() */
    TRY(check_cmdline(b.cmdline, why));
    TRY(command_blame("--metadata", read_metadata(b.metadata, &custom, why), why));
    TRY(command_blame("--out", output_open(b.out, &out, why), why));
    TRY(write_image(&b, out.fd, buf_view(&custom), why));
    TRY(image_map_fd(out.fd, b.out, &file, why));
    TRY(eif_read(image_bytes(&file), &e, why)); /* what is there is what is measured */
    TRY(output_commit(&out, why));
    image_print_pcrs(&e);
    return OK;
}
