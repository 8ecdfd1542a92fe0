/* The encoding of descriptors and signatures. */
#include "tensor/desc.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

#define FLAG_MAY_MISS 0x01

err_t desc_elements(const struct value_desc *d, uint64_t *ret)
{
    uint64_t product = 1;
    bool empty = false;
    for (unsigned i = 0; i < d->rank; i++) {
        if (d->dims[i] < 0)
            return ERR_MALFORMED;
        if (d->dims[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, (uint64_t)d->dims[i], &product) || product > INT64_MAX)
            return ERR_TOO_LARGE;
    }
    *ret = empty ? 0 : product;
    return OK;
}

static bool type_is_map(const struct value_type *t)
{
    return t->kind == VALUE_MAP || t->kind == VALUE_MAP_SEQUENCE;
}

/* Byte for byte what put_type writes is what get_type takes. */
static err_t put_type(struct buf *out, const struct value_type *t)
{
    if (t->optional)
        TRY(buf_put_u8(out, TAG_OPTIONAL));
    if (t->kind == VALUE_SEQUENCE || t->kind == VALUE_MAP_SEQUENCE)
        TRY(buf_put_u8(out, TAG_SEQUENCE));
    if (type_is_map(t)) {
        TRY(buf_put_u8(out, TAG_MAP));
        TRY(buf_put_u8(out, t->key));
    }
    return buf_put_u8(out, t->dtype);
}

static err_t check_type(const struct value_type *t)
{
    bool key = t->key == DTYPE_INT64 || t->key == DTYPE_STRING;
    bool value =
        t->dtype == DTYPE_INT64 || t->dtype == DTYPE_FLOAT || t->dtype == DTYPE_DOUBLE || t->dtype == DTYPE_STRING;
    bool ok = type_is_map(t) ? key && value : dtype_info(t->dtype) != NULL;
    return ok ? OK : ERR_MALFORMED;
}

static err_t get_type(struct view *in, struct value_type *ret)
{
    struct value_type t = {0};
    uint8_t byte = 0;
    TRY(view_u8(in, &byte));
    t.optional = byte == TAG_OPTIONAL;
    if (t.optional)
        TRY(view_u8(in, &byte));
    if (byte == TAG_SEQUENCE) {
        t.kind = VALUE_SEQUENCE;
        TRY(view_u8(in, &byte));
    }
    if (byte == TAG_MAP) {
        t.kind = t.kind == VALUE_SEQUENCE ? VALUE_MAP_SEQUENCE : VALUE_MAP;
        TRY(view_u8(in, &t.key));
        TRY(view_u8(in, &byte));
    }
    t.dtype = byte;
    TRY(check_type(&t));
    *ret = t;
    return OK;
}

static err_t put_item(struct buf *out, const struct value_desc *d, bool declared)
{
    if (d->name.len > UINT16_MAX || (d->rank > DESC_MAX_RANK && d->rank != RANK_UNKNOWN))
        return ERR_TOO_LARGE;
    if (declared)
        TRY(buf_put_u8(out, d->may_miss ? FLAG_MAY_MISS : 0));
    TRY(buf_put_u16le(out, (uint16_t)d->name.len));
    TRY(buf_put_view(out, d->name));
    TRY(put_type(out, &d->type));
    TRY(buf_put_u8(out, d->rank));
    for (unsigned i = 0; d->rank != RANK_UNKNOWN && i < d->rank; i++)
        TRY(buf_put_u64le(out, (uint64_t)d->dims[i]));
    return OK;
}

static err_t put_items(struct buf *out, const struct value_desc *items, size_t count, bool declared)
{
    if (count > DESC_MAX_COUNT)
        return ERR_TOO_LARGE;
    TRY(buf_put_u16le(out, (uint16_t)count));
    for (size_t i = 0; i < count; i++)
        TRY(put_item(out, &items[i], declared));
    return OK;
}

/* Takes `d->rank` dimensions into the pool at `*pool`. */
static err_t get_dims(struct view *in, bool declared, int64_t **pool, struct value_desc *d)
{
    if (d->rank > DESC_MAX_RANK)
        return ERR_TOO_LARGE;
    if (d->rank > 0 && d->type.kind != VALUE_TENSOR)
        return ERR_MALFORMED;
    int64_t *dims = *pool;
    for (unsigned i = 0; i < d->rank; i++) {
        uint64_t raw = 0;
        TRY(view_u64le(in, &raw));
        dims[i] = (int64_t)raw;
        if (dims[i] < (declared ? DIM_ANY : 0))
            return ERR_MALFORMED;
    }
    d->dims = d->rank > 0 ? dims : NULL;
    *pool += d->rank;
    return OK;
}

static err_t get_item(struct view *in, bool declared, int64_t **pool, struct value_desc *ret)
{
    struct value_desc d = {0};
    uint8_t flags = 0;
    uint16_t name_len = 0;
    uint64_t elements = 0;
    if (declared)
        TRY(view_u8(in, &flags));
    if (flags > FLAG_MAY_MISS)
        return ERR_MALFORMED;
    d.may_miss = flags == FLAG_MAY_MISS;
    TRY(view_u16le(in, &name_len));
    TRY(view_take(in, name_len, &d.name));
    if (name_len == 0 || !utf8_valid(d.name))
        return ERR_MALFORMED;
    TRY(get_type(in, &d.type));
    TRY(view_u8(in, &d.rank));
    bool shapeless = declared && d.rank == RANK_UNKNOWN && d.type.kind == VALUE_TENSOR;
    if (!shapeless)
        TRY(get_dims(in, declared, pool, &d));
    if (!declared && d.type.optional && d.rank > 0)
        return ERR_MALFORMED;
    if (!declared)
        TRY(desc_elements(&d, &elements));
    *ret = d;
    return OK;
}

static err_t get_items(struct view *in, size_t count, bool declared, int64_t **pool, struct value_desc *ret)
{
    for (size_t i = 0; i < count; i++)
        TRY(get_item(in, declared, pool, &ret[i]));
    return OK;
}

static err_t get_count(struct view *in, size_t *ret)
{
    uint16_t count = 0;
    TRY(view_u16le(in, &count));
    if (count > DESC_MAX_COUNT)
        return ERR_TOO_LARGE;
    *ret = count;
    return OK;
}

/* One block: `count` descriptors, room for all dimensions that `encoded` can hold, and a copy of `encoded`. */
struct block {
    struct value_desc *items;
    int64_t *pool;
    struct view encoded;
};

static err_t block_new(struct view encoded, size_t count, struct block *ret)
{
    size_t item_bytes = count * sizeof(struct value_desc);
    size_t dim_bytes = encoded.len / sizeof(int64_t) * sizeof(int64_t);
    uint8_t *memory = mem_alloc(1, item_bytes + dim_bytes + encoded.len);
    if (memory == NULL)
        return ERR_NOMEM;
    uint8_t *copy = memory + item_bytes + dim_bytes;
    memcpy(copy, encoded.data, encoded.len);
    *ret = (struct block){(struct value_desc *)(void *)memory, (int64_t *)(void *)(memory + item_bytes),
                          view_of(copy, encoded.len)};
    return OK;
}

err_t desc_list_parse(struct view encoded, struct desc_list *ret)
{
    struct view in = encoded;
    struct block block = {0};
    size_t count = 0;
    if (encoded.len > DESC_MAX_BYTES)
        return ERR_TOO_LARGE;
    TRY(get_count(&in, &count));
    TRY(block_new(encoded, count, &block));
    AUTO(desc_list_done) struct desc_list list = {block.items, count, block.encoded};
    in = view_of(block.encoded.data + 2, block.encoded.len - 2);
    TRY(get_items(&in, count, false, &block.pool, list.items));
    TRY(view_end(&in));
    *ret = list;
    list.items = NULL;
    return OK;
}

err_t desc_list_make(const struct value_desc *items, size_t count, struct desc_list *ret)
{
    AUTO_BUF struct buf encoded = {.max = DESC_MAX_BYTES};
    TRY(put_items(&encoded, items, count, false));
    return desc_list_parse(buf_view(&encoded), ret);
}

void desc_list_done(struct desc_list *l)
{
    mem_free(l->items);
    *l = (struct desc_list){0};
}

static err_t check_distinct(const struct value_desc *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (view_equal(items[i].name, items[j].name))
                return ERR_MALFORMED;
    return OK;
}

/* How many outputs there are stands behind the inputs, so room for as many as can be was made before. */
static err_t signature_read(struct view in, int64_t *pool, struct signature *s)
{
    TRY(get_count(&in, &s->input_count));
    TRY(get_items(&in, s->input_count, true, &pool, s->inputs));
    TRY(check_distinct(s->inputs, s->input_count));
    TRY(get_count(&in, &s->output_count));
    s->outputs = s->inputs + s->input_count;
    TRY(get_items(&in, s->output_count, true, &pool, s->outputs));
    TRY(check_distinct(s->outputs, s->output_count));
    for (size_t i = 0; i < s->output_count; i++)
        if (s->outputs[i].may_miss)
            return ERR_MALFORMED;
    return view_end(&in);
}

err_t signature_parse(struct view encoded, struct signature *ret)
{
    struct block block = {0};
    if (encoded.len > DESC_MAX_BYTES)
        return ERR_TOO_LARGE;
    TRY(block_new(encoded, 2 * (size_t)DESC_MAX_COUNT, &block));
    AUTO(signature_done) struct signature s = {.inputs = block.items, .encoded = block.encoded};
    TRY(signature_read(block.encoded, block.pool, &s));
    *ret = s;
    s.inputs = NULL;
    return OK;
}

err_t signature_make(const struct value_desc *inputs, size_t input_count, const struct value_desc *outputs,
                     size_t output_count, struct signature *ret)
{
    AUTO_BUF struct buf encoded = {.max = DESC_MAX_BYTES};
    TRY(put_items(&encoded, inputs, input_count, true));
    TRY(put_items(&encoded, outputs, output_count, true));
    return signature_parse(buf_view(&encoded), ret);
}

void signature_done(struct signature *s)
{
    mem_free(s->inputs);
    *s = (struct signature){0};
}

static err_t shape_fits(const struct value_desc *d, const struct value_desc *declared)
{
    if (declared->rank == RANK_UNKNOWN)
        return OK;
    if (d->rank != declared->rank)
        return ERR_SHAPE_MISMATCH;
    for (unsigned i = 0; i < d->rank; i++)
        if (declared->dims[i] != DIM_ANY && declared->dims[i] != d->dims[i])
            return ERR_SHAPE_MISMATCH;
    return OK;
}

err_t desc_fits(const struct value_desc *d, const struct value_desc *declared)
{
    if (!view_equal(d->name, declared->name))
        return ERR_INPUT_UNKNOWN;
    if (d->type.kind != declared->type.kind || d->type.key != declared->type.key ||
        d->type.dtype != declared->type.dtype || (d->type.optional && !declared->type.optional))
        return ERR_DTYPE_MISMATCH;
    return d->type.optional ? OK : shape_fits(d, declared);
}

err_t signature_takes(const struct signature *s, const struct desc_list *inputs)
{
    size_t given = 0;
    for (size_t i = 0; i < s->input_count; i++) {
        if (given < inputs->count && view_equal(inputs->items[given].name, s->inputs[i].name))
            TRY(desc_fits(&inputs->items[given++], &s->inputs[i]));
        else if (!s->inputs[i].may_miss)
            return ERR_INPUT_MISSING;
    }
    return given == inputs->count ? OK : ERR_INPUT_UNKNOWN;
}
