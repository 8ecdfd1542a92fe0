/* CBOR heads in both directions, and the reader's book-keeping of open containers and map keys. */
#include "receipt/cbor.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define CBOR_FALSE    20
#define CBOR_TRUE     21
#define CBOR_NULL     22
#define CBOR_MAP_OPEN 0xBF
#define CBOR_BREAK    0xFF

/* ── writer ── */

static void cbor_put(struct cbor_writer *w, const void *bytes, size_t n)
{
    if (n > 0 && w->len <= w->cap && n <= w->cap - w->len)
        memcpy(w->data + w->len, bytes, n);
    w->len += n;
}

static void cbor_put_head(struct cbor_writer *w, enum cbor_major major, uint64_t arg)
{
    static const uint8_t info[] = {[2] = 24, [3] = 25, [5] = 26, [9] = 27};
    size_t len = CBOR_HEAD_LEN(arg);
    uint8_t head[9] = {(uint8_t)((unsigned)major << 5 | (len == 1 ? (unsigned)arg : info[len]))};
    for (size_t i = len - 1; i > 0; i--, arg >>= 8)
        head[i] = (uint8_t)arg;
    cbor_put(w, head, len);
}

void cbor_put_uint(struct cbor_writer *w, uint64_t n)
{
    cbor_put_head(w, CBOR_UINT, n);
}

void cbor_put_int(struct cbor_writer *w, int64_t n)
{
    if (n >= 0)
        cbor_put_head(w, CBOR_UINT, (uint64_t)n);
    else
        cbor_put_head(w, CBOR_NINT, (uint64_t)(-1 - n));
}

void cbor_put_bytes(struct cbor_writer *w, struct view bytes)
{
    cbor_put_head(w, CBOR_BYTES, bytes.len);
    cbor_put(w, bytes.data, bytes.len);
}

void cbor_put_text(struct cbor_writer *w, struct view text)
{
    cbor_put_head(w, CBOR_TEXT, text.len);
    cbor_put(w, text.data, text.len);
}

void cbor_put_array(struct cbor_writer *w, uint64_t n)
{
    cbor_put_head(w, CBOR_ARRAY, n);
}

void cbor_put_map(struct cbor_writer *w, uint64_t n)
{
    cbor_put_head(w, CBOR_MAP, n);
}

void cbor_put_tag(struct cbor_writer *w, uint64_t tag)
{
    cbor_put_head(w, CBOR_TAG, tag);
}

void cbor_put_null(struct cbor_writer *w)
{
    cbor_put_head(w, CBOR_SIMPLE, CBOR_NULL);
}

void cbor_put_bool(struct cbor_writer *w, bool value)
{
    cbor_put_head(w, CBOR_SIMPLE, value ? CBOR_TRUE : CBOR_FALSE);
}

void cbor_put_map_open(struct cbor_writer *w)
{
    cbor_put(w, &(uint8_t){CBOR_MAP_OPEN}, 1);
}

void cbor_put_break(struct cbor_writer *w)
{
    cbor_put(w, &(uint8_t){CBOR_BREAK}, 1);
}

void cbor_put_encoded(struct cbor_writer *w, struct view item)
{
    cbor_put(w, item.data, item.len);
}

err_t cbor_written(const struct cbor_writer *w, struct view *ret_bytes)
{
    if (w->len > w->cap)
        return ERR_TOO_LARGE;
    *ret_bytes = view_of(w->data, w->len);
    return OK;
}

/* ── reader ── */

struct cbor_head {
    enum cbor_major major;
    uint64_t arg;
    bool indefinite;
};

/* The argument that follows an initial byte whose low five bits are 24 to 27, in its shortest form. */
static err_t head_long(struct view *v, unsigned info, uint64_t *ret_arg)
{
    static const uint64_t least[] = {24, UINT8_MAX + 1, UINT16_MAX + 1, UINT64_C(0x100000000)};
    struct view bytes = {0};
    uint64_t arg = 0;
    TRY(view_take(v, (size_t)1 << (info - 24), &bytes));
    for (size_t i = 0; i < bytes.len; i++)
        arg = arg << 8 | bytes.data[i];
    if (arg < least[info - 24])
        return ERR_MALFORMED;
    *ret_arg = arg;
    return OK;
}

static err_t head_read(struct view *v, unsigned allow, struct cbor_head *ret)
{
    uint8_t first = 0;
    TRY(view_u8(v, &first));
    struct cbor_head head = {.major = first >> 5, .arg = first & 31};
    if (head.arg == 31 && head.major == CBOR_MAP && (allow & CBOR_ALLOW_INDEFINITE_MAPS) != 0) {
        head.indefinite = true;
        head.arg = UINT64_MAX;
    } else if (head.arg > 27 || (head.arg > 23 && head.major == CBOR_SIMPLE)) {
        return ERR_MALFORMED;
    } else if (head.arg > 23) {
        TRY(head_long(v, (unsigned)head.arg, &head.arg));
    }
    *ret = head;
    return OK;
}

struct cbor_reader cbor_reader_on(struct view bytes, unsigned allow)
{
    return (struct cbor_reader){.rest = bytes, .allow = allow, .level[0].left = 1};
}

static struct cbor_level *level_open(struct cbor_reader *r)
{
    return &r->level[r->depth];
}

static bool level_at_key(const struct cbor_level *l)
{
    return l->map && l->left % 2 == 0;
}

/* The head of the next item, which must be of this type. */
static err_t cbor_head(struct cbor_reader *r, enum cbor_major major, struct cbor_head *ret)
{
    struct cbor_head head = {0};
    TRY(head_read(&r->rest, r->allow, &head));
    if (head.major != major || level_open(r)->left == 0)
        return ERR_MALFORMED;
    *ret = head;
    return OK;
}

/* The same where a map must not have its key: neither null, nor a container, nor a tag is one. */
static err_t cbor_head_not_key(struct cbor_reader *r, enum cbor_major major, struct cbor_head *ret)
{
    return level_at_key(level_open(r)) ? ERR_MALFORMED : cbor_head(r, major, ret);
}

/* Bytewise lexicographic order of encoded keys, RFC 8949 §4.2.1. */
static bool key_ascends(struct view a, struct view b)
{
    size_t same = 0;
    while (same < a.len && same < b.len && a.data[same] == b.data[same])
        same++;
    return same < b.len && (same == a.len || a.data[same] < b.data[same]);
}

/* Counts an integer or a string that was read from `start` on; as a key it must be greater than the one before. */
static err_t cbor_count(struct cbor_reader *r, struct view start)
{
    struct cbor_level *l = level_open(r);
    if (level_at_key(l)) {
        struct view key = view_of(start.data, start.len - r->rest.len);
        bool ordered = (r->allow & CBOR_ALLOW_ANY_KEY_ORDER) == 0;
        if (ordered && l->last_key.data != NULL && !key_ascends(l->last_key, key))
            return ERR_MALFORMED;
        l->last_key = key;
    }
    l->left--;
    return OK;
}

err_t cbor_get_uint(struct cbor_reader *r, uint64_t max, uint64_t *ret_n)
{
    struct view start = r->rest;
    struct cbor_head head = {0};
    TRY(cbor_head(r, CBOR_UINT, &head));
    if (head.arg > max)
        return ERR_TOO_LARGE;
    TRY(cbor_count(r, start));
    *ret_n = head.arg;
    return OK;
}

err_t cbor_get_int(struct cbor_reader *r, int64_t *ret_n)
{
    struct view start = r->rest;
    bool negative = cbor_at(r, CBOR_NINT);
    struct cbor_head head = {0};
    TRY(cbor_head(r, negative ? CBOR_NINT : CBOR_UINT, &head));
    if (head.arg > INT64_MAX)
        return ERR_TOO_LARGE;
    TRY(cbor_count(r, start));
    *ret_n = negative ? -1 - (int64_t)head.arg : (int64_t)head.arg;
    return OK;
}

static err_t cbor_get_string(struct cbor_reader *r, enum cbor_major major, size_t max, struct view *ret)
{
    struct view start = r->rest;
    struct view content = {0};
    struct cbor_head head = {0};
    TRY(cbor_head(r, major, &head));
    if (head.arg > max)
        return ERR_TOO_LARGE;
    TRY(view_take(&r->rest, (size_t)head.arg, &content));
    TRY(cbor_count(r, start));
    *ret = content;
    return OK;
}

err_t cbor_get_bytes(struct cbor_reader *r, size_t max, struct view *ret_bytes)
{
    return cbor_get_string(r, CBOR_BYTES, max, ret_bytes);
}

err_t cbor_get_text(struct cbor_reader *r, size_t max, struct view *ret_text)
{
    struct view text = {0};
    TRY(cbor_get_string(r, CBOR_TEXT, max, &text));
    if (!utf8_valid(text))
        return ERR_MALFORMED;
    *ret_text = text;
    return OK;
}

err_t cbor_get_fixed(struct cbor_reader *r, void *ret_bytes, size_t n)
{
    struct view bytes = {0};
    TRY(cbor_get_bytes(r, n, &bytes));
    if (bytes.len != n)
        return ERR_MALFORMED;
    return view_copy(&bytes, ret_bytes, n);
}

err_t cbor_get_null(struct cbor_reader *r)
{
    struct cbor_head head = {0};
    TRY(cbor_head_not_key(r, CBOR_SIMPLE, &head));
    if (head.arg != CBOR_NULL)
        return ERR_MALFORMED;
    level_open(r)->left--;
    return OK;
}

err_t cbor_get_bool(struct cbor_reader *r, bool *ret_value)
{
    struct cbor_head head = {0};
    TRY(cbor_head_not_key(r, CBOR_SIMPLE, &head));
    if (head.arg != CBOR_FALSE && head.arg != CBOR_TRUE)
        return ERR_MALFORMED;
    level_open(r)->left--;
    *ret_value = head.arg == CBOR_TRUE;
    return OK;
}

err_t cbor_get_tag(struct cbor_reader *r, uint64_t tag)
{
    struct cbor_head head = {0};
    TRY(cbor_head_not_key(r, CBOR_TAG, &head));
    return head.arg == tag ? OK : ERR_MALFORMED;
}

static err_t cbor_enter(struct cbor_reader *r, enum cbor_major major, uint64_t max)
{
    uint64_t items_each = major == CBOR_MAP ? 2 : 1;
    struct cbor_head head = {0};
    TRY(cbor_head_not_key(r, major, &head));
    if (r->depth == CBOR_DEPTH_MAX || (!head.indefinite && head.arg > max))
        return ERR_TOO_LARGE;
    if (!head.indefinite && head.arg > r->rest.len / items_each) /* an item has at least one byte */
        return ERR_TRUNCATED;
    level_open(r)->left--;
    r->depth++;
    *level_open(r) = (struct cbor_level){
        .left = head.indefinite ? UINT64_MAX - 1 : head.arg * items_each,
        .map = major == CBOR_MAP,
        .indefinite = head.indefinite,
    };
    return OK;
}

err_t cbor_enter_array(struct cbor_reader *r, uint64_t max)
{
    return cbor_enter(r, CBOR_ARRAY, max);
}

err_t cbor_enter_map(struct cbor_reader *r, uint64_t max)
{
    return cbor_enter(r, CBOR_MAP, max);
}

static bool cbor_at_break(const struct cbor_reader *r)
{
    return r->rest.len > 0 && r->rest.data[0] == CBOR_BREAK;
}

bool cbor_more(const struct cbor_reader *r)
{
    const struct cbor_level *l = &r->level[r->depth];
    return l->indefinite ? !cbor_at_break(r) : l->left > 0;
}

err_t cbor_leave(struct cbor_reader *r)
{
    assert(r->depth > 0);
    const struct cbor_level *l = level_open(r);
    if (cbor_more(r) || (l->indefinite && l->left % 2 != 0))
        return ERR_MALFORMED;
    if (l->indefinite) {
        uint8_t taken = 0;
        TRY(view_u8(&r->rest, &taken));
    }
    r->depth--;
    return OK;
}

err_t cbor_end(const struct cbor_reader *r)
{
    return r->depth == 0 && !cbor_more(r) ? view_end(&r->rest) : ERR_MALFORMED;
}

bool cbor_at(const struct cbor_reader *r, enum cbor_major major)
{
    struct view rest = r->rest;
    struct cbor_head head = {0};
    return head_read(&rest, r->allow, &head) == OK && head.major == major;
}

bool cbor_at_uint(const struct cbor_reader *r, uint64_t n)
{
    struct view rest = r->rest;
    struct cbor_head head = {0};
    return head_read(&rest, r->allow, &head) == OK && head.major == CBOR_UINT && head.arg == n;
}
