/* Archives as the kernel reads them, but nothing that it would pass over in silence. */
#include "eif/cpio.h"

#include "base/text.h"

#include <string.h>
#include <sys/stat.h>

#define MAGIC   "070701"
#define NUMBERS 13
#define DIGITS  8

/* The numbers of a header in their order. */
enum number { INO, MODE, UID, GID, NLINK, MTIME, SIZE, DEV_MAJOR, DEV_MINOR, RDEV_MAJOR, RDEV_MINOR, NAME_SIZE, CHECK };

struct cpio_reader cpio_reader_on(struct view bytes)
{
    return (struct cpio_reader){.whole = bytes};
}

static struct view rest_of(const struct cpio_reader *r)
{
    return view_of(r->whole.data + r->at, r->whole.len - r->at);
}

/* The next `n` bytes and the zeros that pad them. */
static err_t take(struct cpio_reader *r, size_t n, struct view *ret)
{
    struct view rest = rest_of(r), part = {0}, zeros = {0};
    TRY(view_take(&rest, n, &part));
    TRY(view_take(&rest, -(r->at + n) % CPIO_ALIGN, &zeros));
    for (size_t i = 0; i < zeros.len; i++)
        if (zeros.data[i] != 0)
            return ERR_MALFORMED;
    r->at += n + zeros.len;
    *ret = part;
    return OK;
}

static err_t take_numbers(struct cpio_reader *r, uint32_t ret[static NUMBERS])
{
    struct view rest = rest_of(r), magic = {0};
    TRY(view_take(&rest, strlen(MAGIC), &magic));
    if (!view_is(magic, MAGIC))
        return ERR_MALFORMED;
    for (size_t i = 0; i < NUMBERS; i++) {
        struct view digits = {0};
        uint8_t bytes[DIGITS / 2];
        TRY(view_take(&rest, DIGITS, &digits));
        TRY(hex_decode(digits, bytes, sizeof(bytes)));
        ret[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    }
    r->at += CPIO_HEADER_LEN;
    return OK;
}

/* ── names ── */

/* Takes "NAME/" or the last part of a path from its front. */
static struct view take_part(struct view *path)
{
    const uint8_t *slash = memchr(path->data, '/', path->len);
    size_t n = slash != NULL ? (size_t)(slash - path->data) : path->len;
    struct view part = view_of(path->data, n);
    *path = view_of(path->data + n + (slash != NULL), path->len - n - (slash != NULL));
    return part;
}

/* Without "/" and "./" in front; "." is the root. */
static struct view trim(struct view name)
{
    while (name.len > 0 && (name.data[0] == '/' || (name.data[0] == '.' && (name.len == 1 || name.data[1] == '/'))))
        name = view_of(name.data + 1, name.len - 1);
    return name;
}

static err_t read_name(struct view name, struct view *ret_path)
{
    if (name.len < 2 || memchr(name.data, 0, name.len) != name.data + name.len - 1)
        return ERR_MALFORMED;
    struct view path = trim(view_of(name.data, name.len - 1));
    if (path.len > 0 && path.data[path.len - 1] == '/')
        return ERR_MALFORMED;
    for (struct view rest = path; rest.len > 0;) {
        struct view part = take_part(&rest);
        if (part.len == 0 || view_is(part, ".") || view_is(part, ".."))
            return ERR_MALFORMED;
    }
    *ret_path = path;
    return OK;
}

/* ── entries ── */

static bool is_type(uint32_t mode)
{
    static const uint32_t known[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if ((mode & S_IFMT) == known[i])
            return (mode & ~(uint32_t)(S_IFMT | 07777)) == 0;
    return false;
}

static err_t take_entry(struct cpio_reader *r, struct cpio_entry *e, bool *ret_trailer)
{
    uint32_t n[NUMBERS] = {0};
    struct view name = {0};
    size_t start = r->at;
    TRY(take_numbers(r, n));
    if (n[CHECK] != 0 || n[NAME_SIZE] > CPIO_NAME_MAX)
        return ERR_MALFORMED;
    r->at = start; /* the name is padded together with the header */
    TRY(take(r, CPIO_HEADER_LEN + n[NAME_SIZE], &name));
    name = view_of(name.data + CPIO_HEADER_LEN, n[NAME_SIZE]);
    TRY(read_name(name, &e->path));
    TRY(take(r, n[SIZE], &e->data));
    *ret_trailer = view_is(view_of(name.data, name.len - 1), CPIO_TRAILER);
    if (*ret_trailer)
        return n[SIZE] == 0 ? OK : ERR_MALFORMED;
    bool has_data = S_ISREG(n[MODE]) || S_ISLNK(n[MODE]);
    if (!is_type(n[MODE]) || (!has_data && n[SIZE] != 0) || (S_ISLNK(n[MODE]) && n[SIZE] >= CPIO_NAME_MAX))
        return ERR_MALFORMED;
    e->ino = n[INO];
    e->mode = n[MODE];
    e->uid = n[UID];
    e->gid = n[GID];
    e->nlink = n[NLINK];
    e->mtime = n[MTIME];
    e->device_major = n[RDEV_MAJOR];
    e->device_minor = n[RDEV_MINOR];
    e->archive = r->archive;
    return OK;
}

/* Over the zeros between archives and behind the last. */
static void skip_zeros(struct cpio_reader *r)
{
    while (r->at < r->whole.len && r->whole.data[r->at] == 0)
        r->at++;
}

static err_t malformed(size_t at, const char *what, struct why *why)
{
    return why_set(why, ERR_CPIO_MALFORMED, "cpio: %s at byte %zu", what, at);
}

err_t cpio_next(struct cpio_reader *r, struct cpio_entry *ret, bool *ret_more, struct why *why)
{
    for (;;) {
        struct cpio_entry e = {0};
        bool trailer = false;
        if (!r->inside)
            skip_zeros(r);
        size_t start = r->at;
        if (start == r->whole.len) {
            *ret_more = false;
            return r->inside ? malformed(start, "no trailer", why) : OK;
        }
        if (!r->inside && start % CPIO_ALIGN != 0)
            return malformed(start, "something that is no archive", why);
        if (take_entry(r, &e, &trailer) != OK)
            return malformed(start, "an entry of another form", why);
        r->inside = !trailer;
        r->archive += trailer;
        if (!trailer) {
            *ret = e;
            *ret_more = true;
            return OK;
        }
    }
}
