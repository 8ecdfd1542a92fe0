/* Questions about models. Metadata, configuration and readiness wait until the model is loaded. */
#include "front/grpc.h"

#include "base/mem.h"
#include "base/varint.h"
#include "front/resolve.h"
#include <inference.pb-c.h>

#include <string.h>

#define ANSWER_MAX (1 * MIB)

static void nothing(struct call *c UNUSED)
{
}

static struct view name_of(const struct call *c)
{
    return view_of(c->as.grpc.name, c->as.grpc.name_len);
}

/* The name that a ModelRequest gives, which may be empty, in INFER_MODEL_ID_MAX bytes. */
static err_t read_name(struct app *app, struct http_req *req, uint8_t *ret_name, size_t *ret_len, struct why *why)
{
    ProtobufCMessage *asked = NULL;
    struct grpc_memory memory = {0};
    TRY(grpc_ask(app, req, &inference__model_request__descriptor, &memory, &asked, why));
    const Inference__ModelRequest *m = (const Inference__ModelRequest *)asked;
    err_t e = OK;
    if (m->version.len > 0 && !view_is(grpc_view(m->version), "1"))
        e = why_set(why, ERR_NOT_FOUND, "the only version of a model is 1");
    else if (m->name.len > INFER_MODEL_ID_MAX)
        e = why_set(why, ERR_MODEL_ID_INVALID, "the name of a model may have %d bytes", INFER_MODEL_ID_MAX);
    else if (m->name.len > 0)
        memcpy(ret_name, m->name.data, m->name.len);
    *ret_len = m->name.len;
    grpc_free(&asked, &memory);
    return e;
}

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    TRY(read_name(c->app, c->req, c->as.grpc.name, &c->as.grpc.name_len, why));
    return model_resolve(c->app->conf, name_of(c), ret_model, why);
}

/* ── ready ── */

static err_t tell_ready(struct call *c, const struct model *m UNUSED)
{
    Inference__ModelReadyResponse r = INFERENCE__MODEL_READY_RESPONSE__INIT;
    r.ready = true;
    return grpc_put_framed(&r.base, &c->answer);
}

void grpc_model_ready(struct app *app, struct http_req *req)
{
    static const struct call_form form = {
        .begin = begin, .drop = nothing, .done = nothing, .tell = tell_ready, .dress = grpc_dress};
    call_ask(app, req, &form);
}

/* ── control ── */

static err_t read_control(struct app *app, struct http_req *req, uint8_t *ret_name, size_t *ret_len, struct why *why)
{
    ProtobufCMessage *asked = NULL;
    struct grpc_memory memory = {0};
    TRY(grpc_ask(app, req, &inference__repository_control_request__descriptor, &memory, &asked, why));
    const Inference__RepositoryControlRequest *m = (const Inference__RepositoryControlRequest *)asked;
    struct view name = grpc_view(m->model_name.len > 0 ? m->model_name : m->repository_or_model);
    err_t e = name.len <= INFER_MODEL_ID_MAX ? OK : ERR_MODEL_ID_INVALID;
    if (e == OK && name.len > 0)
        memcpy(ret_name, name.data, name.len);
    *ret_len = name.len;
    grpc_free(&asked, &memory);
    return e;
}

static err_t begin_load(struct call *c, struct wire_model *ret_model, struct why *why)
{
    TRY(read_control(c->app, c->req, c->as.grpc.name, &c->as.grpc.name_len, why));
    return model_resolve(c->app->conf, name_of(c), ret_model, why);
}

static err_t put_done(struct buf *out, struct view name)
{
    Inference__RepositoryControlResponse r = INFERENCE__REPOSITORY_CONTROL_RESPONSE__INIT;
    r.model_name = grpc_text(name);
    r.done = true;
    return grpc_put_framed(&r.base, out);
}

static err_t tell_loaded(struct call *c, const struct model *m UNUSED)
{
    return put_done(&c->answer, name_of(c));
}

void grpc_model_load(struct app *app, struct http_req *req)
{
    static const struct call_form form = {
        .begin = begin_load, .drop = nothing, .done = nothing, .tell = tell_loaded, .dress = grpc_dress};
    if (control_allowed(app, req))
        call_ask(app, req, &form);
}

static err_t unload(struct app *app, struct http_req *req, struct buf *out, struct why *why)
{
    uint8_t name[INFER_MODEL_ID_MAX];
    size_t len = 0;
    struct wire_model model;
    TRY(read_control(app, req, name, &len, why));
    TRY(model_resolve(app->conf, view_of(name, len), &model, why));
    TRY(models_unload(app, &model));
    return put_done(out, view_of(name, len));
}

void grpc_model_unload(struct app *app, struct http_req *req)
{
    struct buf out = BUF_WITH(ANSWER_MAX);
    struct why why = {0};
    if (!control_allowed(app, req))
        return;
    err_t e = unload(app, req, &out, &why);
    grpc_reply(req, e, &why, &out);
}

/* ── metadata ── */

/* Dimensions as the protocol has them: not even the rank is declared = one open dimension. */
static void shape_of(const struct value_desc *d, size_t *ret_n, int64_t **ret)
{
    static int64_t any[] = {DIM_ANY};
    bool unknown = d->rank == RANK_UNKNOWN;
    *ret_n = unknown ? 1 : d->rank;
    *ret = unknown ? any : (int64_t *)(uintptr_t)d->dims;
}

static const char *datatype(const struct value_desc *d)
{
    if (d->type.kind == VALUE_TENSOR)
        return dtype_info(d->type.dtype)->oip;
    return d->type.kind == VALUE_MAP ? "MAP" : "SEQUENCE";
}

/* `list` has `count` places for messages of `size` bytes, which stand behind it. */
static void describe(const struct value_desc *d, size_t count, Inference__TensorMetadata *items,
                     Inference__TensorMetadata **list)
{
    for (size_t i = 0; i < count; i++) {
        list[i] = &items[i];
        inference__tensor_metadata__init(&items[i]);
        items[i].name = grpc_text(d[i].name);
        items[i].datatype = grpc_literal(datatype(&d[i]));
        shape_of(&d[i], &items[i].n_shape, &items[i].shape);
    }
}

static err_t tell_metadata(struct call *c, const struct model *m)
{
    const struct signature *s = &m->signature;
    size_t count = s->input_count + s->output_count;
    AUTO_MEM Inference__TensorMetadata *items = mem_alloc(MAX(count, 1), sizeof(*items));
    AUTO_MEM Inference__TensorMetadata **list = mem_alloc(MAX(count, 1), sizeof(*list));
    Inference__ModelMetadataResponse r = INFERENCE__MODEL_METADATA_RESPONSE__INIT;
    ProtobufCBinaryData version = grpc_literal("1");
    if (items == NULL || list == NULL)
        return ERR_NOMEM;
    describe(s->inputs, s->input_count, items, list);
    describe(s->outputs, s->output_count, items + s->input_count, list + s->input_count);
    r.name = grpc_text(name_of(c));
    r.n_versions = 1;
    r.versions = &version;
    r.platform = grpc_literal("onnxruntime_onnx");
    r.n_inputs = s->input_count;
    r.inputs = list;
    r.n_outputs = s->output_count;
    r.outputs = list + s->input_count;
    return grpc_put_framed(&r.base, &c->answer);
}

void grpc_model_metadata(struct app *app, struct http_req *req)
{
    static const struct call_form form = {
        .begin = begin, .drop = nothing, .done = nothing, .tell = tell_metadata, .dress = grpc_dress};
    call_ask(app, req, &form);
}

/* ── configuration ── */

static Inference__DataType config_type(const struct value_desc *d)
{
    static const Inference__DataType types[] = {
        [DTYPE_FLOAT] = INFERENCE__DATA_TYPE__TYPE_FP32,    [DTYPE_UINT8] = INFERENCE__DATA_TYPE__TYPE_UINT8,
        [DTYPE_INT8] = INFERENCE__DATA_TYPE__TYPE_INT8,     [DTYPE_UINT16] = INFERENCE__DATA_TYPE__TYPE_UINT16,
        [DTYPE_INT16] = INFERENCE__DATA_TYPE__TYPE_INT16,   [DTYPE_INT32] = INFERENCE__DATA_TYPE__TYPE_INT32,
        [DTYPE_INT64] = INFERENCE__DATA_TYPE__TYPE_INT64,   [DTYPE_STRING] = INFERENCE__DATA_TYPE__TYPE_STRING,
        [DTYPE_BOOL] = INFERENCE__DATA_TYPE__TYPE_BOOL,     [DTYPE_FLOAT16] = INFERENCE__DATA_TYPE__TYPE_FP16,
        [DTYPE_DOUBLE] = INFERENCE__DATA_TYPE__TYPE_FP64,   [DTYPE_UINT32] = INFERENCE__DATA_TYPE__TYPE_UINT32,
        [DTYPE_UINT64] = INFERENCE__DATA_TYPE__TYPE_UINT64, [DTYPE_BFLOAT16] = INFERENCE__DATA_TYPE__TYPE_BF16,
    };
    return d->type.kind == VALUE_TENSOR ? types[d->type.dtype] : INFERENCE__DATA_TYPE__TYPE_INVALID;
}

static err_t tell_config(struct call *c, const struct model *m)
{
    const struct signature *s = &m->signature;
    AUTO_MEM Inference__ModelInput *in = mem_alloc(MAX(s->input_count, 1), sizeof(*in));
    AUTO_MEM Inference__ModelOutput *out = mem_alloc(MAX(s->output_count, 1), sizeof(*out));
    AUTO_MEM Inference__ModelInput **inputs = mem_alloc(MAX(s->input_count, 1), sizeof(*inputs));
    AUTO_MEM Inference__ModelOutput **outputs = mem_alloc(MAX(s->output_count, 1), sizeof(*outputs));
    Inference__ModelConfig config = INFERENCE__MODEL_CONFIG__INIT;
    Inference__ModelConfigResponse r = INFERENCE__MODEL_CONFIG_RESPONSE__INIT;
    if (in == NULL || out == NULL || inputs == NULL || outputs == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->input_count; i++) {
        inputs[i] = &in[i];
        inference__model_input__init(&in[i]);
        in[i].name = grpc_text(s->inputs[i].name);
        in[i].data_type = config_type(&s->inputs[i]);
        shape_of(&s->inputs[i], &in[i].n_dims, &in[i].dims);
    }
    for (size_t i = 0; i < s->output_count; i++) {
        outputs[i] = &out[i];
        inference__model_output__init(&out[i]);
        out[i].name = grpc_text(s->outputs[i].name);
        out[i].data_type = config_type(&s->outputs[i]);
        shape_of(&s->outputs[i], &out[i].n_dims, &out[i].dims);
    }
    config.name = grpc_text(name_of(c));
    config.platform = grpc_literal("onnxruntime_onnx");
    config.backend = grpc_literal("onnxruntime");
    config.n_input = s->input_count;
    config.input = inputs;
    config.n_output = s->output_count;
    config.output = outputs;
    r.config = &config;
    return grpc_put_framed(&r.base, &c->answer);
}

void grpc_model_config(struct app *app, struct http_req *req)
{
    static const struct call_form form = {
        .begin = begin, .drop = nothing, .done = nothing, .tell = tell_config, .dress = grpc_dress};
    call_ask(app, req, &form);
}

/* ── statistics: members of a list are written one by one, each with its own tag ── */

#define LIST_TAG (1 << 3 | 2) /* field 1, bytes: of ModelStatisticsResponse and of RepositoryIndexResponse */

static err_t put_member(const ProtobufCMessage *m, struct buf *out)
{
    TRY(buf_put_u8(out, LIST_TAG));
    TRY(varint_put(out, protobuf_c_message_get_packed_size(m)));
    return grpc_put(m, out);
}

static void set_duration(Inference__StatisticDuration *d, Inference__StatisticDuration **ret, uint64_t count,
                         uint64_t ns)
{
    inference__statistic_duration__init(d);
    d->count = count;
    d->ns = ns;
    *ret = d;
}

static err_t put_stats(struct buf *out, struct view name, const struct model *model)
{
    const struct model_stats none = {0};
    const struct model_stats *s = model != NULL ? &model->stats : &none;
    Inference__StatisticDuration d[6];
    Inference__InferStatistics infer = INFERENCE__INFER_STATISTICS__INIT;
    Inference__ModelStatistics m = INFERENCE__MODEL_STATISTICS__INIT;
    set_duration(&d[0], &infer.success, s->runs, s->queue_ns + s->input_ns + s->infer_ns + s->output_ns);
    set_duration(&d[1], &infer.fail, s->failures, s->failure_ns);
    set_duration(&d[2], &infer.queue, s->runs, s->queue_ns);
    set_duration(&d[3], &infer.compute_input, s->runs, s->input_ns);
    set_duration(&d[4], &infer.compute_infer, s->runs, s->infer_ns);
    set_duration(&d[5], &infer.compute_output, s->runs, s->output_ns);
    m.name = grpc_text(name);
    m.version = grpc_literal("1");
    m.last_inference = s->last_ms;
    m.inference_count = m.execution_count = s->runs;
    m.inference_stats = &infer;
    return put_member(&m.base, out);
}

static err_t put_state(struct buf *out, struct view name, const struct model *model)
{
    Inference__ModelIndex m = INFERENCE__MODEL_INDEX__INIT;
    const char *state = model == NULL ? "UNAVAILABLE" : model->state == MODEL_READY ? "READY" : "LOADING";
    m.name = grpc_text(name);
    m.version = grpc_literal("1");
    m.state = grpc_literal(state);
    m.reason = grpc_literal(model == NULL ? "not loaded; it will be when it is asked for" : "");
    return put_member(&m.base, out);
}

/* The models that the policy names. Others are nobody's business but of those who know their CIDs. */
static err_t put_named(struct app *app, struct buf *out, bool only_ready,
                       err_t (*put)(struct buf *out, struct view name, const struct model *m))
{
    for (uint32_t i = 0; i < app->conf->n_aliases; i++) {
        const struct conf_alias *alias = &app->conf->aliases[i];
        const struct model *m = models_find(app, &alias->model);
        if (!only_ready || (m != NULL && m->state == MODEL_READY))
            TRY(put(out, view_of(alias->name, strlen(alias->name)), m));
    }
    return OK;
}

static err_t begin_list(struct buf *out)
{
    static const uint8_t room[GRPC_PREFIX];
    return buf_put(out, room, sizeof(room));
}

static err_t tell_stats(struct app *app, struct http_req *req, struct buf *out, struct why *why)
{
    uint8_t name[INFER_MODEL_ID_MAX];
    size_t len = 0;
    struct wire_model model;
    TRY(read_name(app, req, name, &len, why));
    TRY(begin_list(out));
    if (len == 0)
        return put_named(app, out, true, put_stats);
    TRY(model_resolve(app->conf, view_of(name, len), &model, why));
    return put_stats(out, view_of(name, len), models_find(app, &model));
}

static err_t tell_index(struct app *app, struct http_req *req, struct buf *out, struct why *why)
{
    ProtobufCMessage *asked = NULL;
    struct grpc_memory memory = {0};
    TRY(grpc_ask(app, req, &inference__repository_index_request__descriptor, &memory, &asked, why));
    bool only_ready = ((const Inference__RepositoryIndexRequest *)asked)->ready;
    grpc_free(&asked, &memory);
    TRY(begin_list(out));
    return put_named(app, out, only_ready, put_state);
}

static void reply_list(struct app *app, struct http_req *req,
                       err_t (*tell)(struct app *app, struct http_req *req, struct buf *out, struct why *why))
{
    struct buf out = BUF_WITH(ANSWER_MAX);
    struct why why = {0};
    err_t e = tell(app, req, &out, &why);
    if (e == OK)
        grpc_prefix(out.data, out.len - GRPC_PREFIX);
    grpc_reply(req, e, &why, &out);
}

void grpc_model_statistics(struct app *app, struct http_req *req)
{
    reply_list(app, req, tell_stats);
}

void grpc_repository_index(struct app *app, struct http_req *req)
{
    reply_list(app, req, tell_index);
}
