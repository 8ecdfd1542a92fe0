/* Bounded reading of JSON. */
#include "tensor/json.h"

#include "base/mem.h"
#include "tensor/json_mask.h"

#include <string.h>

#define EVEN_BITS 0x5555555555555555ULL

/* What a block of 64 bytes leaves to the next. */
struct scan {
    uint64_t escaped;   /* 1: its first byte stands behind an odd number of backslashes */
    uint64_t in_string; /* all ones: it begins inside a string */
    int64_t depth;
};

/* Bytes behind a run of backslashes of odd length. Adding a run's first bit carries a one to just behind its end; the
   run is odd when its start and that place are of different parity. */
static uint64_t escaped_bytes(struct scan *s, uint64_t backslash)
{
    backslash &= ~s->escaped;
    uint64_t starts = backslash & ~(backslash << 1);
    uint64_t from_even = backslash + (starts & EVEN_BITS);
    uint64_t from_odd = 0;
    bool carry = __builtin_add_overflow(backslash, starts & ~EVEN_BITS, &from_odd);
    uint64_t escaped = (from_even & ~backslash & ~EVEN_BITS) | (from_odd & ~backslash & EVEN_BITS) | s->escaped;
    s->escaped = carry;
    return escaped;
}

/* Bit i = parity of the bits 0 to i: ones from an opening quote to the byte before the closing one. */
static uint64_t prefix_parity(uint64_t n)
{
    for (int shift = 1; shift < 64; shift *= 2)
        n ^= n << shift;
    return n;
}

/* True when the block goes deeper than `max`. */
static bool scan_block(struct scan *s, const uint8_t block[static 64], int64_t max)
{
    struct json_masks m = json_masks(block);
    uint64_t escaped = escaped_bytes(s, m.backslash);
    uint64_t in_string = prefix_parity(m.quote & ~escaped) ^ s->in_string;
    s->in_string = (uint64_t)((int64_t)in_string >> 63);
    uint64_t open = m.open & ~in_string;
    for (uint64_t left = open | (m.close & ~in_string); left != 0; left &= left - 1) {
        s->depth += (open & left & -left) != 0 ? 1 : -1;
        if (s->depth > max)
            return true;
    }
    return false;
}

/* What is behind the last whole block, with zeros behind it. */
struct tail {
    uint8_t bytes[64];
};

static struct tail tail_of(struct view text)
{
    struct tail last = {0};
    if (text.len % 64 > 0)
        memcpy(last.bytes, text.data + text.len / 64 * 64, text.len % 64);
    return last;
}

static bool goes_deeper(struct view text, unsigned max)
{
    struct scan s = {0};
    for (size_t i = 0; i < text.len / 64; i++)
        if (scan_block(&s, text.data + 64 * i, max))
            return true;
    return scan_block(&s, tail_of(text).bytes, max);
}

static size_t count_open(const uint8_t block[static 64])
{
    size_t count = 0;
    for (uint64_t left = json_masks(block).open; left != 0; left &= left - 1)
        count++;
    return count;
}

/* Whether more than `max` arrays and objects open at all, in strings or not: of short texts that is soon known. */
static bool opens_more(struct view text, unsigned max)
{
    size_t count = count_open(tail_of(text).bytes);
    for (size_t i = 0; i < text.len / 64 && count <= max; i++)
        count += count_open(text.data + 64 * i);
    return count > max;
}

bool json_too_deep(struct view text, unsigned max)
{
    return opens_more(text, max) && goes_deeper(text, max);
}

/* yyjson keeps a document read in place in one block, which it makes and enlarges through these. */
struct limit {
    size_t bytes;
    size_t used;
    bool exceeded;
};

static void *limited_realloc(void *context, void *p, size_t old_size UNUSED, size_t size)
{
    struct limit *limit = context;
    limit->exceeded = size > limit->bytes;
    void *block = limit->exceeded ? NULL : mem_resize(p, size);
    limit->used = block != NULL ? size : limit->used;
    return block;
}

static void *limited_malloc(void *context, size_t size)
{
    return limited_realloc(context, NULL, 0, size);
}

/* The document keeps a copy of the allocator; all that is called later is this, which needs no context. */
static void limited_free(void *context UNUSED, void *p)
{
    mem_free(p);
}

err_t json_read(uint8_t *text, size_t len, unsigned max_depth, size_t max_memory, yyjson_doc **ret, size_t *ret_memory)
{
    struct limit limit = {.bytes = max_memory};
    const yyjson_alc alc = {limited_malloc, limited_realloc, limited_free, &limit};
    yyjson_read_err error = {0};
    if (json_too_deep(view_of(text, len), max_depth))
        return ERR_JSON_TOO_DEEP;
    memset(text + len, 0, JSON_PAD);
    yyjson_doc *doc = yyjson_read_opts((char *)text, len, YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW, &alc, &error);
    if (doc == NULL && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return limit.exceeded ? ERR_TOO_LARGE : ERR_NOMEM;
    if (doc == NULL)
        return ERR_BAD_JSON;
    *ret = doc;
    *ret_memory = limit.used;
    return OK;
}

void json_done(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
    *doc = NULL;
}

err_t json_fields(yyjson_val *object, const struct json_name *names, size_t count, yyjson_val **ret, size_t *ret_twice)
{
    yyjson_obj_iter fields = {0};
    if (!yyjson_is_obj(object))
        return ERR_FIELD_TYPE;
    for (size_t i = 0; i < count; i++)
        ret[i] = NULL;
    (void)yyjson_obj_iter_init(object, &fields);
    for (yyjson_val *key = yyjson_obj_iter_next(&fields); key != NULL; key = yyjson_obj_iter_next(&fields)) {
        for (size_t i = 0; i < count; i++) {
            if (!unsafe_yyjson_equals_strn(key, names[i].text, names[i].len))
                continue;
            if (ret[i] != NULL) {
                *ret_twice = i;
                return ERR_FIELD_DUPLICATE;
            }
            ret[i] = yyjson_obj_iter_get_val(key);
        }
    }
    return OK;
}
