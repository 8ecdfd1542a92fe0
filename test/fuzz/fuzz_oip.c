/* Bodies of the Open Inference Protocol against a model with an input of every kind of element. The first two bytes say
   how much of the rest is JSON. What is filled is a sound payload, the same when binary data comes later than its JSON,
   and can be answered. */
#include "base/mem.h"
#include "tensor/oip_answer.h"

#include <stdlib.h>
#include <string.h>

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

static const struct infer_limits limits = {.json_depth = 8, .json_memory = 9 * MAX_BODY + 64 * KIB, .priorities = 3};

/* One reading of a body, from its text to its tensors. */
struct reading {
    struct buf body;
    struct oip_request request;
    struct value_set set;
    uint8_t *area;
};

static void reading_done(struct reading *r)
{
    mem_free(r->area);
    value_set_done(&r->set);
    oip_request_done(&r->request);
    buf_done(&r->body);
}

/* `later`: so many bytes behind the body, which are not there yet. */
static err_t read_body(struct view body, size_t json_len, size_t later, const struct signature *s, struct reading *r)
{
    struct why why;
    buf_init(&r->body, MAX_BODY + INFER_BODY_PAD);
    if (buf_put_view(&r->body, body) != OK)
        abort();
    TRY(oip_request_parse(&r->body, json_len, json_len == 0, later, &limits, &r->request, &why));
    if (r->request.timeout_us > OIP_TIMEOUT_MAX || r->request.priority > limits.priorities)
        abort();
    TRY(oip_request_measure(&r->request, s, MAX_AREA, &r->set, &why));
    r->area = mem_alloc(1, MAX(r->set.total, 1));
    if (r->area == NULL)
        abort();
    return oip_request_fill(&r->request, &r->set, r->area, &why);
}

/* What comes later goes where it belongs, in the order in which it comes, and all of it does. */
static err_t take_rest(struct view rest, struct reading *r)
{
    struct view part = {0};
    for (size_t n = 0; n < r->request.n_inputs; n++)
        for (size_t i = 0; oip_input_later(&r->request.inputs[n]) && i < r->set.descs.count; i++)
            if (r->request.order[i] == n) {
                if (view_take(&rest, r->set.places[i].len, &part) != OK)
                    abort();
                if (part.len > 0)
                    memcpy(r->area + r->set.places[i].offset, part.data, part.len);
            }
    if (rest.len > 0)
        abort();
    for (size_t i = 0; i < r->set.descs.count; i++)
        TRY(payload_check(&r->set.descs.items[i], view_of(r->area + r->set.places[i].offset, r->set.places[i].len)));
    return OK;
}

/* The same tensors, when they come behind the JSON. */
static void read_in_two(struct view body, size_t json_len, const struct signature *s, const struct reading *whole,
                        err_t code)
{
    AUTO(reading_done) struct reading two = {0};
    struct view rest = view_of(body.data + json_len, body.len - json_len);
    err_t e = read_body(view_of(body.data, json_len), json_len, rest.len, s, &two);
    if (e == OK)
        e = take_rest(rest, &two);
    if ((e == OK) != (code == OK))
        abort();
    if (e == OK && (two.set.total != whole->set.total || memcmp(two.area, whole->area, two.set.total) != 0))
        abort();
}

static void answer(const struct reading *r)
{
    AUTO_BUF struct buf out = BUF_WITH(MAX_AREA);
    struct why why;
    size_t len = 0;
    check_payloads(&r->set, r->area);
    (void)oip_answer_write(&r->request, view_of("m", 1), &r->set, view_of(r->area, r->set.total), &out, &len, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(signature_done) struct signature signature = {0};
    AUTO(reading_done) struct reading whole = {0};
    if (size < 2 || size > MAX_BODY)
        return 0;
    size_t json_len = MIN((size_t)data[0] << 8 | data[1], size - 2);
    struct view body = view_of(data + 2, size - 2);
    if (make_signature(json_len == 0 ? 1 : COUNT_OF(dtypes), &signature) != OK)
        abort();
    err_t e = read_body(body, json_len, 0, &signature, &whole);
    if (json_len > 0 && json_len < body.len)
        read_in_two(body, json_len, &signature, &whole, e);
    if (e == OK)
        answer(&whole);
    return 0;
}
