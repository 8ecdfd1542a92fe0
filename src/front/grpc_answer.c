/* Answers of ModelInfer: what describes the outputs is protobuf-c's, the tensors follow as they lie in the area. */
#include "front/grpc_infer.h"

#include "base/mem.h"
#include "base/varint.h"
#include "tensor/oip_answer.h"
#include <inference.pb-c.h>

#define RAW_OUTPUT_TAG (6 << 3 | 2) /* raw_output_contents of ModelInferResponse: bytes */

/* The descriptions of `count` outputs. */
struct described {
    Inference__InferTensor *items;
    Inference__InferTensor **list;
};

static void described_done(struct described *d)
{
    mem_free(d->items);
    mem_free(d->list);
}

static err_t describe(const struct oip_parts *parts, struct described *ret)
{
    ret->items = mem_alloc(MAX(parts->count, 1), sizeof(*ret->items));
    ret->list = mem_alloc(MAX(parts->count, 1), sizeof(*ret->list));
    if (ret->items == NULL || ret->list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < parts->count; i++) {
        const struct value_desc *d = &parts->items[i].desc;
        ret->list[i] = &ret->items[i];
        inference__infer_tensor__init(&ret->items[i]);
        ret->items[i].name = grpc_text(d->name);
        ret->items[i].datatype = grpc_literal(dtype_info(d->type.dtype)->oip);
        ret->items[i].n_shape = d->rank;
        ret->items[i].shape = (int64_t *)(uintptr_t)d->dims;
    }
    return OK;
}

static err_t put_raw(struct buf *out, const struct oip_part *p)
{
    TRY(buf_put_u8(out, RAW_OUTPUT_TAG));
    TRY(varint_put(out, p->payload.len));
    return oip_part_put(p, out);
}

static err_t put_answer(const struct grpc_infer *g, struct view model_name, const struct oip_parts *parts,
                        struct buf *out, size_t *at)
{
    AUTO(described_done) struct described d = {0};
    Inference__ModelInferResponse m = INFERENCE__MODEL_INFER_RESPONSE__INIT;
    static const uint8_t room[GRPC_PREFIX];
    size_t begin = out->len;
    TRY(describe(parts, &d));
    m.model_name = grpc_text(model_name);
    m.model_version = grpc_literal("1");
    m.id = grpc_text(g->request.id);
    m.n_outputs = parts->count;
    m.outputs = d.list;
    TRY(buf_put(out, room, sizeof(room)));
    TRY(grpc_put(&m.base, out));
    for (*at = 0; *at < parts->count; ++*at)
        TRY(put_raw(out, &parts->items[*at]));
    grpc_prefix(out->data + begin, out->len - begin - GRPC_PREFIX);
    return OK;
}

err_t grpc_infer_write(const struct grpc_infer *g, struct view model_name, const struct value_set *outputs,
                       struct view area, struct buf *out, struct why *why)
{
    AUTO(oip_parts_done) struct oip_parts parts = {0};
    size_t at = 0;
    TRY(oip_parts_make(&g->request, outputs, area, out, &parts, why));
    err_t e = put_answer(g, model_name, &parts, out, &at);
    return oip_answer_explain(e, at, out->max, why);
}
