/* Requests: raw tensors are found in the message itself, the rest is protobuf-c's. */
#include "front/grpc_infer.h"

#include "base/mem.h"
#include "base/protobuf.h"
#include <inference.pb-c.h>

#include <endian.h>
#include <string.h>

#define RAW_INPUT 7 /* raw_input_contents of ModelInferRequest */

/* ── raw tensors ── */

/* The next field of a message: its number, all of its bytes, and what they hold if that is bytes. */
static err_t next_field(struct view *in, uint32_t *ret_number, struct view *ret_whole, struct view *ret_bytes)
{
    struct view at = *in;
    struct proto_tag tag = {0};
    uint64_t number = 0;
    struct view skipped = {0};
    *ret_bytes = (struct view){0};
    TRY(proto_tag(&at, &tag));
    switch (tag.wire) {
    case PROTO_VARINT:
        TRY(proto_varint(&at, &number));
        break;
    case PROTO_FIXED64:
        TRY(view_take(&at, 8, &skipped));
        break;
    case PROTO_FIXED32:
        TRY(view_take(&at, 4, &skipped));
        break;
    case PROTO_BYTES:
        TRY(proto_bytes(&at, ret_bytes));
        break;
    default:
        return ERR_MALFORMED;
    }
    if (tag.number == RAW_INPUT && tag.wire != PROTO_BYTES)
        return ERR_MALFORMED;
    *ret_number = tag.number;
    *ret_whole = view_of(in->data, in->len - at.len);
    *in = at;
    return OK;
}

/* Counts raw tensors and the bytes of all other fields. */
static err_t measure_message(struct view message, size_t *ret_raw, size_t *ret_head)
{
    size_t raw = 0;
    size_t head = 0;
    while (message.len > 0) {
        uint32_t number = 0;
        struct view whole = {0}, bytes = {0};
        TRY(next_field(&message, &number, &whole, &bytes));
        raw += number == RAW_INPUT;
        head += number == RAW_INPUT ? 0 : whole.len;
    }
    *ret_raw = raw;
    *ret_head = head;
    return OK;
}

size_t grpc_infer_head(struct view message)
{
    size_t raw = 0;
    size_t head = message.len;
    return measure_message(message, &raw, &head) == OK ? head : message.len;
}

static err_t split(struct view message, struct grpc_infer *g, struct why *why)
{
    size_t count = 0;
    size_t head = 0;
    err_t e = measure_message(message, &count, &head);
    if (e != OK)
        return why_set(why, e, "the message is not well-formed protobuf");
    if (count > DESC_MAX_COUNT)
        return why_set(why, ERR_FIELD_VALUE, "raw_input_contents: at most %d", DESC_MAX_COUNT);
    g->raw = mem_alloc(MAX(count, 1), sizeof(*g->raw));
    if (g->raw == NULL)
        return ERR_NOMEM;
    buf_init(&g->head, head);
    TRY(buf_reserve(&g->head, head, &(uint8_t *){NULL}));
    while (message.len > 0) {
        uint32_t number = 0;
        struct view whole = {0}, bytes = {0};
        TRY(next_field(&message, &number, &whole, &bytes));
        if (number == RAW_INPUT)
            g->raw[g->n_raw++] = bytes;
        else
            TRY(buf_put_view(&g->head, whole));
    }
    return OK;
}

/* ── contents by type ── */

/* Of which list of contents the elements of a type are taken, and how wide one is there. */
struct contents {
    void *items;
    size_t count;
    size_t size;
};

static struct contents contents_of(const Inference__InferTensorContents *c, const struct dtype_info *info)
{
    bool wide = info->size == sizeof(uint64_t);
    switch (info->kind) { // NOLINT(bugprone-branch-clone): other lists each
    case DTYPE_KIND_BOOL:
        return (struct contents){c->bool_contents, c->n_bool_contents, sizeof(protobuf_c_boolean)};
    case DTYPE_KIND_INT:
        return wide ? (struct contents){c->int64_contents, c->n_int64_contents, sizeof(int64_t)}
                    : (struct contents){c->int_contents, c->n_int_contents, sizeof(int32_t)};
    case DTYPE_KIND_UINT:
        return wide ? (struct contents){c->uint64_contents, c->n_uint64_contents, sizeof(uint64_t)}
                    : (struct contents){c->uint_contents, c->n_uint_contents, sizeof(uint32_t)};
    case DTYPE_KIND_FLOAT:
        return wide ? (struct contents){c->fp64_contents, c->n_fp64_contents, sizeof(double)}
                    : (struct contents){c->fp32_contents, c->n_fp32_contents, sizeof(float)};
    case DTYPE_KIND_STRING:
    default:
        return (struct contents){c->bytes_contents, c->n_bytes_contents, 0};
    }
}

static size_t count_contents(const Inference__InferTensorContents *c)
{
    return c->n_bool_contents + c->n_int_contents + c->n_int64_contents + c->n_uint_contents + c->n_uint64_contents +
           c->n_fp32_contents + c->n_fp64_contents + c->n_bytes_contents;
}

static bool int_fits(int64_t n, const struct dtype_info *info)
{
    int64_t most = INT64_MAX >> (63 - 8 * info->size + (info->kind == DTYPE_KIND_INT));
    return n <= most && n >= (info->kind == DTYPE_KIND_INT ? -most - 1 : 0);
}

/* Elements are made as narrow as their type where they stand. The host is little-endian. */
static err_t narrow(const struct contents *c, const struct dtype_info *info, size_t n, struct why *why)
{
    uint8_t *to = c->items;
    for (size_t i = 0; i < c->count; i++) {
        int64_t element = 0;
        if (info->kind == DTYPE_KIND_INT)
            element = ((const int32_t *)c->items)[i];
        else if (info->kind == DTYPE_KIND_UINT)
            element = ((const uint32_t *)c->items)[i];
        else
            element = ((const protobuf_c_boolean *)c->items)[i] != 0;
        if (info->kind != DTYPE_KIND_BOOL && !int_fits(element, info))
            return why_set(why, ERR_VALUE_RANGE, "inputs[%zu].contents: element %zu is not a %s", n, i, info->oip);
        const uint64_t raw = htole64((uint64_t)element);
        memcpy(to + i * info->size, &raw, info->size);
    }
    return OK;
}

static err_t put_strings(struct buf *out, const struct contents *c)
{
    const ProtobufCBinaryData *items = c->items;
    for (size_t i = 0; i < c->count; i++) {
        TRY(buf_put_u32le(out, (uint32_t)items[i].len));
        TRY(buf_put_view(out, grpc_view(items[i])));
    }
    return OK;
}

static err_t take_contents(struct grpc_infer *g, const Inference__InferTensorContents *given, size_t n,
                           struct oip_input *in, struct why *why)
{
    const struct dtype_info *info = dtype_info(in->dtype);
    if (given == NULL)
        return OK;
    if (info->kind == DTYPE_KIND_FLOAT && info->size == sizeof(uint16_t))
        return why_set(why, ERR_DTYPE_UNSUPPORTED, "inputs[%zu]: %s must be sent in raw_input_contents", n, info->oip);
    const struct contents c = contents_of(given, info);
    if (c.count != count_contents(given))
        return why_set(why, ERR_FIELD_VALUE, "inputs[%zu].contents: another list than that of %s", n, info->oip);
    if (info->kind == DTYPE_KIND_STRING) {
        size_t at = g->texts.len;
        TRY(put_strings(&g->texts, &c));
        in->bytes = c.count > 0 ? view_of(g->texts.data + at, g->texts.len - at) : (struct view){0};
        return OK;
    }
    if (c.size != info->size)
        TRY(narrow(&c, info, n, why));
    in->bytes = view_of(c.items, c.count * info->size);
    return OK;
}

/* All texts in one block, which must not move while inputs refer to it. */
static err_t reserve_texts(struct grpc_infer *g, const Inference__ModelInferRequest *m)
{
    size_t total = 0;
    for (size_t n = 0; n < m->n_inputs; n++) {
        const Inference__InferTensorContents *c = m->inputs[n]->contents;
        for (size_t i = 0; c != NULL && i < c->n_bytes_contents; i++)
            total += sizeof(uint32_t) + c->bytes_contents[i].len;
    }
    if (total > g->memory.left)
        return ERR_TOO_LARGE;
    g->memory.left -= total;
    buf_init(&g->texts, total);
    return total > 0 ? buf_reserve(&g->texts, total, &(uint8_t *){NULL}) : OK;
}

/* ── inputs and outputs ── */

static const Inference__InferParameter *find(Inference__ParameterEntry **entries, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (view_is(grpc_view(entries[i]->key), key) && entries[i]->value != NULL)
            return entries[i]->value;
    return NULL;
}

static err_t take_input(struct grpc_infer *g, const Inference__InferTensor *t, size_t n, struct oip_input *ret,
                        struct why *why)
{
    if (find(t->parameters, t->n_parameters, "shared_memory_region") != NULL)
        return why_set(why, ERR_FIELD_VALUE, "inputs[%zu]: this node has no shared memory for clients", n);
    if (t->n_shape > DESC_MAX_RANK)
        return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].shape: at most %d dimensions", n, DESC_MAX_RANK);
    ret->name = grpc_view(t->name);
    ret->dtype = (uint8_t)oip_dtype(grpc_view(t->datatype));
    ret->rank = (uint8_t)t->n_shape;
    ret->dims = t->shape;
    if (ret->dtype == DTYPE_NONE)
        return why_set(why, ERR_FIELD_VALUE, "inputs[%zu].datatype: not one of the protocol", n);
    if (g->n_raw > 0 && t->contents != NULL)
        return why_set(why, ERR_FIELD_VALUE, "inputs[%zu].contents: not beside raw_input_contents", n);
    if (g->n_raw > 0)
        ret->bytes = g->raw[n];
    return take_contents(g, t->contents, n, ret, why);
}

static err_t take_inputs(struct grpc_infer *g, const Inference__ModelInferRequest *m, struct why *why)
{
    struct oip_request *r = &g->request;
    if (m->n_inputs > DESC_MAX_COUNT)
        return why_set(why, ERR_FIELD_VALUE, "inputs: at most %d", DESC_MAX_COUNT);
    if (g->n_raw > 0 && g->n_raw != m->n_inputs)
        return why_set(why, ERR_FIELD_VALUE, "raw_input_contents: one for each of the %zu inputs", m->n_inputs);
    r->inputs = mem_alloc(MAX(m->n_inputs, 1), sizeof(*r->inputs));
    if (r->inputs == NULL)
        return ERR_NOMEM;
    TRY(reserve_texts(g, m));
    for (; r->n_inputs < m->n_inputs; r->n_inputs++)
        TRY(take_input(g, m->inputs[r->n_inputs], r->n_inputs, &r->inputs[r->n_inputs], why));
    return OK;
}

static err_t take_classes(const Inference__InferParameter *p, size_t n, uint32_t *ret, struct why *why)
{
    if (p == NULL)
        return OK;
    if (p->parameter_choice_case != INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_INT64_PARAM || p->int64_param < 1 ||
        p->int64_param > OIP_CLASSES_MAX)
        return why_set(why, ERR_FIELD_VALUE, "outputs[%zu]: classification is a number from 1 to %d", n,
                       OIP_CLASSES_MAX);
    *ret = (uint32_t)p->int64_param;
    return OK;
}

/* The answer needs their names when the message is gone. `texts` of the request has its room already. */
static struct view keep(struct oip_request *r, struct view text)
{
    const uint8_t *at = r->texts.data + r->texts.len;
    err_t e = buf_put_view(&r->texts, text);
    return e == OK ? view_of(at, text.len) : (struct view){0};
}

static err_t take_outputs(struct oip_request *r, const Inference__ModelInferRequest *m, struct why *why)
{
    size_t total = m->id.len + 1;
    if (m->n_outputs > DESC_MAX_COUNT)
        return why_set(why, ERR_FIELD_VALUE, "outputs: at most %d", DESC_MAX_COUNT);
    if (m->id.len > OIP_ID_MAX)
        return why_set(why, ERR_FIELD_VALUE, "id: at most %d bytes", OIP_ID_MAX);
    for (size_t n = 0; n < m->n_outputs; n++)
        total += m->outputs[n]->name.len;
    buf_init(&r->texts, total);
    TRY(buf_reserve(&r->texts, total, &(uint8_t *){NULL}));
    r->outputs = mem_alloc(MAX(m->n_outputs, 1), sizeof(*r->outputs));
    if (r->outputs == NULL)
        return ERR_NOMEM;
    r->id = keep(r, grpc_view(m->id));
    for (; r->n_outputs < m->n_outputs; r->n_outputs++) {
        const Inference__InferRequestedOutputTensor *o = m->outputs[r->n_outputs];
        struct oip_output *to = &r->outputs[r->n_outputs];
        *to = (struct oip_output){.name = keep(r, grpc_view(o->name)), .binary = true};
        for (size_t i = 0; i < r->n_outputs; i++)
            if (view_equal(r->outputs[i].name, to->name))
                return why_set(why, ERR_FIELD_DUPLICATE, "outputs[%zu].name: stands twice", r->n_outputs);
        TRY(take_classes(find(o->parameters, o->n_parameters, "classification"), r->n_outputs, &to->classes, why));
        if (find(o->parameters, o->n_parameters, "shared_memory_region") != NULL)
            return why_set(why, ERR_FIELD_VALUE, "outputs[%zu]: this node has no shared memory for clients",
                           r->n_outputs);
    }
    return OK;
}

/* Those without a meaning here are ignored. How a stream ends is the same with and without the one that Triton lets
   clients say. */
static err_t check_parameters(const Inference__ModelInferRequest *m, struct why *why)
{
    static const char reserved[] = "triton_";
    const size_t n = sizeof(reserved) - 1;
    for (size_t i = 0; i < m->n_parameters; i++) {
        struct view key = grpc_view(m->parameters[i]->key);
        if (key.len >= n && memcmp(key.data, reserved, n) == 0 && !view_is(key, "triton_enable_empty_final_response"))
            return why_set(why, ERR_FIELD_VALUE, "parameters: names that begin with triton_ are reserved");
    }
    return OK;
}

/* A negative one is larger than any limit. */
static err_t take_number(const Inference__InferParameter *p, const char *name, uint64_t max, uint64_t *ret,
                         struct why *why)
{
    if (p == NULL)
        return OK;
    bool is_signed = p->parameter_choice_case == INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_INT64_PARAM;
    bool is_number = is_signed || p->parameter_choice_case == INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_UINT64_PARAM;
    uint64_t n = is_signed ? (uint64_t)p->int64_param : p->uint64_param;
    if (!is_number || n > max)
        return why_set(why, is_number ? ERR_FIELD_VALUE : ERR_FIELD_TYPE, "parameters.%s: an integer from 0 to %llu",
                       name, (unsigned long long)max);
    *ret = n;
    return OK;
}

/* Until when it wants its answer, and before whom. */
static err_t take_turn(const Inference__ModelInferRequest *m, unsigned priorities, struct oip_request *r,
                       struct why *why)
{
    const Inference__InferParameter *timeout = find(m->parameters, m->n_parameters, "timeout");
    const Inference__InferParameter *priority = find(m->parameters, m->n_parameters, "priority");
    TRY(take_number(timeout, "timeout", OIP_TIMEOUT_MAX, &r->timeout_us, why));
    return priorities > 0 ? take_number(priority, "priority", priorities, &r->priority, why) : OK;
}

static err_t parse(struct view message, const struct infer_limits *limits, struct grpc_infer *g, struct why *why)
{
    TRY(split(message, g, why));
    if (g->head.cap > limits->json_memory)
        return ERR_TOO_LARGE;
    g->memory.left = limits->json_memory - g->head.cap;
    err_t e = grpc_unpack(&inference__model_infer_request__descriptor, buf_view(&g->head), &g->memory, &g->message);
    if (e == ERR_MALFORMED)
        return why_set(why, e, "the message is not a ModelInferRequest");
    TRY(e);
    const Inference__ModelInferRequest *m = (const Inference__ModelInferRequest *)g->message;
    if (m->model_version.len > 0 && !view_is(grpc_view(m->model_version), "1"))
        return why_set(why, ERR_NOT_FOUND, "the only version of a model is 1");
    TRY(check_parameters(m, why));
    TRY(take_turn(m, limits->priorities, &g->request, why));
    g->name = grpc_view(m->model_name);
    g->request.binary_output = true;
    TRY(take_inputs(g, m, why));
    return take_outputs(&g->request, m, why);
}

err_t grpc_infer_parse(struct view message, const struct infer_limits *limits, struct grpc_infer *ret,
                       size_t *ret_memory, struct why *why)
{
    *ret = (struct grpc_infer){0};
    err_t e = parse(message, limits, ret, why);
    if (e != OK) {
        grpc_infer_done(ret);
        return e;
    }
    *ret_memory = limits->json_memory - ret->memory.left;
    return OK;
}

void grpc_infer_drop(struct grpc_infer *g)
{
    oip_request_drop(&g->request);
    grpc_free(&g->message, &g->memory);
    buf_done(&g->head);
    buf_done(&g->texts);
    mem_free(g->raw);
    g->raw = NULL;
    g->n_raw = 0;
    g->name = (struct view){0};
}

void grpc_infer_done(struct grpc_infer *g)
{
    grpc_infer_drop(g);
    oip_request_done(&g->request);
}
