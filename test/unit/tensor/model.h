/* Signatures and requests in one line, for tests. */
#ifndef VERONNX_TEST_TENSOR_MODEL_H
#define VERONNX_TEST_TENSOR_MODEL_H

#include "tensor/infer_answer.h"
#include "tensor/infer_inputs.h"

#include "unit.h"

#define AREA_MAX ((size_t)1 << 20)

/* A tensor descriptor; `dims` as an array literal. */
#define TENSOR(label, code, ...)                                                                                       \
    {                                                                                                                  \
        .name = {(const uint8_t *)(label), sizeof(label) - 1}, .type = {.dtype = (code)},                              \
        .rank = sizeof((int64_t[]){0, ##__VA_ARGS__}) / sizeof(int64_t) - 1, .dims = (int64_t[]){0, ##__VA_ARGS__} + 1 \
    }

static const struct infer_limits default_limits = {.json_depth = 64, .json_memory = 1 << 20};

/* A request on its way: body, parsed request, inputs, area. */
struct trip {
    struct buf body;
    struct infer_request request;
    struct infer_inputs inputs;
    uint8_t *area;
    struct why why;
};

static inline void trip_done(struct trip *t)
{
    infer_inputs_done(&t->inputs);
    infer_request_done(&t->request);
    buf_done(&t->body);
    mem_free(t->area);
    t->area = NULL;
}

static inline err_t trip_parse(struct trip *t, struct view body, const struct infer_limits *limits)
{
    *t = (struct trip){.body = {.max = body.len + INFER_BODY_PAD}};
    TRY(buf_put_view(&t->body, body));
    return infer_request_parse(&t->body, limits, &t->request, &t->why);
}

/* From the text of a body to elements in t->area. trip_done in every case. */
static inline err_t trip_make(struct trip *t, const char *body, const struct signature *s)
{
    TRY(trip_parse(t, text_view(body), &default_limits));
    TRY(infer_inputs_measure(&t->request, s, AREA_MAX, &t->inputs, &t->why));
    t->area = mem_alloc(1, MAX(t->inputs.set.total, 1));
    if (t->area == NULL)
        return ERR_NOMEM;
    return infer_inputs_fill(&t->inputs, t->area, &t->why);
}

static inline struct view trip_payload(const struct trip *t, size_t index)
{
    return view_of(t->area + t->inputs.set.places[index].offset, t->inputs.set.places[index].len);
}

#endif
