/* Outputs as JSON. The area they lie in belongs to a process that is not trusted. */
#include "tensor/infer_answer.h"

#include "base/text.h"
#include "tensor/print.h"

#include <endian.h>
#include <string.h>

/* What is still to be read of a payload, and where the text goes. */
struct writer {
    struct view in;
    struct buf *out;
};

static err_t take(struct view *in, void *ret, size_t n)
{
    if (n > in->len)
        return ERR_TRUNCATED;
    area_copy(ret, in->data, n);
    *in = view_of(in->data + n, in->len - n);
    return OK;
}

static err_t take_u64(struct view *in, uint64_t *ret)
{
    uint64_t raw = 0;
    TRY(take(in, &raw, sizeof(raw)));
    *ret = le64toh(raw);
    return OK;
}

static err_t take_count(struct view *in, uint8_t tag, uint64_t *ret)
{
    uint8_t byte = 0;
    TRY(take(in, &byte, sizeof(byte)));
    return byte == tag ? take_u64(in, ret) : ERR_MALFORMED;
}

static err_t take_string(struct view *in, struct view *ret)
{
    uint32_t len = 0;
    TRY(take(in, &len, sizeof(len)));
    return view_take(in, le32toh(len), ret);
}

static err_t put_number(struct buf *out, enum dtype dtype, const void *element)
{
    uint8_t *room = NULL;
    TRY(buf_reserve(out, PRINT_MAX, &room));
    buf_commit(out, print_element(dtype, element, (char *)room));
    return OK;
}

static err_t put_uint(struct buf *out, uint64_t n)
{
    return put_number(out, DTYPE_UINT64, &(uint64_t){htole64(n)});
}

static err_t put_element(struct writer *w, enum dtype dtype)
{
    uint64_t element = 0;
    struct view text = {0};
    if (dtype == DTYPE_STRING) {
        TRY(take_string(&w->in, &text));
        return print_string(w->out, text);
    }
    TRY(take(&w->in, &element, dtype_info(dtype)->size));
    return put_number(w->out, dtype, &element);
}

/* Walks the leaves of nested arrays in order. */
struct nest {
    unsigned rank;
    const int64_t *dims;
    int64_t at[DESC_MAX_RANK];
};

/* The brackets that open in front of this leaf, with the comma that separates it from the last one. */
static err_t nest_open(struct nest *n, struct buf *out)
{
    unsigned opening = 0;
    while (opening < n->rank && n->at[n->rank - 1 - opening] == 0)
        opening++;
    if (opening < n->rank)
        TRY(buf_put_u8(out, ','));
    for (; opening > 0; opening--)
        TRY(buf_put_u8(out, '['));
    return OK;
}

/* The brackets that close behind it. False in ret_more behind the last leaf. */
static err_t nest_close(struct nest *n, struct buf *out, bool *ret_more)
{
    unsigned axis = n->rank;
    *ret_more = false;
    while (axis > 0 && !*ret_more) {
        axis--;
        *ret_more = ++n->at[axis] < n->dims[axis];
        if (*ret_more)
            return OK;
        n->at[axis] = 0;
        TRY(buf_put_u8(out, ']'));
    }
    return OK;
}

/* A shape alone may ask for any number of empty arrays. Each leaf takes at least `least` bytes with what separates it
   from the next one: what cannot fit is refused before it is written. */
static err_t nest_check(const struct nest *n, size_t least, const struct buf *out)
{
    uint64_t leaves = 1;
    for (unsigned axis = 0; axis < n->rank; axis++)
        if (__builtin_mul_overflow(leaves, (uint64_t)n->dims[axis], &leaves))
            return ERR_TOO_LARGE;
    return leaves > (out->max - out->len) / least ? ERR_TOO_LARGE : OK;
}

/* A tensor as nested arrays that mirror its shape, as numpy's tolist has them: a dimension of size zero becomes []. */
static err_t put_tensor(struct writer *w, enum dtype dtype, const struct value_desc *d)
{
    struct nest n = {.dims = d->dims};
    bool more = true;
    while (n.rank < d->rank && d->dims[n.rank] != 0)
        n.rank++;
    bool empty = n.rank < d->rank;
    TRY(nest_check(&n, empty ? 3 : 2, w->out));
    while (more) {
        TRY(nest_open(&n, w->out));
        TRY(empty ? buf_put_text(w->out, "[]") : put_element(w, dtype));
        TRY(nest_close(&n, w->out, &more));
    }
    return OK;
}

/* An item of a sequence: its shape, in `dims` with room for DESC_MAX_RANK. */
static err_t take_item(struct view *in, int64_t *dims, struct value_desc *ret)
{
    struct value_desc d = {.dims = dims};
    uint64_t elements = 0;
    TRY(take(in, &d.rank, sizeof(d.rank)));
    if (d.rank > DESC_MAX_RANK)
        return ERR_MALFORMED;
    for (unsigned i = 0; i < d.rank; i++) {
        uint64_t raw = 0;
        TRY(take_u64(in, &raw));
        dims[i] = (int64_t)raw;
    }
    TRY(desc_elements(&d, &elements));
    *ret = d;
    return OK;
}

static err_t skip_elements(struct view *in, enum dtype dtype, uint64_t count)
{
    uint64_t bytes = 0;
    struct view part = {0};
    if (dtype != DTYPE_STRING)
        return __builtin_mul_overflow(count, (uint64_t)dtype_info(dtype)->size, &bytes) ? ERR_TRUNCATED
                                                                                        : view_take(in, bytes, &part);
    for (uint64_t i = 0; i < count; i++)
        TRY(take_string(in, &part));
    return OK;
}

static err_t put_key(struct writer *w, enum dtype key)
{
    if (key == DTYPE_STRING)
        return put_element(w, key);
    TRY(buf_put_u8(w->out, '"'));
    TRY(put_element(w, key));
    return buf_put_u8(w->out, '"');
}

static err_t put_map(struct writer *w, const struct value_type *type)
{
    uint64_t count = 0;
    TRY(take_count(&w->in, TAG_MAP, &count));
    TRY(buf_put_u8(w->out, '{'));
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            TRY(buf_put_u8(w->out, ','));
        TRY(put_key(w, type->key));
        TRY(buf_put_u8(w->out, ':'));
        TRY(put_element(w, type->dtype));
    }
    return buf_put_u8(w->out, '}');
}

static err_t put_item(struct writer *w, const struct value_type *type)
{
    int64_t dims[DESC_MAX_RANK] = {0};
    struct value_desc d = {0};
    if (type->kind == VALUE_MAP_SEQUENCE)
        return put_map(w, type);
    TRY(take_item(&w->in, dims, &d));
    return put_tensor(w, type->dtype, &d);
}

static err_t put_sequence(struct writer *w, const struct value_type *type)
{
    uint64_t count = 0;
    TRY(take_count(&w->in, TAG_SEQUENCE, &count));
    TRY(buf_put_u8(w->out, '['));
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            TRY(buf_put_u8(w->out, ','));
        TRY(put_item(w, type));
    }
    return buf_put_u8(w->out, ']');
}

static err_t put_result(struct writer *w, const struct value_desc *d)
{
    if (d->type.optional)
        return buf_put_text(w->out, "null");
    switch (d->type.kind) {
    case VALUE_TENSOR:
        return put_tensor(w, d->type.dtype, d);
    case VALUE_MAP:
        return put_map(w, &d->type);
    case VALUE_SEQUENCE:
    case VALUE_MAP_SEQUENCE:
        break;
    }
    return put_sequence(w, &d->type);
}

static err_t put_dims(struct buf *out, const struct value_desc *d, bool first)
{
    for (unsigned i = 0; i < d->rank; i++) {
        if (i > 0 || !first)
            TRY(buf_put_u8(out, ','));
        TRY(put_uint(out, (uint64_t)d->dims[i]));
    }
    return OK;
}

static bool same_shape(const struct value_desc *a, const struct value_desc *b)
{
    return a->rank == b->rank && (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0);
}

/* The shape that all items of a sequence of tensors share; rank 0 when they do not. */
static err_t items_shape(struct view in, enum dtype dtype, uint64_t count, int64_t *dims, struct value_desc *ret)
{
    int64_t other_dims[DESC_MAX_RANK] = {0};
    struct value_desc first = {0};
    for (uint64_t i = 0; i < count; i++) {
        struct value_desc other = {0};
        uint64_t elements = 0;
        TRY(take_item(&in, i == 0 ? dims : other_dims, &other));
        TRY(desc_elements(&other, &elements));
        TRY(skip_elements(&in, dtype, elements));
        if (i > 0 && !same_shape(&first, &other))
            return OK;
        first = i == 0 ? other : first;
    }
    *ret = first;
    return OK;
}

/* Of a sequence: the number of items, then their dimensions if all have the same, as numpy stacks them. */
static err_t put_sequence_shape(struct buf *out, const struct value_type *type, struct view in)
{
    int64_t dims[DESC_MAX_RANK] = {0};
    struct value_desc shared = {0};
    uint64_t count = 0;
    TRY(take_count(&in, TAG_SEQUENCE, &count));
    if (type->kind == VALUE_SEQUENCE)
        TRY(items_shape(in, type->dtype, count, dims, &shared));
    TRY(put_uint(out, count));
    return put_dims(out, &shared, false);
}

static err_t put_shape(struct buf *out, const struct value_desc *d, struct view in)
{
    bool sequence = d->type.kind == VALUE_SEQUENCE || d->type.kind == VALUE_MAP_SEQUENCE;
    return sequence && !d->type.optional ? put_sequence_shape(out, &d->type, in) : put_dims(out, d, true);
}

static const char *type_text(const struct value_type *t)
{
    if (t->optional || t->kind == VALUE_MAP || t->kind == VALUE_MAP_SEQUENCE)
        return "json";
    return t->dtype == DTYPE_STRING ? "string" : "number";
}

static err_t put_output(struct buf *out, const struct value_desc *d, struct view payload)
{
    struct writer w = {payload, out};
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, d->name));
    TRY(buf_put_text(out, ",\"shape\":["));
    TRY(put_shape(out, d, payload));
    TRY(buf_put_text(out, "],\"result\":"));
    TRY(put_result(&w, d));
    TRY(view_end(&w.in));
    TRY(buf_put_text(out, ",\"type\":\""));
    TRY(buf_put_text(out, type_text(&d->type)));
    return buf_put_text(out, "\"}");
}

static err_t put_outputs(struct buf *out, const struct value_set *outputs, struct view area, size_t *at)
{
    for (*at = 0; *at < outputs->descs.count; ++*at) {
        struct value_place place = outputs->places[*at];
        if (*at > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put_output(out, &outputs->descs.items[*at], view_of(area.data + place.offset, place.len)));
    }
    return OK;
}

/* `at` is the output that is being written. */
static err_t put_answer(struct buf *out, const struct value_set *outputs, struct view area,
                        const uint8_t model_sha256[static SHA256_LEN], size_t *at)
{
    char hash[HEX_LEN(SHA256_LEN) + 1];
    hex_encode(model_sha256, SHA256_LEN, hash);
    TRY(buf_put_text(out, "{\"output\":["));
    TRY(put_outputs(out, outputs, area, at));
    TRY(buf_put_text(out, "],\"model_hash\":\""));
    TRY(buf_put_text(out, hash));
    return buf_put_text(out, "\"}");
}

err_t infer_answer_write(const struct value_set *outputs, struct view area,
                         const uint8_t model_sha256[static SHA256_LEN], struct buf *out, struct why *why)
{
    size_t at = 0;
    if (outputs->total > area.len)
        return why_set(why, ERR_OUTPUT_UNSUPPORTED, "the outputs are larger than their area");
    err_t e = put_answer(out, outputs, area, model_sha256, &at);
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_OUTPUT_TOO_LARGE, "output %zu: the answer exceeds %zu bytes", at, out->max);
    if (e == ERR_MALFORMED || e == ERR_TRUNCATED)
        return why_set(why, ERR_OUTPUT_UNSUPPORTED, "output %zu: not what it is said to be, or not UTF-8", at);
    return e;
}
