/* Messages of gRPC: a body's frames, the small messages, and ModelInferRequest up to its tensors. Memory stays inside
   its bound, all of it is given back, and a request that is taken can be measured and filled. */
#include "front/grpc_infer.h"

#include <health.pb-c.h>
#include <inference.pb-c.h>

#include <stdlib.h>

#define MEMORY     (256 * KIB)
#define PRIORITIES 3

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_small(struct view message)
{
    const ProtobufCMessageDescriptor *const types[] = {
        &inference__model_request__descriptor,
        &inference__repository_index_request__descriptor,
        &inference__repository_control_request__descriptor,
        &grpc__health__v1__health_check_request__descriptor,
    };
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct grpc_memory m = {.left = MEMORY};
        ProtobufCMessage *got = NULL;
        err_t e = grpc_unpack(types[i], message, &m, &got);
        REQUIRE((e == OK) == (got != NULL) && m.left <= MEMORY);
        grpc_free(&got, &m);
        REQUIRE(m.left == MEMORY);
    }
}

/* A model that takes two numbers, any matrix of bytes, and texts. */
static const struct signature *a_signature(void)
{
    static struct signature s;
    static const int64_t two[] = {2}, open[] = {DIM_ANY, DIM_ANY};
    const struct value_desc inputs[] = {
        {.name = view_of("x", 1), .type.dtype = DTYPE_FLOAT, .rank = 1, .dims = two},
        {.name = view_of("b", 1), .type.dtype = DTYPE_UINT8, .rank = 2, .dims = open, .may_miss = true},
        {.name = view_of("t", 1), .type.dtype = DTYPE_STRING, .rank = RANK_UNKNOWN, .may_miss = true},
    };
    const struct value_desc output = {.name = view_of("y", 1), .type.dtype = DTYPE_FLOAT, .rank = 1, .dims = two};
    if (s.inputs == NULL)
        REQUIRE(signature_make(inputs, COUNT_OF(inputs), &output, 1, &s) == OK);
    return &s;
}

static void try_infer(struct view message)
{
    const struct infer_limits limits = {.json_memory = MEMORY, .priorities = PRIORITIES};
    struct grpc_infer g;
    struct why why = {0};
    size_t memory = 0;
    REQUIRE(grpc_infer_head(message) <= message.len);
    if (grpc_infer_parse(message, &limits, &g, &memory, &why) != OK)
        return;
    REQUIRE(memory <= MEMORY);
    REQUIRE(g.request.timeout_us <= OIP_TIMEOUT_MAX && g.request.priority <= PRIORITIES);
    AUTO(value_set_done) struct value_set set = {0};
    if (oip_request_measure(&g.request, a_signature(), 1 * MIB, &set, &why) == OK) {
        uint8_t *area = calloc(1, MAX(set.total, 1));
        REQUIRE(area != NULL);
        REQUIRE(oip_request_fill(&g.request, &set, area, &why) == OK);
        free(area);
    }
    grpc_infer_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = view_of(data, size);
    struct view message = {0};
    bool compressed = false;
    while (grpc_frame_take(&in, &compressed, &message) == OK) {
        try_small(message);
        try_infer(message);
    }
    return 0;
}
