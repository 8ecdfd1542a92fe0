/* Bodies of /infer against a model with an input of every kind of element. What is filled is a sound payload, and the
   same when no list of pairs is taken out of the text first. */
#include "base/mem.h"
#include "tensor/infer_inputs.h"

#include <stdlib.h>
#include <string.h>

#define MAX_AREA ((size_t)1 << 20)
#define MAX_BODY (64 * KIB) /* longer ones would meet the limit of memory in one reading and not in the other */
#define MAX_JSON (9 * MAX_BODY + 64 * KIB)

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

/* One reading of a body, from its text to its tensors. */
struct reading {
    struct buf body;
    struct infer_request request;
    struct infer_inputs inputs;
    uint8_t *area;
    struct why why;
    err_t code;
};

static void reading_done(struct reading *r)
{
    infer_inputs_done(&r->inputs);
    infer_request_done(&r->request);
    buf_done(&r->body);
    mem_free(r->area);
}

static err_t convert(struct reading *r, const struct signature *signature)
{
    const struct infer_limits limits = {.json_depth = 8, .json_memory = MAX_JSON};
    TRY(infer_request_parse(&r->body, &limits, &r->request, &r->why));
    TRY(infer_inputs_measure(&r->request, signature, MAX_AREA, &r->inputs, &r->why));
    r->area = mem_alloc(1, MAX(r->inputs.set.total, 1));
    if (r->area == NULL)
        abort();
    TRY(infer_inputs_fill(&r->inputs, r->area, &r->why));
    check_payloads(&r->inputs, r->area);
    return OK;
}

static void read_body(struct reading *r, const char *head, struct view body, const struct signature *signature)
{
    buf_init(&r->body, strlen(head) + body.len + INFER_BODY_PAD);
    if (buf_put_text(&r->body, head) != OK || buf_put_view(&r->body, body) != OK)
        abort();
    r->code = convert(r, signature);
}

static bool are_equal(const struct reading *a, const struct reading *b)
{
    size_t total = a->inputs.set.total;
    if (a->code != b->code || strcmp(a->why.text, b->why.text) != 0)
        return false;
    return a->code != OK || (total == b->inputs.set.total && memcmp(a->area, b->area, total) == 0);
}

/* A first field that keeps lists of pairs where they are: the text is then read as a whole, to the same result. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(signature_done) struct signature signature = {0};
    AUTO(reading_done) struct reading plain = {0};
    AUTO(reading_done) struct reading whole = {0};
    if (size > MAX_BODY)
        return 0;
    if (make_signature(&signature) != OK)
        abort();
    read_body(&plain, "", view_of(data, size), &signature);
    if (size < 2 || data[0] != '{' || data[1] != '"')
        return 0;
    read_body(&whole, "{\"\x7f\":0,", view_of(data + 1, size - 1), &signature);
    if (!are_equal(&plain, &whole))
        abort();
    return 0;
}
