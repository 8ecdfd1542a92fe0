/* A JOB message (fixed part, then tail) against a model with three inputs: what is taken lies inside the area that it
   states, and what the model refuses can be blamed on something. */
#include "infer/job.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* x: float [n, 2]; s: string, any shape; b: bool scalar that may miss. */
static const struct signature *model(void)
{
    static struct signature s;
    static const int64_t dims[] = {DIM_ANY, 2};
    const struct value_desc inputs[] = {
        {.name = view_of("x", 1), .type = {.dtype = DTYPE_FLOAT}, .rank = 2, .dims = dims},
        {.name = view_of("s", 1), .type = {.dtype = DTYPE_STRING}, .rank = RANK_UNKNOWN},
        {.name = view_of("b", 1), .type = {.dtype = DTYPE_BOOL}, .rank = RANK_UNKNOWN, .may_miss = true},
    };
    if (s.inputs == NULL) {
        err_t e = signature_make(inputs, COUNT_OF(inputs), inputs, 1, &s);
        assert(e == OK);
    }
    return &s;
}

static void check_inputs(const struct msg_job *head, const struct value_set *inputs)
{
    struct why why = {{0}};
    assert(inputs->total <= head->bytes);
    for (size_t i = 0; i < inputs->descs.count; i++) {
        struct value_place at = inputs->places[i];
        assert(at.len <= inputs->total && at.offset <= inputs->total - at.len);
    }
    err_t e = signature_takes(model(), &inputs->descs);
    if (e != OK)
        assert(job_blame(model(), &inputs->descs, e, &why) == e && why.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_job fixed;
    if (size < sizeof(fixed))
        return 0;
    memcpy(&fixed, data, sizeof(fixed));
    struct wire_msg m = {.type = MSG_JOB, .fixed = &fixed, .tail = view_of(data + sizeof(fixed), size - sizeof(fixed))};
    const struct msg_job *head = NULL;
    AUTO(value_set_done) struct value_set inputs = {0};
    if (job_head(&m, &head) == OK && job_inputs(&m, &inputs) == OK)
        check_inputs(head, &inputs);
    return 0;
}
