/* Type information of ONNX Runtime, turned into a signature. */
#include "infer/meta.h"

#include "base/mem.h"

#include <string.h>

/* ── one type ── */

static void release_type(OrtTypeInfo **info)
{
    ort->ReleaseTypeInfo(*info);
}

static err_t take_dtype(ONNXTensorElementDataType element, uint8_t *ret)
{
    if (dtype_info(element) == NULL)
        return ERR_DTYPE_UNSUPPORTED;
    *ret = (uint8_t)element;
    return OK;
}

static err_t read_element(const OrtTypeInfo *info, uint8_t *ret)
{
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    TRY(ort_load_result(ort->CastTypeInfoToTensorInfo(info, &tensor)));
    if (tensor == NULL)
        return ERR_DTYPE_UNSUPPORTED;
    TRY(ort_load_result(ort->GetTensorElementType(tensor, &element)));
    return take_dtype(element, ret);
}

static err_t read_shape(const OrtTypeInfo *info, int64_t dims[static DESC_MAX_RANK], struct value_desc *d)
{
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    size_t rank = 0;
    TRY(ort_load_result(ort->CastTypeInfoToTensorInfo(info, &tensor)));
    TRY(ort_load_result(ort->GetDimensionsCount(tensor, &rank)));
    if (rank > DESC_MAX_RANK)
        return ERR_MODEL_LIMIT;
    TRY(ort_load_result(ort->GetDimensions(tensor, dims, rank)));
    d->rank = rank > 0 ? (uint8_t)rank : RANK_UNKNOWN;
    d->dims = dims;
    return OK;
}

static err_t read_map(const OrtTypeInfo *info, struct value_type *t)
{
    const OrtMapTypeInfo *map = NULL;
    AUTO(release_type) OrtTypeInfo *value = NULL;
    ONNXTensorElementDataType key = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    TRY(ort_load_result(ort->CastTypeInfoToMapTypeInfo(info, &map)));
    TRY(ort_load_result(ort->GetMapKeyType(map, &key)));
    TRY(ort_load_result(ort->GetMapValueType(map, &value)));
    t->kind = VALUE_MAP;
    TRY(take_dtype(key, &t->key));
    return read_element(value, &t->dtype);
}

static err_t read_sequence(const OrtTypeInfo *info, struct value_type *t)
{
    const OrtSequenceTypeInfo *sequence = NULL;
    AUTO(release_type) OrtTypeInfo *item = NULL;
    enum ONNXType kind = ONNX_TYPE_UNKNOWN;
    TRY(ort_load_result(ort->CastTypeInfoToSequenceTypeInfo(info, &sequence)));
    TRY(ort_load_result(ort->GetSequenceElementType(sequence, &item)));
    TRY(ort_load_result(ort->GetOnnxTypeFromTypeInfo(item, &kind)));
    if (kind == ONNX_TYPE_MAP) {
        TRY(read_map(item, t));
        t->kind = VALUE_MAP_SEQUENCE;
        return OK;
    }
    t->kind = VALUE_SEQUENCE;
    return kind == ONNX_TYPE_TENSOR ? read_element(item, &t->dtype) : ERR_DTYPE_UNSUPPORTED;
}

static err_t read_plain(const OrtTypeInfo *info, enum ONNXType kind, int64_t dims[static DESC_MAX_RANK],
                        struct value_desc *d)
{
    if (kind == ONNX_TYPE_SEQUENCE)
        return read_sequence(info, &d->type);
    if (kind == ONNX_TYPE_MAP)
        return read_map(info, &d->type);
    if (kind != ONNX_TYPE_TENSOR)
        return ERR_DTYPE_UNSUPPORTED;
    d->type.kind = VALUE_TENSOR;
    TRY(read_element(info, &d->type.dtype));
    return read_shape(info, dims, d);
}

static err_t read_type(const OrtTypeInfo *info, int64_t dims[static DESC_MAX_RANK], struct value_desc *d)
{
    const OrtOptionalTypeInfo *optional = NULL;
    AUTO(release_type) OrtTypeInfo *contained = NULL;
    enum ONNXType kind = ONNX_TYPE_UNKNOWN;
    TRY(ort_load_result(ort->GetOnnxTypeFromTypeInfo(info, &kind)));
    if (kind != ONNX_TYPE_OPTIONAL)
        return read_plain(info, kind, dims, d);
    d->type.optional = true;
    TRY(ort_load_result(ort->CastTypeInfoToOptionalTypeInfo(info, &optional)));
    TRY(ort_load_result(ort->GetOptionalContainedTypeInfo(optional, &contained)));
    TRY(ort_load_result(ort->GetOnnxTypeFromTypeInfo(contained, &kind)));
    return read_plain(contained, kind, dims, d);
}

/* ── lists ── */

struct lister {
    OrtStatus *(ORT_API_CALL *count)(const OrtSession *, size_t *);
    OrtStatus *(ORT_API_CALL *name)(const OrtSession *, size_t, OrtAllocator *, char **);
    OrtStatus *(ORT_API_CALL *type)(const OrtSession *, size_t, OrtTypeInfo **);
    const char *what;
    err_t refusal; /* of a type that cannot travel */
};

struct listing {
    struct value_desc *items;
    int64_t (*dims)[DESC_MAX_RANK];
    const char **names; /* the session's */
    size_t count;
};

static void listing_done(struct listing *l)
{
    mem_free(l->items);
    mem_free(l->dims);
}

/* Room for `count` entries. The names belong to the session from here on; NULL ends them. */
static err_t listing_init(struct listing *l, size_t count, const char ***ret_names)
{
    if (count > DESC_MAX_COUNT)
        return ERR_MODEL_LIMIT;
    l->items = mem_alloc(count + 1, sizeof(*l->items));
    l->dims = mem_alloc(count + 1, sizeof(*l->dims));
    l->names = mem_alloc(count + 1, sizeof(*l->names));
    *ret_names = l->names;
    return l->items != NULL && l->dims != NULL && l->names != NULL ? OK : ERR_NOMEM;
}

static err_t list_one(const OrtSession *session, const struct lister *from, size_t index, struct listing *l,
                      struct why *why)
{
    OrtAllocator *allocator = NULL;
    AUTO(release_type) OrtTypeInfo *info = NULL;
    char *name = NULL;
    struct value_desc *d = &l->items[l->count];
    TRY(ort_load_result(ort->GetAllocatorWithDefaultOptions(&allocator)));
    TRY(ort_load_result(from->name(session, index, allocator, &name)));
    l->names[l->count] = name;
    TRY(ort_load_result(from->type(session, index, &info)));
    err_t e = read_type(info, l->dims[l->count], d);
    if (e == ERR_DTYPE_UNSUPPORTED)
        return why_set(why, from->refusal, "%s %s has a type that this node does not carry", from->what, name);
    d->name = view_of(name, strlen(name));
    l->count++;
    return e;
}

static err_t list_all(const OrtSession *session, const struct lister *from, size_t count, struct listing *l,
                      struct why *why)
{
    for (size_t i = 0; i < count; i++)
        TRY(list_one(session, from, i, l, why));
    return OK;
}

static err_t make_signature(const struct listing *inputs, const struct listing *outputs, struct signature *ret)
{
    err_t e = signature_make(inputs->items, inputs->count, outputs->items, outputs->count, ret);
    if (e == ERR_TOO_LARGE)
        return ERR_MODEL_LIMIT;
    return e == ERR_MALFORMED ? ERR_MODEL_UNSUPPORTED : e;
}

err_t meta_read(struct session *s, struct why *why)
{
    const struct lister given = {ort->SessionGetInputCount, ort->SessionGetInputName, ort->SessionGetInputTypeInfo,
                                 "input", ERR_DTYPE_UNSUPPORTED};
    const struct lister replaced = {ort->SessionGetOverridableInitializerCount,
                                    ort->SessionGetOverridableInitializerName,
                                    ort->SessionGetOverridableInitializerTypeInfo, "input", ERR_DTYPE_UNSUPPORTED};
    const struct lister made = {ort->SessionGetOutputCount, ort->SessionGetOutputName, ort->SessionGetOutputTypeInfo,
                                "output", ERR_OUTPUT_UNSUPPORTED};
    AUTO(listing_done) struct listing inputs = {0};
    AUTO(listing_done) struct listing outputs = {0};
    size_t n_given = 0, n_replaced = 0, n_made = 0;
    TRY(ort_load_result(given.count(s->ort, &n_given)));
    TRY(ort_load_result(replaced.count(s->ort, &n_replaced)));
    TRY(ort_load_result(made.count(s->ort, &n_made)));
    TRY(listing_init(&inputs, n_given + n_replaced, &s->input_names));
    TRY(listing_init(&outputs, n_made, &s->output_names));
    TRY(list_all(s->ort, &given, n_given, &inputs, why));
    TRY(list_all(s->ort, &replaced, n_replaced, &inputs, why));
    for (size_t i = n_given; i < inputs.count; i++)
        inputs.items[i].may_miss = true;
    TRY(list_all(s->ort, &made, n_made, &outputs, why));
    return make_signature(&inputs, &outputs, &s->signature);
}

/* ── the end ── */

static void free_names(const char ***names)
{
    OrtAllocator *allocator = NULL;
    if (*names == NULL || ort_load_result(ort->GetAllocatorWithDefaultOptions(&allocator)) != OK)
        return;
    for (const char **name = *names; *name != NULL; name++)
        (void)ort_load_result(ort->AllocatorFree(allocator, (void *)(uintptr_t)*name));
    mem_free(*names);
    *names = NULL;
}

void meta_done(struct session *s)
{
    signature_done(&s->signature);
    free_names(&s->input_names);
    free_names(&s->output_names);
}
