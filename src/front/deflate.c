/* zlib at its fastest level, and the list of codings that a client accepts. */
#include "front/deflate.h"

#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

/* RFC 1951 allows a window of 32 KiB; zlib adds 16 for the gzip wrapper. */
#define WINDOW_BITS 15
#define GZIP_WRAP   16
#define MEMORY      8 /* zlib's default */

#define WEIGHT_MAX 1000

/* ── what the client wants ── */

static struct view trim(struct view v)
{
    while (v.len > 0 && (v.data[0] == ' ' || v.data[0] == '\t'))
        v = view_of(v.data + 1, v.len - 1);
    while (v.len > 0 && (v.data[v.len - 1] == ' ' || v.data[v.len - 1] == '\t'))
        v.len--;
    return v;
}

/* "q=0.5" in thousandths; false for anything else. */
static bool read_weight(struct view v, unsigned *ret)
{
    unsigned weight = 0;
    unsigned unit = WEIGHT_MAX;
    if (v.len < 3 || v.len > 7 || (v.data[0] | 0x20) != 'q' || v.data[1] != '=' || (v.len > 3 && v.data[3] != '.'))
        return false;
    for (size_t i = 2; i < v.len; i++) {
        if (i == 3)
            continue;
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
        weight += unit * (v.data[i] - '0');
        unit /= 10;
    }
    *ret = weight;
    return weight <= WEIGHT_MAX;
}

static bool read_entry(struct view entry, enum coding *ret_coding, unsigned *ret_weight)
{
    struct view name = trim(view_cut(&entry, ';'));
    struct view weight = trim(entry);
    *ret_weight = WEIGHT_MAX;
    return (weight.len == 0 || read_weight(weight, ret_weight)) && coding_parse(name, ret_coding) == OK;
}

enum coding coding_accepted(struct view field)
{
    enum coding best = CODING_NONE;
    unsigned best_weight = 0;
    while (field.len > 0) {
        enum coding coding = CODING_NONE;
        unsigned weight = 0;
        if (!read_entry(view_cut(&field, ','), &coding, &weight) || weight <= best_weight)
            continue;
        best = coding;
        best_weight = weight;
    }
    return best;
}

const char *coding_name(enum coding coding)
{
    static const char *const names[] = {[CODING_NONE] = NULL, [CODING_GZIP] = "gzip", [CODING_DEFLATE] = "deflate"};
    return names[coding];
}

/* ── compressing ── */

static void *zlib_alloc(void *self UNUSED, unsigned count, unsigned size)
{
    return mem_alloc(count, size);
}

static void zlib_free(void *self UNUSED, void *block)
{
    mem_free(block);
}

static err_t compress_into(z_stream *z, struct buf *out)
{
    uint8_t *room = NULL;
    size_t bound = deflateBound(z, z->avail_in);
    size_t n = MIN(bound, out->max - out->len);
    TRY(buf_reserve(out, n, &room));
    z->next_out = room;
    z->avail_out = (unsigned)n;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return ERR_TOO_LARGE;
    buf_commit(out, n - z->avail_out);
    return OK;
}

err_t deflate_all(enum coding coding, struct view in, struct buf *out)
{
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free};
    int wrap = coding == CODING_GZIP ? GZIP_WRAP : 0;
    if (in.len > UINT_MAX / 2)
        return ERR_TOO_LARGE;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS + wrap, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR_NOMEM;
    z.next_in = (uint8_t *)(uintptr_t)in.data;
    z.avail_in = (unsigned)in.len;
    err_t e = compress_into(&z, out);
    (void)deflateEnd(&z);
    return e;
}
