/* veronnx image inspect: what is in an image, and what its registers leave open. */
#include "cli/cmd_image.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/text.h"
#include "eif/cpio.h"
#include "eif/kernel.h"
#include "eif/metadata.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARNINGS_MAX (256 * KIB)
#define ENTRIES_MAX  GIB
#define CMDLINE_MAX  2047

/* A path of a ramdisk. */
struct seen {
    struct view path;
    size_t ramdisk;
    bool directory;
};

struct inspect {
    struct eif eif;
    struct buf warnings; /* sentences, a NUL behind each */
    struct buf seen;     /* struct seen */
};

static void inspect_done(struct inspect *i)
{
    buf_done(&i->warnings);
    buf_done(&i->seen);
}

static err_t PRINTF(2, 3) warn(struct inspect *i, const char *format, ...)
{
    char text[CPIO_NAME_MAX + 256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return buf_put(&i->warnings, text, strlen(text) + 1);
}

/* What is in an image may be anybody's: a terminal must not obey it. */
static void print_safe(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        (void)putchar(text.data[i] < 0x20 || text.data[i] > 0x7E ? '?' : text.data[i]);
}

/* ── sections ── */

static err_t print_sections(const struct eif *e)
{
    (void)printf("version %d, %s, CRC-32 %08" PRIx32 ", default memory %" PRIu64 ", default CPUs %" PRIu64 "\n\n",
                 e->version, eif_arch_name(e->arch), e->crc, e->default_memory, e->default_cpus);
    (void)printf("section  type       offset      size        SHA-384\n");
    for (size_t i = 0; i < e->n_sections; i++) {
        const struct eif_section *s = &e->sections[i];
        uint8_t digest[SHA384_LEN];
        char digits[HEX_LEN(SHA384_LEN) + 1];
        TRY(sha384_of(&s->data, 1, digest));
        hex_encode(digest, sizeof(digest), digits);
        (void)printf("%-8zu %-10s %-11" PRIu64 " %-11zu %s\n", i, eif_type_name(s->type), s->offset, s->data.len,
                     digits);
    }
    (void)putchar('\n');
    image_print_pcrs(e);
    return OK;
}

static err_t check_layout(struct inspect *i)
{
    static const enum eif_type layout[] = {EIF_KERNEL, EIF_CMDLINE, EIF_METADATA, EIF_RAMDISK, EIF_RAMDISK};
    const struct eif *e = &i->eif;
    uint64_t end = EIF_HEADER_LEN;
    bool same = e->n_sections == COUNT_OF(layout) + e->is_signed;
    for (size_t k = 0; k < e->n_sections; k++) {
        const struct eif_section *s = &e->sections[k];
        same = same && s->type == (k < COUNT_OF(layout) ? layout[k] : EIF_SIGNATURE);
        if (s->offset > end)
            TRY(warn(i, "%" PRIu64 " bytes in front of section %zu: no register covers them", s->offset - end, k));
        end = s->offset + EIF_SECTION_HEAD_LEN + s->data.len;
    }
    if (!same)
        TRY(warn(i, "the sections are not kernel, cmdline, metadata, ramdisk, ramdisk"));
    if (e->default_memory != EIF_DEFAULT_MEMORY || e->default_cpus != EIF_DEFAULT_CPUS)
        TRY(warn(i, "default memory or CPUs are not the usual ones: no register covers them"));
    return OK;
}

/* PCR0 is the same wherever the border between kernel, command line and ramdisks lies; so what each of them says about
   its own end counts. */
static err_t check_kernel(struct inspect *i, struct kernel *ret)
{
    struct view file = eif_find(&i->eif, EIF_KERNEL)->data;
    struct why why = {""};
    if (kernel_read(file, ret, &why) != OK)
        return warn(i, "kernel: %s", why.text);
    (void)printf("\nkernel: %s ", eif_arch_name(ret->arch));
    print_safe(ret->release);
    (void)putchar('\n');
    if (ret->arch != i->eif.arch)
        TRY(warn(i, "kernel: for %s, but the header says %s", eif_arch_name(ret->arch), eif_arch_name(i->eif.arch)));
    if (ret->size != 0 && ret->size != file.len)
        TRY(warn(i,
                 "kernel: %zu bytes, but it declares %" PRIu64 ": the border to what follows is not where it should be",
                 file.len, ret->size));
    return OK;
}

static err_t check_cmdline(struct inspect *i)
{
    struct view text = eif_find(&i->eif, EIF_CMDLINE)->data;
    bool good = text.len > 0 && text.len <= CMDLINE_MAX;
    for (size_t k = 0; good && k < text.len; k++)
        good = text.data[k] >= ' ' && text.data[k] <= '~';
    (void)fputs("\ncmdline: ", stdout);
    print_safe(text);
    (void)putchar('\n');
    return good ? OK : warn(i, "cmdline: not 1 to %d printable characters", CMDLINE_MAX);
}

static err_t check_metadata(struct inspect *i, const struct kernel *kernel)
{
    AUTO_BUF struct buf expected = BUF_WITH(METADATA_MAX);
    const struct eif_section *s = eif_find(&i->eif, EIF_METADATA);
    if (s == NULL)
        return OK;
    (void)fputs("\nmetadata: ", stdout);
    print_safe(s->data);
    (void)putchar('\n');
    TRY(metadata_put(kernel->release, view_of(NULL, 0), &expected));
    return view_equal(s->data, buf_view(&expected))
               ? OK
               : warn(i, "metadata: it says more than this command writes by itself, and no register covers it");
}

static err_t check_signature(struct inspect *i)
{
    const struct eif_signature *s = &i->eif.signature;
    time_t now = time(NULL);
    if (!i->eif.is_signed)
        return OK;
    (void)printf("\nsignature: %s, certificate valid from %" PRIu64 " to %" PRIu64 "\n", s->algorithm, s->not_before,
                 s->not_after);
    return (uint64_t)now >= s->not_before && (uint64_t)now <= s->not_after
               ? OK
               : warn(i, "signature: its certificate is not valid now: nitro-cli refuses to run this");
}

/* ── ramdisks ── */

static void print_mode(uint32_t mode)
{
    static const char kinds[16] = {[S_IFREG >> 12] = '-', [S_IFDIR >> 12] = 'd', [S_IFLNK >> 12] = 'l',
                                   [S_IFCHR >> 12] = 'c', [S_IFBLK >> 12] = 'b', [S_IFIFO >> 12] = 'p',
                                   [S_IFSOCK >> 12] = 's'};
    (void)printf("%c%04o", kinds[mode >> 12], (unsigned)(mode & 07777));
}

static err_t print_entry(const struct cpio_entry *f)
{
    uint8_t digest[SHA256_LEN];
    char digits[HEX_LEN(SHA256_LEN) + 1] = "-";
    char size[32];
    if (S_ISREG(f->mode)) {
        TRY(sha256_of(f->data.data, f->data.len, digest));
        hex_encode(digest, sizeof(digest), digits);
    }
    if (S_ISCHR(f->mode) || S_ISBLK(f->mode))
        (void)snprintf(size, sizeof(size), "%u,%u", f->device_major, f->device_minor);
    else
        (void)snprintf(size, sizeof(size), "%zu", f->data.len);
    print_mode(f->mode);
    (void)printf(" %u:%u %10s %-64s /", f->uid, f->gid, size, digits);
    print_safe(f->path);
    if (S_ISLNK(f->mode)) {
        (void)fputs(" -> ", stdout);
        print_safe(f->data);
    }
    (void)putchar('\n');
    return OK;
}

static err_t take_entry(struct inspect *i, const struct cpio_entry *f, size_t ramdisk)
{
    const struct seen seen = {f->path, ramdisk, S_ISDIR(f->mode)};
    TRY(print_entry(f));
    if ((f->mode & (S_ISUID | S_ISGID)) != 0)
        TRY(warn(i, "ramdisk %zu: a file with a set-user-ID or set-group-ID bit: %.*s", ramdisk, (int)f->path.len,
                 (const char *)f->path.data));
    if (f->nlink > 1 && !S_ISDIR(f->mode))
        TRY(warn(i, "ramdisk %zu: %u links, so that the kernel may give it the content of another entry: /%.*s",
                 ramdisk, f->nlink, (int)f->path.len, (const char *)f->path.data));
    return buf_put(&i->seen, &seen, sizeof(seen));
}

static err_t list_ramdisk(struct inspect *i, struct view data, size_t ramdisk)
{
    struct cpio_reader r = cpio_reader_on(data);
    struct cpio_entry f = {0};
    struct why why = {""};
    bool more = false;
    err_t e = OK;
    size_t n = 0;
    (void)printf("\nramdisk %zu: mode, owner, size, SHA-256, name\n", ramdisk);
    while ((e = cpio_next(&r, &f, &more, &why)) == OK && more) {
        TRY(take_entry(i, &f, ramdisk));
        n++;
    }
    if (e != OK)
        return warn(i, "ramdisk %zu: what is in it is not known: %s", ramdisk, why.text);
    if (n == 0)
        TRY(warn(i, "ramdisk %zu: nothing is in it", ramdisk));
    if (r.archive > 1)
        TRY(warn(i, "ramdisk %zu: %u archives behind each other", ramdisk, r.archive));
    if (data.len % CPIO_ALIGN != 0)
        TRY(warn(i, "ramdisk %zu: its size is no multiple of %d: the kernel may not find what follows", ramdisk,
                 CPIO_ALIGN));
    return OK;
}

static err_t list_ramdisks(struct inspect *i)
{
    size_t n = 0;
    for (size_t k = 0; k < i->eif.n_sections; k++)
        if (i->eif.sections[k].type == EIF_RAMDISK)
            TRY(list_ramdisk(i, i->eif.sections[k].data, n++));
    return OK;
}

/* A "/" comes before every other byte, so that what lies below a path follows it at once. */
static int rank(uint8_t c)
{
    return c == '/' ? -1 : c;
}

static int compare(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    size_t n = MIN(x->path.len, y->path.len);
    for (size_t i = 0; i < n; i++)
        if (x->path.data[i] != y->path.data[i])
            return rank(x->path.data[i]) - rank(y->path.data[i]);
    return x->path.len < y->path.len ? -1 : x->path.len > y->path.len;
}

/* Whether `b` is the same as `a` or lies below it. */
static bool reaches(const struct seen *a, const struct seen *b)
{
    return b->path.len >= a->path.len && view_equal(a->path, view_of(b->path.data, a->path.len)) &&
           (b->path.len == a->path.len || a->path.len == 0 || b->path.data[a->path.len] == '/');
}

/* The kernel unpacks one archive over the other: a later file replaces an earlier one, and goes through its links. */
static err_t check_replaced(struct inspect *i)
{
    struct seen *seen = (struct seen *)(void *)i->seen.data;
    size_t n = i->seen.len / sizeof(*seen);
    if (n == 0)
        return OK;
    qsort(seen, n, sizeof(*seen), compare);
    for (const struct seen *last = seen, *s = seen + 1; s < seen + n; s++) {
        bool same = s->path.len == last->path.len;
        if (reaches(last, s) && !(last->directory && (s->directory || !same)))
            TRY(warn(i, "ramdisks %zu and %zu: one entry replaces another or lies below one: %.*s",
                     MIN(last->ramdisk, s->ramdisk), MAX(last->ramdisk, s->ramdisk), (int)s->path.len,
                     (const char *)s->path.data));
        else
            last = s;
    }
    return OK;
}

/* ── all of it ── */

static err_t examine(struct inspect *i)
{
    struct kernel kernel = {0};
    TRY(print_sections(&i->eif));
    TRY(check_layout(i));
    TRY(check_kernel(i, &kernel));
    TRY(check_cmdline(i));
    TRY(check_metadata(i, &kernel));
    TRY(check_signature(i));
    TRY(list_ramdisks(i));
    return check_replaced(i);
}

static void print_warnings(struct view sentences)
{
    while (sentences.len > 0) {
        size_t n = strlen((const char *)sentences.data);
        (void)fputs("\nwarning: ", stdout);
        print_safe(view_of(sentences.data, n));
        sentences = view_of(sentences.data + n + 1, sentences.len - n - 1);
    }
    (void)putchar('\n');
}

err_t image_inspect(int argc, char **argv, struct why *why)
{
    AUTO(map_done) struct map file = {0};
    AUTO(inspect_done) struct inspect i = {.warnings = BUF_WITH(WARNINGS_MAX), .seen = BUF_WITH(ENTRIES_MAX)};
    if (argc != 2)
        return why_set(why, ERR_USAGE, "inspect: exactly one FILE.eif is needed (see --help)");
    TRY(image_map(argv[1], &file, why));
    TRY(eif_read(image_bytes(&file), &i.eif, why));
    TRY(examine(&i));
    print_warnings(buf_view(&i.warnings));
    return OK;
}
