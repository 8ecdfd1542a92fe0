/* zlib with our allocator, bounded in what one step writes. */
#include "front/inflate.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

struct inflate {
    z_stream stream;
    bool ended;
    bool damaged; /* behind what was written so far */
};

/* RFC 1951 allows a window of 32 KiB; zlib adds 16 for the gzip wrapper. */
#define WINDOW_BITS 15
#define GZIP_WRAP   16

static const struct {
    const char *name;
    enum coding coding;
} coding_names[] = {
    {"identity", CODING_NONE},
    {"gzip", CODING_GZIP},
    {"x-gzip", CODING_GZIP},
    {"deflate", CODING_DEFLATE},
};

err_t coding_parse(struct view text, enum coding *ret)
{
    for (size_t i = 0; i < COUNT_OF(coding_names); i++) {
        const char *name = coding_names[i].name;
        if (text.len == strlen(name) && strncasecmp((const char *)text.data, name, text.len) == 0) {
            *ret = coding_names[i].coding;
            return OK;
        }
    }
    return ERR_MEDIA_TYPE;
}

static void *zlib_alloc(void *self, unsigned count, unsigned size)
{
    (void)self;
    return mem_alloc(count, size);
}

static void zlib_free(void *self, void *block)
{
    (void)self;
    mem_free(block);
}

err_t inflate_new(enum coding coding, struct inflate **ret)
{
    struct inflate *z = mem_alloc(1, sizeof(*z));
    if (z == NULL)
        return ERR_NOMEM;
    z->stream.zalloc = zlib_alloc;
    z->stream.zfree = zlib_free;
    if (inflateInit2(&z->stream, coding == CODING_GZIP ? WINDOW_BITS + GZIP_WRAP : WINDOW_BITS) != Z_OK) {
        mem_free(z);
        return ERR_NOMEM;
    }
    *ret = z;
    return OK;
}

void inflate_free(struct inflate *z)
{
    if (z == NULL)
        return;
    (void)inflateEnd(&z->stream);
    mem_free(z);
}

static err_t note_result(struct inflate *z, int rc)
{
    switch (rc) {
    case Z_OK:
    case Z_BUF_ERROR: /* no progress without more input or room */
        return OK;
    case Z_STREAM_END:
        z->ended = true;
        z->damaged = z->stream.avail_in > 0;
        return OK;
    case Z_MEM_ERROR:
        return ERR_NOMEM;
    default:
        z->damaged = true;
        return OK;
    }
}

err_t inflate_step(struct inflate *z, struct view *in, uint8_t *ret_bytes, size_t room, size_t *ret_n)
{
    unsigned in_n = (unsigned)MIN(in->len, UINT_MAX);
    unsigned out_n = (unsigned)MIN(room, UINT_MAX);
    struct view taken = {0};
    z->damaged = z->damaged || (z->ended && in_n > 0);
    z->stream.next_in = (Bytef *)(uintptr_t)in->data;
    z->stream.avail_in = in_n;
    z->stream.next_out = ret_bytes;
    z->stream.avail_out = out_n;
    if (!z->ended && !z->damaged)
        TRY(note_result(z, inflate(&z->stream, Z_NO_FLUSH)));
    if (z->damaged && z->stream.avail_out == out_n)
        return ERR_BAD_ENCODING;
    TRY(view_take(in, in_n - z->stream.avail_in, &taken));
    *ret_n = out_n - z->stream.avail_out;
    return OK;
}

err_t inflate_end(const struct inflate *z)
{
    return z->ended && !z->damaged ? OK : ERR_BAD_ENCODING;
}
