/* Making tensors for ONNX Runtime. */
#include "infer/value.h"

#include <endian.h>
#include <string.h>

err_t value_maker_init(struct value_maker *m)
{
    TRY(ort_load_result(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &m->memory)));
    return ort_load_result(ort->GetAllocatorWithDefaultOptions(&m->allocator));
}

void value_release(OrtValue **value)
{
    if (*value != NULL)
        ort->ReleaseValue(*value);
    *value = NULL;
}

/* One string, with its length, so that a NUL inside is kept. */
static err_t fill_string(OrtValue *value, size_t index, struct view *payload)
{
    uint32_t len = 0;
    struct view text = {0};
    char *room = NULL;
    TRY(view_u32le(payload, &len));
    TRY(view_take(payload, len, &text));
    TRY(ort_run_result(ort->GetResizedStringTensorElementBuffer(value, index, len, &room)));
    if (len > 0)
        memcpy(room, text.data, len);
    return OK;
}

static err_t make_strings(const struct value_maker *m, const struct value_desc *d, struct view payload, OrtValue **ret)
{
    AUTO(value_release) OrtValue *value = NULL;
    uint64_t count = 0;
    TRY(desc_elements(d, &count));
    TRY(ort_run_result(ort->CreateTensorAsOrtValue(m->allocator, d->dims, d->rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
                                                   &value)));
    for (uint64_t i = 0; i < count; i++)
        TRY(fill_string(value, i, &payload));
    *ret = TAKE_PTR(value);
    return OK;
}

err_t value_make(const struct value_maker *m, const struct value_desc *d, struct view payload, OrtValue **ret)
{
    if (d->type.kind != VALUE_TENSOR || d->type.optional)
        return ERR_DTYPE_UNSUPPORTED;
    if (d->type.dtype == DTYPE_STRING)
        return make_strings(m, d, payload, ret);
    return ort_run_result(ort->CreateTensorWithDataAsOrtValue(m->memory, (void *)(uintptr_t)payload.data, payload.len,
                                                              d->dims, d->rank,
                                                              (ONNXTensorElementDataType)d->type.dtype, ret));
}
