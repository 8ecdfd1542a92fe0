/* Reading archives piece by piece, and writing them. */
#include "ipld/car.h"

#include <inttypes.h>
#include <string.h>

/* dag-cbor: the major types and the one tag that the header has */
enum { CBOR_UINT = 0, CBOR_BYTES = 2, CBOR_ARRAY = 4 };
#define KEY_ROOTS   "\x65roots"
#define KEY_VERSION "\x67version"
#define MAP_OF_1    0xa1
#define MAP_OF_2    "\xa2"
#define TAG_CID     "\xd8\x2a"

/* ── the header ── */

static bool take_text(struct view *v, const char *text)
{
    struct view rest = *v, part = {0};
    if (view_take(&rest, strlen(text), &part) != OK || !view_is(part, text))
        return false;
    *v = rest;
    return true;
}

/* Type and number of an item in its shortest form; no number of a header needs more than two bytes. */
static err_t take_number(struct view *v, unsigned major, uint16_t *ret)
{
    uint8_t head = 0, byte = 0;
    TRY(view_u8(v, &head));
    if (head >> 5 != major)
        return ERR_MALFORMED;
    switch (head & 31) {
    case 24:
        TRY(view_u8(v, &byte));
        *ret = byte;
        return byte >= 24 ? OK : ERR_MALFORMED;
    case 25:
        TRY(view_u16be(v, ret));
        return *ret > UINT8_MAX ? OK : ERR_MALFORMED;
    default:
        *ret = head & 31;
        return *ret < 24 ? OK : ERR_MALFORMED;
    }
}

static err_t take_root(struct view *v, struct cid_ref *ret)
{
    struct view bytes = {0};
    uint16_t len = 0;
    uint8_t identity_base = 1;
    if (!take_text(v, TAG_CID))
        return ERR_MALFORMED;
    TRY(take_number(v, CBOR_BYTES, &len));
    TRY(view_take(v, len, &bytes));
    TRY(view_u8(&bytes, &identity_base));
    TRY(cid_take(&bytes, ret));
    return identity_base == 0 && bytes.len == 0 ? OK : ERR_MALFORMED;
}

/* {"version": n} alone: what version 2 begins with, and archives without roots. */
static err_t check_lone_version(struct view header, struct why *why)
{
    uint8_t map = 0;
    uint16_t version = 0;
    if (view_u8(&header, &map) != OK || map != MAP_OF_1 || !take_text(&header, KEY_VERSION) ||
        take_number(&header, CBOR_UINT, &version) != OK || version == 1)
        return OK;
    return why_set(why, ERR_CAR_VERSION, "header: version %d, only 1 is read", version);
}

/* Once without a sink, to know whether all of it is right. */
static err_t read_header(struct view header, const struct car_sink *sink, struct why *why)
{
    uint16_t n_roots = 0, version = 0;
    TRY(check_lone_version(header, why));
    if (!take_text(&header, MAP_OF_2 KEY_ROOTS) || take_number(&header, CBOR_ARRAY, &n_roots) != OK)
        return why_set(why, ERR_CAR_MALFORMED, "header: not dag-cbor of {roots: [...], version: 1}");
    for (unsigned i = 0; i < n_roots; i++) {
        struct cid_ref root = {0};
        if (take_root(&header, &root) != OK)
            return why_set(why, ERR_CAR_MALFORMED, "header: root %u is not a CID", i);
        if (sink != NULL)
            TRY(sink->root(sink->user, &root));
    }
    if (!take_text(&header, KEY_VERSION) || take_number(&header, CBOR_UINT, &version) != OK || header.len > 0)
        return why_set(why, ERR_CAR_MALFORMED, "header: not dag-cbor of {roots: [...], version: 1}");
    if (version != 1)
        return why_set(why, ERR_CAR_VERSION, "header: version %d, only 1 is read", version);
    return OK;
}

/* ── header and sections ── */

static err_t take_header(struct car_reader *r, struct view header, struct why *why)
{
    r->in_sections = true;
    TRY(read_header(header, NULL, why));
    return r->sink.root != NULL ? read_header(header, &r->sink, why) : OK;
}

static err_t take_section(struct car_reader *r, struct view section, uint64_t offset, struct why *why)
{
    struct car_section s = {.bytes = section};
    if (cid_take(&s.bytes, &s.cid) != OK)
        return why_set(why, ERR_CAR_MALFORMED, "section at byte %" PRIu64 ": does not begin with a CID", r->offset);
    if (s.bytes.len > BLOCK_MAX)
        return why_set(why, ERR_BLOCK_TOO_LARGE, "section at byte %" PRIu64 ": a block of over 2 MiB", r->offset);
    s.offset = offset + (section.len - s.bytes.len);
    return r->sink.section(r->sink.user, &s);
}

/* The length that header and sections begin with; ERR_TRUNCATED while it is not all there. */
static err_t take_length(const struct car_reader *r, struct view *v, size_t *ret, struct why *why)
{
    const char *what = r->in_sections ? "section" : "header";
    uint64_t len = 0;
    err_t e = varint_get(v, &len);
    if (e == ERR_TRUNCATED)
        return e;
    if (e != OK)
        return why_set(why, ERR_CAR_MALFORMED, "%s at byte %" PRIu64 ": its length is not a minimal varint", what,
                       r->offset);
    if (len == 0)
        return why_set(why, ERR_CAR_MALFORMED, "%s at byte %" PRIu64 ": is empty", what, r->offset);
    if (!r->in_sections && len > CAR_HEADER_MAX)
        return why_set(why, ERR_CAR_MALFORMED, "header: longer than %zu bytes", CAR_HEADER_MAX);
    if (len > CAR_SECTION_MAX)
        return why_set(why, ERR_BLOCK_TOO_LARGE, "section at byte %" PRIu64 ": a block of over 2 MiB", r->offset);
    *ret = len;
    return OK;
}

/* Takes the header or section at the front. An error with a size above what is there: it is not whole, and needs at
   least that. */
static err_t take_part(struct car_reader *r, struct view *v, size_t *ret_size, struct why *why)
{
    struct view rest = *v, part = {0};
    size_t len = 0;
    err_t e = take_length(r, &rest, &len, why);
    size_t head = v->len - rest.len;
    *ret_size = e == OK ? head + len : e == ERR_TRUNCATED ? v->len + 1 : 0;
    TRY(e);
    TRY(view_take(&rest, len, &part));
    TRY(r->in_sections ? take_section(r, part, r->offset + head, why) : take_header(r, part, why));
    r->offset += head + len;
    *v = rest;
    return OK;
}

/* Moves bytes behind those that wait, until there are `size` of them. */
static err_t collect(struct car_reader *r, struct view *bytes, size_t size)
{
    struct view part = {0};
    uint8_t *room = NULL;
    TRY(buf_reserve(&r->in, size - r->in.len, &room));
    TRY(view_take(bytes, MIN(bytes->len, size - r->in.len), &part));
    return buf_put_view(&r->in, part);
}

err_t car_push(struct car_reader *r, struct view bytes, struct why *why)
{
    for (;;) {
        struct view waiting = buf_view(&r->in), *from = waiting.len > 0 ? &waiting : &bytes;
        size_t size = 0;
        if (from->len == 0)
            return OK;
        err_t e = take_part(r, from, &size, why);
        if (e == OK && from == &waiting)
            buf_clear(&r->in);
        if (e == OK)
            continue;
        if (size <= from->len)
            return e;
        if (bytes.len == 0)
            return OK;
        TRY(collect(r, &bytes, size));
    }
}

err_t car_finish(const struct car_reader *r, struct why *why)
{
    if (r->in.len > 0 || !r->in_sections)
        return why_set(why, ERR_CAR_TRUNCATED, "ends inside the %s that begins at byte %" PRIu64,
                       r->in_sections ? "section" : "header", r->offset);
    return OK;
}

void car_reader_init(struct car_reader *r, const struct car_sink *sink)
{
    *r = (struct car_reader){.sink = *sink, .in = BUF_WITH(VARINT_MAX_LEN + CAR_SECTION_MAX)};
}

void car_reader_done(struct car_reader *r)
{
    buf_done(&r->in);
}

/* ── writing ── */

static err_t put_number(struct buf *out, unsigned major, size_t n)
{
    uint8_t head = (uint8_t)(major << 5);
    if (n < 24)
        return buf_put_u8(out, (uint8_t)(head | n));
    if (n <= UINT8_MAX)
        return buf_put(out, (const uint8_t[]){(uint8_t)(head | 24), (uint8_t)n}, 2);
    return buf_put(out, (const uint8_t[]){(uint8_t)(head | 25), (uint8_t)(n >> 8), (uint8_t)n}, 3);
}

static err_t put_root(struct buf *out, const struct cid *root)
{
    TRY(buf_put_text(out, TAG_CID));
    TRY(put_number(out, CBOR_BYTES, 1U + root->len));
    TRY(buf_put_u8(out, 0));
    return buf_put_view(out, cid_view(root));
}

err_t car_put_header(struct buf *out, const struct cid *roots, size_t n_roots)
{
    AUTO_BUF struct buf header = BUF_WITH(CAR_HEADER_MAX);
    TRY(buf_put_text(&header, MAP_OF_2 KEY_ROOTS));
    TRY(put_number(&header, CBOR_ARRAY, n_roots));
    for (size_t i = 0; i < n_roots; i++)
        TRY(put_root(&header, &roots[i]));
    TRY(buf_put_text(&header, KEY_VERSION));
    TRY(put_number(&header, CBOR_UINT, 1));
    TRY(varint_put(out, header.len));
    return buf_put_view(out, buf_view(&header));
}

err_t car_put_section(struct buf *out, const struct cid *cid, size_t block_len)
{
    if (block_len > BLOCK_MAX)
        return ERR_BLOCK_TOO_LARGE;
    TRY(varint_put(out, cid->len + block_len));
    return buf_put_view(out, cid_view(cid));
}
