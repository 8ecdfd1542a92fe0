/* Places of payloads in an area, and what payloads look like inside. */
#include "tensor/values.h"

#include "base/mem.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Shortest payload of a descriptor, and whether every payload of it is that long. */
static err_t payload_bounds(const struct value_desc *d, uint64_t *ret_min, bool *ret_exact)
{
    uint64_t elements = 0;
    uint64_t size = dtype_info(d->type.dtype)->size;
    *ret_exact = d->type.optional || (d->type.kind == VALUE_TENSOR && size > 0);
    *ret_min = 0;
    if (d->type.optional)
        return OK;
    if (d->type.kind != VALUE_TENSOR) {
        *ret_min = 1 + sizeof(uint64_t);
        return OK;
    }
    TRY(desc_elements(d, &elements));
    if (size == 0)
        size = sizeof(uint32_t);
    return __builtin_mul_overflow(elements, size, ret_min) ? ERR_TOO_LARGE : OK;
}

static err_t place(const struct value_desc *d, uint64_t len, size_t max_total, size_t *total, struct value_place *ret)
{
    uint64_t min = 0;
    bool exact = false;
    TRY(payload_bounds(d, &min, &exact));
    if (len < min || (exact && len > min))
        return ERR_MALFORMED;
    size_t gap = -*total % VALUE_ALIGN;
    if (len > max_total || gap > max_total - *total || len > max_total - *total - gap)
        return ERR_TOO_LARGE;
    *ret = (struct value_place){*total + gap, len};
    *total += gap + len;
    return OK;
}

/* Room for the place of every descriptor. */
static err_t value_set_room(struct value_set *s)
{
    s->places = mem_alloc(MAX(s->descs.count, 1), sizeof(*s->places));
    return s->places != NULL ? OK : ERR_NOMEM;
}

static void value_set_take(struct value_set *s, struct value_set *ret)
{
    *ret = *s;
    *s = (struct value_set){0};
}

err_t value_set_make(const struct value_desc *items, size_t count, const uint64_t *lens, size_t max_total,
                     struct value_set *ret)
{
    AUTO(value_set_done) struct value_set s = {0};
    TRY(desc_list_make(items, count, &s.descs));
    TRY(value_set_room(&s));
    for (size_t i = 0; i < count; i++)
        TRY(place(&s.descs.items[i], lens[i], max_total, &s.total, &s.places[i]));
    value_set_take(&s, ret);
    return OK;
}

err_t value_set_encode(const struct value_set *s, struct buf *out)
{
    TRY(buf_put_u32le(out, (uint32_t)s->descs.encoded.len));
    TRY(buf_put_view(out, s->descs.encoded));
    for (size_t i = 0; i < s->descs.count; i++)
        TRY(buf_put_u64le(out, s->places[i].len));
    return OK;
}

err_t value_set_parse(struct view encoded, size_t max_total, struct value_set *ret)
{
    AUTO(value_set_done) struct value_set s = {0};
    uint32_t descs_len = 0;
    struct view descs = {0};
    TRY(view_u32le(&encoded, &descs_len));
    TRY(view_take(&encoded, descs_len, &descs));
    TRY(desc_list_parse(descs, &s.descs));
    TRY(value_set_room(&s));
    for (size_t i = 0; i < s.descs.count; i++) {
        uint64_t len = 0;
        TRY(view_u64le(&encoded, &len));
        TRY(place(&s.descs.items[i], len, max_total, &s.total, &s.places[i]));
    }
    TRY(view_end(&encoded));
    value_set_take(&s, ret);
    return OK;
}

void value_set_done(struct value_set *s)
{
    desc_list_done(&s->descs);
    mem_free(s->places);
    *s = (struct value_set){0};
}

static err_t check_bools(struct view bytes)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < bytes.len; i++)
        seen |= bytes.data[i];
    return seen <= 1 ? OK : ERR_MALFORMED;
}

static err_t take_string(struct view *in)
{
    uint32_t len = 0;
    struct view text = {0};
    TRY(view_u32le(in, &len));
    return view_take(in, len, &text);
}

static err_t check_elements(struct view *in, enum dtype dtype, uint64_t count)
{
    uint64_t bytes = 0;
    struct view part = {0};
    const struct dtype_info *info = dtype_info(dtype);
    if (info->kind == DTYPE_KIND_STRING) {
        for (uint64_t i = 0; i < count; i++)
            TRY(take_string(in));
        return OK;
    }
    if (__builtin_mul_overflow(count, (uint64_t)info->size, &bytes))
        return ERR_TRUNCATED;
    TRY(view_take(in, bytes, &part));
    return info->kind == DTYPE_KIND_BOOL ? check_bools(part) : OK;
}

static err_t check_item(struct view *in, const struct value_type *type)
{
    int64_t dims[DESC_MAX_RANK] = {0};
    struct value_desc d = {.dims = dims};
    uint64_t elements = 0;
    TRY(view_u8(in, &d.rank));
    if (d.rank > DESC_MAX_RANK)
        return ERR_MALFORMED;
    for (unsigned i = 0; i < d.rank; i++) {
        uint64_t raw = 0;
        TRY(view_u64le(in, &raw));
        dims[i] = (int64_t)raw;
    }
    TRY(desc_elements(&d, &elements));
    return check_elements(in, type->dtype, elements);
}

static err_t take_tag(struct view *in, uint8_t tag, uint64_t *ret_count)
{
    uint8_t byte = 0;
    TRY(view_u8(in, &byte));
    if (byte != tag)
        return ERR_MALFORMED;
    return view_u64le(in, ret_count);
}

/* Byte order, a shorter one first: for encoded keys of one type that is the order of their bytes. */
static int compare_bytes(struct view a, struct view b)
{
    size_t shared = MIN(a.len, b.len);
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static err_t check_map(struct view *in, const struct value_type *type)
{
    uint64_t count = 0;
    struct view last = {0};
    TRY(take_tag(in, TAG_MAP, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct view key = {in->data, 0};
        TRY(check_elements(in, type->key, 1));
        key.len = (size_t)(in->data - key.data);
        if (i > 0 && compare_bytes(last, key) >= 0)
            return ERR_MALFORMED;
        TRY(check_elements(in, type->dtype, 1));
        last = key;
    }
    return OK;
}

static err_t check_sequence(struct view *in, const struct value_type *type)
{
    uint64_t count = 0;
    TRY(take_tag(in, TAG_SEQUENCE, &count));
    for (uint64_t i = 0; i < count; i++)
        TRY(type->kind == VALUE_SEQUENCE ? check_item(in, type) : check_map(in, type));
    return OK;
}

static err_t check_value(const struct value_desc *d, struct view *in)
{
    uint64_t elements = 0;
    if (d->type.optional)
        return OK;
    if (d->type.kind == VALUE_MAP)
        return check_map(in, &d->type);
    if (d->type.kind != VALUE_TENSOR)
        return check_sequence(in, &d->type);
    TRY(desc_elements(d, &elements));
    return check_elements(in, d->type.dtype, elements);
}

err_t payload_check(const struct value_desc *d, struct view payload)
{
    return check_value(d, &payload) == OK && payload.len == 0 ? OK : ERR_MALFORMED;
}

/* The copy is opaque to the optimiser from here on, so it cannot be exchanged for the original. */
__attribute__((noinline)) void area_copy(void *to, const uint8_t *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    __asm__ volatile("" ::"r"(to) : "memory");
}

err_t payload_put(struct payload *p, const void *bytes, size_t n)
{
    if (n > p->max - p->len)
        return ERR_TOO_LARGE;
    if (p->data != NULL && n > 0)
        memcpy(p->data + p->len, bytes, n);
    p->len += n;
    return OK;
}

err_t payload_put_string(struct payload *p, struct view text)
{
    uint32_t len = htole32((uint32_t)text.len);
    if (text.len > UINT32_MAX)
        return ERR_TOO_LARGE;
    TRY(payload_put(p, &len, sizeof(len)));
    return payload_put(p, text.data, text.len);
}

static err_t payload_put_tag(struct payload *p, uint8_t tag, uint64_t count)
{
    uint64_t raw = htole64(count);
    TRY(payload_put(p, &tag, sizeof(tag)));
    return payload_put(p, &raw, sizeof(raw));
}

err_t payload_put_sequence(struct payload *p, uint64_t count)
{
    return payload_put_tag(p, TAG_SEQUENCE, count);
}

err_t payload_put_item(struct payload *p, uint8_t rank, const int64_t *dims)
{
    TRY(payload_put(p, &rank, sizeof(rank)));
    for (unsigned i = 0; i < rank; i++) {
        uint64_t raw = htole64((uint64_t)dims[i]);
        TRY(payload_put(p, &raw, sizeof(raw)));
    }
    return OK;
}

/* The order of the encoded keys: of strings the four length bytes come first. */
static int compare_pairs(const void *a, const void *b)
{
    struct view ka = ((const struct map_pair *)a)->key;
    struct view kb = ((const struct map_pair *)b)->key;
    uint32_t la = htole32((uint32_t)ka.len);
    uint32_t lb = htole32((uint32_t)kb.len);
    int order = memcmp(&la, &lb, sizeof(la));
    return order != 0 ? order : compare_bytes(ka, kb);
}

static err_t payload_put_element(struct payload *p, enum dtype dtype, struct view bytes)
{
    if (dtype == DTYPE_STRING)
        return payload_put_string(p, bytes);
    return bytes.len == dtype_info(dtype)->size ? payload_put(p, bytes.data, bytes.len) : ERR_MALFORMED;
}

err_t payload_put_map(struct payload *p, const struct value_type *type, struct map_pair *pairs, size_t count)
{
    TRY(payload_put_tag(p, TAG_MAP, count));
    if (count > 0)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && view_equal(pairs[i - 1].key, pairs[i].key))
            return ERR_MALFORMED;
        TRY(payload_put_element(p, type->key, pairs[i].key));
        TRY(payload_put_element(p, type->dtype, pairs[i].value));
    }
    return OK;
}
