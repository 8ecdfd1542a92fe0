/* Bodies of /infer against a model with an input of every kind of element. What is filled is a sound payload. */
#include "base/mem.h"
#include "tensor/infer_inputs.h"

#include <stdlib.h>

#define MAX_AREA ((size_t)1 << 20)

static const uint8_t dtypes[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_FLOAT16, DTYPE_BFLOAT16, DTYPE_BOOL,
                                 DTYPE_INT8,  DTYPE_UINT64, DTYPE_INT64,   DTYPE_STRING};

/* Inputs "a", "b", ...: all may be missing, shapes are open. */
static err_t make_signature(struct signature *ret)
{
    static const char names[] = "abcdefghi";
    struct value_desc inputs[COUNT_OF(dtypes)];
    for (size_t i = 0; i < COUNT_OF(dtypes); i++)
        inputs[i] = (struct value_desc){
            .name = view_of(names + i, 1), .type = {.dtype = dtypes[i]}, .may_miss = true, .rank = RANK_UNKNOWN};
    return signature_make(inputs, COUNT_OF(inputs), NULL, 0, ret);
}

static void check_payloads(const struct infer_inputs *in, const uint8_t *area)
{
    for (size_t i = 0; i < in->set.descs.count; i++)
        if (payload_check(&in->set.descs.items[i], view_of(area + in->set.places[i].offset, in->set.places[i].len)) !=
            OK)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct infer_limits limits = {.json_depth = 8, .json_memory = 1 << 20};
    AUTO(signature_done) struct signature signature = {0};
    AUTO(infer_inputs_done) struct infer_inputs inputs = {0};
    AUTO(infer_request_done) struct infer_request request = {0};
    AUTO_BUF struct buf body = {.max = size + INFER_BODY_PAD};
    struct why why = {""};
    if (make_signature(&signature) != OK || buf_put(&body, data, size) != OK)
        abort();
    if (infer_request_parse(&body, &limits, &request, &why) != OK ||
        infer_inputs_measure(&request, &signature, MAX_AREA, &inputs, &why) != OK)
        return 0;
    AUTO_MEM uint8_t *area = mem_alloc(1, MAX(inputs.set.total, 1));
    if (area == NULL)
        abort();
    if (infer_inputs_fill(&inputs, area, &why) == OK)
        check_payloads(&inputs, area);
    return 0;
}
