/* Bodies of the Open Inference Protocol against a model with an input of every kind of element. The first two bytes say
   how much of the rest is JSON. What is filled is a sound payload, and can be answered. */
#include "base/mem.h"
#include "tensor/oip_answer.h"

#include <stdlib.h>

#define MAX_AREA ((size_t)1 << 20)
#define MAX_BODY (64 * KIB)

static const uint8_t dtypes[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_FLOAT16, DTYPE_BFLOAT16, DTYPE_BOOL,
                                 DTYPE_INT8,  DTYPE_UINT64, DTYPE_INT64,   DTYPE_STRING};

/* Inputs "a", "b", ...: all may be missing, shapes are open; outputs of the same names. */
static err_t make_signature(size_t n_inputs, struct signature *ret)
{
    static const char names[] = "abcdefghi";
    struct value_desc inputs[COUNT_OF(dtypes)];
    struct value_desc outputs[COUNT_OF(dtypes)];
    for (size_t i = 0; i < COUNT_OF(dtypes); i++) {
        outputs[i] =
            (struct value_desc){.name = view_of(names + i, 1), .type = {.dtype = dtypes[i]}, .rank = RANK_UNKNOWN};
        inputs[i] = outputs[i];
        inputs[i].may_miss = true;
    }
    if (n_inputs == 1) { /* a raw request wants to know the rank */
        static const int64_t dims[] = {DIM_ANY, 3};
        inputs[0].rank = COUNT_OF(dims);
        inputs[0].dims = dims;
    }
    return signature_make(inputs, n_inputs, outputs, COUNT_OF(outputs), ret);
}

static void check_payloads(const struct value_set *set, const uint8_t *area)
{
    for (size_t i = 0; i < set->descs.count; i++)
        if (payload_check(&set->descs.items[i], view_of(area + set->places[i].offset, set->places[i].len)) != OK)
            abort();
}

static err_t convert(struct buf *body, size_t json_len, bool raw, struct oip_request *r)
{
    const struct infer_limits limits = {.json_depth = 8, .json_memory = 9 * MAX_BODY + 64 * KIB};
    AUTO(signature_done) struct signature signature = {0};
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf out = BUF_WITH(MAX_AREA);
    struct why why;
    size_t answer_len = 0;
    if (make_signature(raw ? 1 : COUNT_OF(dtypes), &signature) != OK)
        abort();
    TRY(oip_request_parse(body, json_len, raw, 0, &limits, r, &why));
    TRY(oip_request_measure(r, &signature, MAX_AREA, &set, &why));
    AUTO_MEM uint8_t *area = mem_alloc(1, MAX(set.total, 1));
    if (area == NULL)
        abort();
    TRY(oip_request_fill(r, &set, area, &why));
    check_payloads(&set, area);
    return oip_answer_write(r, view_of("m", 1), &set, view_of(area, set.total), &out, &answer_len, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(oip_request_done) struct oip_request request = {0};
    AUTO_BUF struct buf body = BUF_WITH(MAX_BODY + INFER_BODY_PAD);
    if (size < 2 || size > MAX_BODY)
        return 0;
    size_t json_len = MIN((size_t)data[0] << 8 | data[1], size - 2);
    if (buf_put(&body, data + 2, size - 2) != OK)
        abort();
    (void)convert(&body, json_len, json_len == 0, &request);
    return 0;
}
