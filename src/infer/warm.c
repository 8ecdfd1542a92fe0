/* Zeros for every input that must be there, one run, and its result. */
#include "infer/warm.h"

#include "base/clock.h"
#include "base/mem.h"

#define STRING_LEAST 4 /* bytes of an empty string in a payload: its length */

static const struct front nobody; /* whose run it is */

struct warm {
    const struct crew *crew;
    const char **names; /* of the inputs that are given */
    OrtValue **inputs;
    size_t count;
    OrtValue **made;
    uint8_t *memory;
    struct view zeros; /* in it; every input is a part of them */
};

static void release_all(OrtValue **values, size_t count)
{
    for (size_t i = 0; values != NULL && i < count; i++)
        value_release(&values[i]);
    mem_free(values);
}

static void warm_done(struct warm *w)
{
    release_all(w->inputs, w->count);
    release_all(w->made, w->crew->session.signature.output_count);
    mem_free(w->names);
    mem_free(w->memory);
}

/* A value that fits: dimensions that the model leaves open are 1, and where it leaves all of them open it is a single number. */
static err_t fit(const struct value_desc *declared, int64_t dims[static DESC_MAX_RANK], struct value_desc *ret, uint64_t *ret_bytes)
{
    struct value_desc d = *declared;
    uint64_t count = 0;
    if (d.type.kind != VALUE_TENSOR || d.type.optional)
        return ERR_DTYPE_UNSUPPORTED;
    d.rank = declared->rank == RANK_UNKNOWN ? 0 : declared->rank;
    d.dims = dims;
    for (size_t i = 0; i < d.rank; i++)
        dims[i] = declared->dims[i] == DIM_ANY ? 1 : declared->dims[i];
    TRY(desc_elements(&d, &count));
    size_t size = d.type.dtype == DTYPE_STRING ? STRING_LEAST : dtype_info(d.type.dtype)->size;
    if (__builtin_mul_overflow(count, size, ret_bytes))
        return ERR_TOO_LARGE;
    *ret = d;
    return OK;
}

/* As much as the largest input has; together they may not have more than those of a job. */
static err_t make_zeros(struct warm *w)
{
    const struct signature *s = &w->crew->session.signature;
    int64_t dims[DESC_MAX_RANK];
    struct value_desc d;
    uint64_t bytes = 0, most = 0, left = w->crew->input_max;
    for (size_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].may_miss)
            continue;
        TRY(fit(&s->inputs[i], dims, &d, &bytes));
        if (bytes > left)
            return ERR_TOO_LARGE;
        left -= bytes;
        most = MAX(most, bytes);
    }
    w->memory = mem_alloc(1, most + VALUE_ALIGN);
    if (w->memory == NULL)
        return ERR_NOMEM;
    w->zeros = view_of(w->memory + -(uintptr_t)w->memory % VALUE_ALIGN, most);
    return OK;
}

static err_t make_inputs(struct warm *w)
{
    const struct session *s = &w->crew->session;
    int64_t dims[DESC_MAX_RANK];
    struct value_desc d;
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->signature.input_count; i++) {
        if (s->signature.inputs[i].may_miss)
            continue;
        TRY(fit(&s->signature.inputs[i], dims, &d, &bytes));
        TRY(value_make(&w->crew->maker, &d, view_of(w->zeros.data, bytes), &w->inputs[w->count]));
        w->names[w->count++] = s->input_names[i];
    }
    return OK;
}

static err_t attempt(struct crew *crew, const struct run *run, uint32_t *ret_us)
{
    const struct session *s = &crew->session;
    AUTO(warm_done) struct warm w = {.crew = crew};
    w.names = mem_alloc(s->signature.input_count + 1, sizeof(*w.names));
    w.inputs = mem_alloc(s->signature.input_count + 1, sizeof(OrtValue *));
    w.made = mem_alloc(s->signature.output_count + 1, sizeof(OrtValue *));
    if (w.names == NULL || w.inputs == NULL || w.made == NULL)
        return ERR_NOMEM;
    TRY(make_zeros(&w));
    TRY(make_inputs(&w));
    uint64_t start = clock_mono_ns();
    err_t e = ort_run_result(ort->Run(s->ort, run->options, w.names, (const OrtValue *const *)w.inputs, w.count, s->output_names,
                                      s->signature.output_count, w.made));
    *ret_us = (uint32_t)MIN((clock_mono_ns() - start) / 1000, UINT32_MAX);
    return e;
}

struct msg_infer_warmed warm_up(struct crew *crew, struct run *run)
{
    struct msg_infer_warmed said = {0};
    err_t e = runs_begin(&crew->runs, run, &nobody, 0, clock_mono_ms() + crew->warm_ms);
    if (e == OK)
        e = seat_empty(&crew->seat) ? attempt(crew, run, &said.us) : ERR_RUN_CANCELLED;
    err_t stopped = runs_end(&crew->runs, run);
    if (e == ERR_RUN_FAILED && stopped != OK)
        e = stopped;
    said.result = (uint32_t)(e == ERR_NOMEM ? ERR_RUN_OUT_OF_MEMORY : e);
    return said;
}

void warm_stop(struct crew *crew)
{
    runs_cancel_front(&crew->runs, &nobody);
}
