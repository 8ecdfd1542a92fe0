/* Reading what a run has made. */
#include "base/mem.h"
#include "infer/value.h"

#include <string.h>

void output_done(struct output *o)
{
    mem_free(o->encoded);
    *o = (struct output){0};
}

/* ── one tensor ── */

struct shape {
    uint8_t dtype;
    uint8_t rank;
    uint64_t count;
    int64_t dims[DESC_MAX_RANK];
};

static void release_info(OrtTensorTypeAndShapeInfo **info)
{
    ort->ReleaseTensorTypeAndShapeInfo(*info);
}

static err_t read_shape(const OrtValue *tensor, struct shape *ret)
{
    AUTO(release_info) OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0;
    TRY(ort_run_result(ort->GetTensorTypeAndShape(tensor, &info)));
    TRY(ort_run_result(ort->GetTensorElementType(info, &element)));
    TRY(ort_run_result(ort->GetDimensionsCount(info, &rank)));
    if (rank > DESC_MAX_RANK || dtype_info(element) == NULL)
        return ERR_OUTPUT_UNSUPPORTED;
    TRY(ort_run_result(ort->GetDimensions(info, ret->dims, rank)));
    ret->dtype = (uint8_t)element;
    ret->rank = (uint8_t)rank;
    return desc_elements(&(struct value_desc){.rank = ret->rank, .dims = ret->dims}, &ret->count) == OK
               ? OK
               : ERR_OUTPUT_UNSUPPORTED;
}

/* The elements of a tensor: numbers as they lie in ONNX Runtime's memory, strings copied out one behind the other. */
struct elements {
    struct shape shape;
    const uint8_t *numbers;
    uint8_t *text;
    size_t *starts; /* of each string, and the end of the last */
};

static void elements_done(struct elements *e)
{
    mem_free(e->text);
    mem_free(e->starts);
}

static err_t read_strings(const OrtValue *tensor, struct elements *e)
{
    size_t len = 0;
    TRY(ort_run_result(ort->GetStringTensorDataLength(tensor, &len)));
    e->text = mem_alloc(len + 1, 1);
    e->starts = mem_alloc(e->shape.count + 1, sizeof(*e->starts));
    if (e->text == NULL || e->starts == NULL)
        return ERR_NOMEM;
    e->starts[e->shape.count] = len;
    return ort_run_result(ort->GetStringTensorContent(tensor, e->text, len, e->starts, e->shape.count));
}

static err_t elements_read(const OrtValue *tensor, struct elements *ret)
{
    AUTO(elements_done) struct elements e = {0};
    void *data = NULL;
    TRY(read_shape(tensor, &e.shape));
    if (e.shape.dtype == DTYPE_STRING) {
        TRY(read_strings(tensor, &e));
    } else {
        TRY(ort_run_result(ort->GetTensorMutableData((OrtValue *)(uintptr_t)tensor, &data)));
        e.numbers = data;
    }
    *ret = e;
    e = (struct elements){0};
    return OK;
}

static struct view element_at(const struct elements *e, uint64_t i)
{
    size_t size = dtype_info(e->shape.dtype)->size;
    if (e->text != NULL)
        return view_of(e->text + e->starts[i], e->starts[i + 1] - e->starts[i]);
    return view_of(e->numbers + i * size, size);
}

static err_t put_elements(struct payload *p, const struct elements *e)
{
    if (e->text == NULL)
        return payload_put(p, e->numbers, e->shape.count * dtype_info(e->shape.dtype)->size);
    for (uint64_t i = 0; i < e->shape.count; i++)
        TRY(payload_put_string(p, element_at(e, i)));
    return OK;
}

/* ── parts of sequences and maps ── */

/* A value taken apart: the items of a sequence, or keys and values of a map. */
struct parts {
    const struct value_type *type;
    size_t count;
    OrtValue **values;
    struct elements *elements; /* of each value that is a tensor */
    struct parts *maps;        /* of each value that is a map */
    struct map_pair *pairs;    /* a map's */
    size_t n_pairs;
};

static void parts_done(struct parts *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->elements != NULL)
            elements_done(&p->elements[i]);
        if (p->maps != NULL)
            parts_done(&p->maps[i]);
        if (p->values != NULL)
            value_release(&p->values[i]);
    }
    mem_free(p->values);
    mem_free(p->elements);
    mem_free(p->maps);
    mem_free(p->pairs);
}

static err_t take_values(const struct value_maker *m, const OrtValue *whole, size_t count, struct parts *p)
{
    p->count = count;
    p->values = mem_alloc(count + 1, sizeof(OrtValue *));
    if (p->values == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        TRY(ort_run_result(ort->GetValue(whole, (int)i, m->allocator, &p->values[i])));
    return OK;
}

static err_t take_elements(struct parts *p)
{
    p->elements = mem_alloc(p->count + 1, sizeof(*p->elements));
    if (p->elements == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->count; i++)
        TRY(elements_read(p->values[i], &p->elements[i]));
    return OK;
}

static err_t take_map(const struct value_maker *m, const OrtValue *map, struct parts *p)
{
    TRY(take_values(m, map, 2, p));
    TRY(take_elements(p));
    const struct elements *keys = &p->elements[0], *values = &p->elements[1];
    if (keys->shape.dtype != p->type->key || values->shape.dtype != p->type->dtype ||
        keys->shape.count != values->shape.count)
        return ERR_OUTPUT_UNSUPPORTED;
    p->pairs = mem_alloc(keys->shape.count + 1, sizeof(*p->pairs));
    if (p->pairs == NULL)
        return ERR_NOMEM;
    p->n_pairs = keys->shape.count;
    for (size_t i = 0; i < p->n_pairs; i++)
        p->pairs[i] = (struct map_pair){element_at(keys, i), element_at(values, i)};
    return OK;
}

static err_t take_maps(const struct value_maker *m, struct parts *p)
{
    p->maps = mem_alloc(p->count + 1, sizeof(*p->maps));
    if (p->maps == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->count; i++) {
        p->maps[i].type = p->type;
        TRY(take_map(m, p->values[i], &p->maps[i]));
    }
    return OK;
}

static err_t take_sequence(const struct value_maker *m, const OrtValue *sequence, struct parts *p)
{
    size_t count = 0;
    TRY(ort_run_result(ort->GetValueCount(sequence, &count)));
    if (count > INT32_MAX)
        return ERR_OUTPUT_TOO_LARGE;
    TRY(take_values(m, sequence, count, p));
    return p->type->kind == VALUE_SEQUENCE ? take_elements(p) : take_maps(m, p);
}

/* ── encoding ── */

static err_t put_map(struct payload *out, const struct parts *p)
{
    err_t e = payload_put_map(out, p->type, p->pairs, p->n_pairs);
    return e == ERR_MALFORMED ? ERR_OUTPUT_UNSUPPORTED : e;
}

static err_t put_item(struct payload *out, const struct parts *p, size_t i)
{
    const struct elements *e = &p->elements[i];
    if (e->shape.dtype != p->type->dtype)
        return ERR_OUTPUT_UNSUPPORTED;
    TRY(payload_put_item(out, e->shape.rank, e->shape.dims));
    return put_elements(out, e);
}

static err_t put_parts(struct payload *out, const void *from)
{
    const struct parts *p = from;
    if (p->type->kind == VALUE_MAP)
        return put_map(out, p);
    TRY(payload_put_sequence(out, p->count));
    for (size_t i = 0; i < p->count; i++)
        TRY(p->maps != NULL ? put_map(out, &p->maps[i]) : put_item(out, p, i));
    return OK;
}

static err_t put_strings(struct payload *out, const void *from)
{
    return put_elements(out, from);
}

/* Measures, allocates, writes. */
static err_t encode(err_t (*put)(struct payload *, const void *), const void *from, size_t max, struct output *o)
{
    struct payload p = {.max = max};
    err_t e = put(&p, from);
    if (e != OK)
        return e == ERR_TOO_LARGE ? ERR_OUTPUT_TOO_LARGE : e;
    o->encoded = mem_alloc(p.len + 1, 1);
    if (o->encoded == NULL)
        return ERR_NOMEM;
    p = (struct payload){.data = o->encoded, .max = p.len};
    TRY(put(&p, from));
    o->payload = view_of(o->encoded, p.len);
    return OK;
}

/* ── an output ── */

static err_t read_tensor(const OrtValue *value, const struct value_type *type, size_t max, struct output *o)
{
    AUTO(elements_done) struct elements e = {0};
    TRY(elements_read(value, &e));
    if (e.shape.dtype != type->dtype)
        return ERR_OUTPUT_UNSUPPORTED;
    o->desc.rank = e.shape.rank;
    memcpy(o->dims, e.shape.dims, sizeof(o->dims));
    if (e.text != NULL)
        return encode(put_strings, &e, max, o);
    o->payload = view_of(e.numbers, e.shape.count * dtype_info(type->dtype)->size);
    return o->payload.len <= max ? OK : ERR_OUTPUT_TOO_LARGE;
}

static err_t read_parts(const struct value_maker *m, const OrtValue *value, const struct value_type *type, size_t max,
                        struct output *o)
{
    AUTO(parts_done) struct parts p = {.type = type};
    TRY(type->kind == VALUE_MAP ? take_map(m, value, &p) : take_sequence(m, value, &p));
    return encode(put_parts, &p, max, o);
}

static err_t check_kind(const OrtValue *value, const struct value_type *type)
{
    static const enum ONNXType kinds[] = {[VALUE_TENSOR] = ONNX_TYPE_TENSOR,
                                          [VALUE_SEQUENCE] = ONNX_TYPE_SEQUENCE,
                                          [VALUE_MAP] = ONNX_TYPE_MAP,
                                          [VALUE_MAP_SEQUENCE] = ONNX_TYPE_SEQUENCE};
    enum ONNXType kind = ONNX_TYPE_UNKNOWN;
    TRY(ort_run_result(ort->GetValueType(value, &kind)));
    return kind == kinds[type->kind] ? OK : ERR_OUTPUT_UNSUPPORTED;
}

err_t output_read(const struct value_maker *m, const OrtValue *value, const struct value_desc *declared, size_t max,
                  struct output *ret)
{
    int present = 0;
    ret->desc = (struct value_desc){.name = declared->name, .type = declared->type, .dims = ret->dims};
    if (value != NULL)
        TRY(ort_run_result(ort->HasValue(value, &present)));
    ret->desc.type.optional = !present;
    if (!present)
        return declared->type.optional ? OK : ERR_OUTPUT_UNSUPPORTED;
    TRY(check_kind(value, &declared->type));
    if (declared->type.kind == VALUE_TENSOR)
        return read_tensor(value, &declared->type, max, ret);
    return read_parts(m, value, &declared->type, max, ret);
}
