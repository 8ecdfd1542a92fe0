/* Inputs of the Open Inference Protocol against a model's signature. */
#include "tensor/oip_inputs.h"

#include "base/mem.h"
#include "tensor/json.h"

#include <string.h>

#define NOT_GIVEN UINT16_MAX
_Static_assert(DESC_MAX_COUNT < NOT_GIVEN, "an input's number must differ");

enum dtype oip_dtype(struct view name)
{
    for (unsigned code = 0; code <= DTYPE_BFLOAT16; code++)
        if (dtype_info(code) != NULL && view_is(name, dtype_info(code)->oip))
            return code;
    return DTYPE_NONE;
}

/* Which declared input each given one is. */
static err_t match(const struct oip_input *inputs, size_t count, const struct signature *s, uint16_t *given,
                   struct why *why)
{
    for (size_t i = 0; i < s->input_count; i++)
        given[i] = NOT_GIVEN;
    for (size_t n = 0; n < count; n++) {
        size_t i = 0;
        while (i < s->input_count && !view_equal(s->inputs[i].name, inputs[n].name))
            i++;
        if (i == s->input_count)
            return why_set(why, ERR_INPUT_UNKNOWN, "inputs[%zu].name: the model has no such input", n);
        if (given[i] != NOT_GIVEN)
            return why_set(why, ERR_INPUT_DUPLICATE, "inputs[%zu].name: the same as inputs[%u].name", n, given[i]);
        given[i] = (uint16_t)n;
    }
    return OK;
}

/* Bytes of an array of strings; nesting is ignored. */
static err_t strings_len(const struct oip_input *in, size_t n, uint64_t elements, uint64_t *ret, struct why *why)
{
    uint64_t found = 0;
    uint64_t total = 0;
    const yyjson_val *end = unsafe_yyjson_get_next(in->data);
    for (yyjson_val *v = unsafe_yyjson_get_first(in->data); v < end; v++) {
        if (yyjson_is_arr(v))
            continue;
        if (!yyjson_is_str(v))
            return why_set(why, ERR_FIELD_TYPE, "inputs[%zu].data: element %llu is not a string", n,
                           (unsigned long long)found);
        total += sizeof(uint32_t) + unsafe_yyjson_get_len(v);
        found++;
    }
    *ret = total;
    return found == elements ? OK
                             : why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].data: %llu elements; the shape has %llu",
                                       n, (unsigned long long)found, (unsigned long long)elements);
}

/* A JSON array has at least as many values as elements, so no short text asks for a large area. */
static err_t payload_len(const struct oip_input *in, size_t n, const struct value_desc *d, uint64_t *ret,
                         struct why *why)
{
    const struct dtype_info *info = dtype_info(in->dtype);
    uint64_t elements = 0;
    if (desc_elements(d, &elements) != OK || __builtin_mul_overflow(elements, (uint64_t)MAX(info->size, 1), ret))
        return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].shape: too many elements", n);
    if (in->data != NULL && elements > (uint64_t)(unsafe_yyjson_get_next(in->data) - in->data))
        return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].data: fewer elements than the shape has", n);
    if (in->data != NULL)
        return info->size == 0 ? strings_len(in, n, elements, ret, why) : OK;
    if (in->bare) {
        *ret = sizeof(uint32_t) + in->bytes.len;
        return elements == 1 ? OK : why_set(why, ERR_SHAPE_MISMATCH, "a raw request of BYTES is for one element");
    }
    if (info->size > 0 && in->bytes.len != *ret)
        return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu]: %zu bytes; the shape has %llu", n, in->bytes.len,
                       (unsigned long long)*ret);
    *ret = in->bytes.len;
    return oip_input_later(in) || payload_check(d, in->bytes) == OK
               ? OK
               : why_set(why, ERR_FIELD_VALUE, "inputs[%zu]: %s of another form than binary data has", n, info->oip);
}

static err_t describe(const struct oip_input *in, size_t n, const struct value_desc *declared, struct value_desc *ret,
                      uint64_t *ret_len, struct why *why)
{
    const struct dtype_info *info = dtype_info(declared->type.dtype);
    struct value_desc d = {.name = declared->name, .type.dtype = in->dtype, .rank = in->rank, .dims = in->dims};
    if (declared->type.kind != VALUE_TENSOR)
        return why_set(why, ERR_DTYPE_UNSUPPORTED, "inputs[%zu]: the model wants a sequence or a map here", n);
    if (in->dtype != declared->type.dtype)
        return why_set(why, ERR_DTYPE_MISMATCH, "inputs[%zu].datatype: the model declares %s", n, info->oip);
    if (in->data != NULL && info->kind == DTYPE_KIND_FLOAT && info->size == 2)
        return why_set(why, ERR_DTYPE_UNSUPPORTED, "inputs[%zu]: %s must be sent as binary data", n, info->oip);
    if (desc_fits(&d, declared) != OK)
        return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].shape: the model declares another one", n);
    TRY(payload_len(in, n, &d, ret_len, why));
    *ret = d;
    return OK;
}

/* Room for one entry per declared input. */
struct work {
    uint16_t *given;
    struct value_desc *descs;
    uint64_t *lens;
};

static void work_done(struct work *w)
{
    mem_free(w->given);
    mem_free(w->descs);
    mem_free(w->lens);
}

static err_t work_init(struct work *w, size_t count)
{
    w->given = mem_alloc(count, sizeof(*w->given));
    w->descs = mem_alloc(count, sizeof(*w->descs));
    w->lens = mem_alloc(count, sizeof(*w->lens));
    return w->given != NULL && w->descs != NULL && w->lens != NULL ? OK : ERR_NOMEM;
}

err_t oip_inputs_measure(const struct oip_input *inputs, size_t count, const struct signature *s, size_t max_total,
                         struct value_set *ret, uint16_t *ret_order, struct why *why)
{
    AUTO(work_done) struct work w = {0};
    size_t n = 0;
    TRY(work_init(&w, MAX(s->input_count, 1)));
    TRY(match(inputs, count, s, w.given, why));
    for (size_t i = 0; i < s->input_count; i++) {
        uint16_t at = w.given[i];
        if (at == NOT_GIVEN && s->inputs[i].may_miss)
            continue;
        if (at == NOT_GIVEN)
            return why_set(why, ERR_INPUT_MISSING, "inputs: input %zu of the model is missing", i);
        TRY(describe(&inputs[at], at, &s->inputs[i], &w.descs[n], &w.lens[n], why));
        ret_order[n++] = at;
    }
    err_t e = value_set_make(w.descs, n, w.lens, max_total, ret);
    return e == ERR_TOO_LARGE ? why_set(why, e, "the inputs need more than %zu bytes", max_total) : e;
}
