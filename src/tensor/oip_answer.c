/* Outputs in the forms of the Open Inference Protocol. The area they lie in belongs to a process that is not trusted.
 */
#include "tensor/oip_answer.h"

#include "base/mem.h"
#include "tensor/print.h"

#include <endian.h>
#include <string.h>

void oip_parts_done(struct oip_parts *p)
{
    buf_done(&p->text);
    mem_free(p->items);
    *p = (struct oip_parts){0};
}

/* ── which outputs, and as what ── */

/* The first dimension of several is a batch, of which every row is classified. */
static err_t classify(struct oip_part *p, uint32_t k, struct buf *text)
{
    const struct value_desc *d = &p->desc;
    uint64_t elements = 0;
    TRY(desc_elements(d, &elements));
    uint64_t rows = d->rank > 1 ? (uint64_t)d->dims[0] : 1;
    uint64_t row = rows > 0 ? elements / rows : 0;
    uint64_t each = MIN(k, row);
    size_t size = dtype_info(d->type.dtype)->size;
    size_t begin = text->len;
    for (uint64_t i = 0; i < rows && row > 0; i++)
        TRY(oip_classify(d->type.dtype, p->payload.data + i * row * size, row, k, text));
    p->dims[0] = (int64_t)rows;
    p->dims[d->rank > 1] = (int64_t)each;
    p->desc =
        (struct value_desc){.name = d->name, .type.dtype = DTYPE_STRING, .rank = d->rank > 1 ? 2 : 1, .dims = p->dims};
    p->payload = view_of(NULL, text->len - begin);
    p->classified = true;
    return OK;
}

static err_t take_part(const struct value_set *outputs, size_t at, struct view area, const struct oip_output *wanted,
                       struct buf *text, struct oip_part *ret)
{
    const struct value_desc *d = &outputs->descs.items[at];
    struct value_place place = outputs->places[at];
    if (d->type.kind != VALUE_TENSOR || d->type.optional)
        return ERR_MALFORMED;
    ret->desc = *d;
    ret->payload = view_of(area.data + place.offset, place.len);
    ret->binary = wanted->binary;
    return wanted->classes > 0 && d->type.dtype != DTYPE_STRING ? classify(ret, wanted->classes, text) : OK;
}

static size_t find(const struct desc_list *l, struct view name)
{
    size_t at = 0;
    while (at < l->count && !view_equal(l->items[at].name, name))
        at++;
    return at;
}

static err_t take_parts(const struct oip_request *r, const struct value_set *outputs, struct view area,
                        struct oip_parts *ret)
{
    if (outputs->total > area.len)
        return ERR_MALFORMED;
    const struct oip_output all = {.binary = r->binary_output};
    size_t count = r->n_outputs > 0 ? r->n_outputs : outputs->descs.count;
    ret->items = mem_alloc(MAX(count, 1), sizeof(*ret->items));
    if (ret->items == NULL)
        return ERR_NOMEM;
    for (; ret->count < count; ret->count++) {
        const struct oip_output *wanted = r->n_outputs > 0 ? &r->outputs[ret->count] : &all;
        size_t at = r->n_outputs > 0 ? find(&outputs->descs, wanted->name) : ret->count;
        if (at == outputs->descs.count)
            return ERR_MALFORMED;
        TRY(take_part(outputs, at, area, wanted, &ret->text, &ret->items[ret->count]));
    }
    return OK;
}

/* The text, which is complete, stays where it is from now on. */
static err_t place_text(struct oip_parts *p)
{
    struct view text = buf_view(&p->text);
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].classified)
            TRY(view_take(&text, p->items[i].payload.len, &p->items[i].payload));
    return OK;
}

err_t oip_parts_make(const struct oip_request *r, const struct value_set *outputs, struct view area, struct buf *out,
                     struct oip_parts *ret, struct why *why)
{
    buf_init(&ret->text, MIN(out->max - out->len, OIP_CLASSES_ROOM));
    err_t e = take_parts(r, outputs, area, ret);
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_OUTPUT_TOO_LARGE, "output %zu: the classes exceed %zu bytes", ret->count,
                       ret->text.max);
    TRY(oip_answer_explain(e, ret->count, out->max, why));
    out->max -= ret->text.len;
    return place_text(ret);
}

/* ── JSON ── */

static err_t take(struct view *in, void *ret, size_t n)
{
    struct view part = {0};
    TRY(view_take(in, n, &part));
    area_copy(ret, part.data, n);
    return OK;
}

static err_t put_string(struct buf *out, struct view *in)
{
    uint32_t len = 0;
    struct view text = {0};
    TRY(take(in, &len, sizeof(len)));
    TRY(view_take(in, le32toh(len), &text));
    return print_string(out, text);
}

static err_t put_element(struct buf *out, enum dtype dtype, struct view *in)
{
    uint64_t element = 0;
    uint8_t *room = NULL;
    if (dtype == DTYPE_STRING)
        return put_string(out, in);
    TRY(take(in, &element, dtype_info(dtype)->size));
    if (dtype == DTYPE_BOOL)
        return buf_put_text(out, element != 0 ? "true" : "false");
    TRY(buf_reserve(out, PRINT_MAX, &room));
    buf_commit(out, print_element(dtype, &element, (char *)room));
    return OK;
}

static err_t put_data(struct buf *out, const struct oip_part *p)
{
    struct view in = p->payload;
    uint64_t elements = 0;
    TRY(desc_elements(&p->desc, &elements));
    TRY(buf_put_text(out, ",\"data\":["));
    for (uint64_t i = 0; i < elements; i++) {
        if (i > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put_element(out, p->desc.type.dtype, &in));
    }
    TRY(view_end(&in));
    return buf_put_text(out, "]}");
}

static err_t put_size(struct buf *out, const struct oip_part *p)
{
    return buf_printf(out, ",\"parameters\":{\"binary_data_size\":%zu}}", p->payload.len);
}

static err_t put_shape(struct buf *out, const struct value_desc *d)
{
    for (unsigned i = 0; i < d->rank; i++)
        TRY(buf_printf(out, i > 0 ? ",%lld" : "%lld", (long long)d->dims[i]));
    return OK;
}

static err_t put_output(struct buf *out, const struct oip_part *p)
{
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, p->desc.name));
    TRY(buf_put_text(out, ",\"datatype\":\""));
    TRY(buf_put_text(out, dtype_info(p->desc.type.dtype)->oip));
    TRY(buf_put_text(out, "\",\"shape\":["));
    TRY(put_shape(out, &p->desc));
    TRY(buf_put_text(out, "]"));
    return p->binary ? put_size(out, p) : put_data(out, p);
}

static err_t put_json(struct buf *out, const struct oip_request *r, struct view model_name,
                      const struct oip_parts *parts, size_t *at)
{
    TRY(buf_put_text(out, "{\"model_name\":"));
    TRY(print_string(out, model_name));
    TRY(buf_put_text(out, ",\"model_version\":\"1\""));
    if (r->id.data != NULL) {
        TRY(buf_put_text(out, ",\"id\":"));
        TRY(print_string(out, r->id));
    }
    TRY(buf_put_text(out, ",\"outputs\":["));
    for (*at = 0; *at < parts->count; ++*at) {
        if (*at > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put_output(out, &parts->items[*at]));
    }
    return buf_put_text(out, "]}");
}

/* ── binary ── */

/* What is sent is the copy that was checked. */
err_t oip_part_put(const struct oip_part *p, struct buf *out)
{
    uint8_t *room = NULL;
    TRY(buf_reserve(out, p->payload.len, &room));
    area_copy(room, p->payload.data, p->payload.len);
    buf_commit(out, p->payload.len);
    return payload_check(&p->desc, view_of(room, p->payload.len));
}

static err_t put_binary(struct buf *out, const struct oip_parts *parts, size_t *at)
{
    for (*at = 0; *at < parts->count; ++*at)
        if (parts->items[*at].binary)
            TRY(oip_part_put(&parts->items[*at], out));
    return OK;
}

static err_t put_answer(struct buf *out, const struct oip_request *r, struct view model_name,
                        const struct oip_parts *parts, size_t *ret_json_len, size_t *at)
{
    TRY(put_json(out, r, model_name, parts, at));
    size_t json_len = out->len;
    TRY(put_binary(out, parts, at));
    *ret_json_len = out->len > json_len ? json_len : 0;
    return OK;
}

err_t oip_answer_explain(err_t e, size_t at, size_t max, struct why *why)
{
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_OUTPUT_TOO_LARGE, "output %zu: the answer exceeds %zu bytes", at, max);
    if (e == ERR_MALFORMED || e == ERR_TRUNCATED)
        return why_set(why, ERR_OUTPUT_UNSUPPORTED, "output %zu: not what it is said to be, or not UTF-8", at);
    return e;
}

err_t oip_answer_write(const struct oip_request *r, struct view model_name, const struct value_set *outputs,
                       struct view area, struct buf *out, size_t *ret_json_len, struct why *why)
{
    AUTO(oip_parts_done) struct oip_parts parts = {0};
    size_t at = 0;
    TRY(oip_parts_make(r, outputs, area, out, &parts, why));
    err_t e = put_answer(out, r, model_name, &parts, ret_json_len, &at);
    return oip_answer_explain(e, at, out->max, why);
}
