/* The parts of a request of the Open Inference Protocol over REST. */
#include "tensor/oip_request.h"

#include "base/mem.h"
#include "base/text.h"
#include "tensor/json.h"

#include <string.h>

enum { ROOT_ID, ROOT_PARAMETERS, ROOT_INPUTS, ROOT_OUTPUTS, ROOT_COUNT };
static const struct json_name root_names[ROOT_COUNT] = {
    [ROOT_ID] = JSON_NAME("id"),
    [ROOT_PARAMETERS] = JSON_NAME("parameters"),
    [ROOT_INPUTS] = JSON_NAME("inputs"),
    [ROOT_OUTPUTS] = JSON_NAME("outputs"),
};

enum { TENSOR_NAME, TENSOR_DATATYPE, TENSOR_SHAPE, TENSOR_DATA, TENSOR_PARAMETERS, TENSOR_COUNT };
static const struct json_name tensor_names[TENSOR_COUNT] = {
    [TENSOR_NAME] = JSON_NAME("name"),
    [TENSOR_DATATYPE] = JSON_NAME("datatype"),
    [TENSOR_SHAPE] = JSON_NAME("shape"),
    [TENSOR_DATA] = JSON_NAME("data"),
    [TENSOR_PARAMETERS] = JSON_NAME("parameters"),
};

/* Parameters with a meaning here. Others may have any name and value, except names that Triton keeps for itself. */
enum {
    PARAM_SIZE,
    PARAM_BINARY,
    PARAM_BINARY_ALL,
    PARAM_CLASSES,
    PARAM_SHARED,
    PARAM_TIMEOUT,
    PARAM_PRIORITY,
    PARAM_COUNT
};
static const struct json_name param_names[PARAM_COUNT] = {
    [PARAM_SIZE] = JSON_NAME("binary_data_size"),
    [PARAM_BINARY] = JSON_NAME("binary_data"),
    [PARAM_BINARY_ALL] = JSON_NAME("binary_data_output"),
    [PARAM_CLASSES] = JSON_NAME("classification"),
    [PARAM_SHARED] = JSON_NAME("shared_memory_region"),
    [PARAM_TIMEOUT] = JSON_NAME("timeout"),
    [PARAM_PRIORITY] = JSON_NAME("priority"),
};
#define RESERVED "triton_"

/* Where something stands: "inputs[3]", or "" for the body itself. */
struct place {
    char text[32];
};

static struct place place_of(const char *list, size_t index)
{
    struct place p = {0};
    (void)snprintf(p.text, sizeof(p.text), "%s[%zu].", list, index);
    return p;
}

static err_t read_fields(yyjson_val *object, const struct place *at, const struct json_name *names, size_t count,
                         yyjson_val **ret, struct why *why)
{
    size_t twice = 0;
    err_t e = json_fields(object, names, count, ret, &twice);
    if (e == ERR_FIELD_DUPLICATE)
        return why_set(why, e, "%s%s: stands twice", at->text, names[twice].text);
    return e == OK ? OK : why_set(why, e, "%s: an object", at->text[0] != '\0' ? at->text : "body");
}

/* ── parameters ── */

/* Every value is a string, a number or a boolean. */
static err_t check_params(yyjson_val *object, const struct place *at, struct why *why)
{
    yyjson_obj_iter fields = {0};
    (void)yyjson_obj_iter_init(object, &fields);
    for (yyjson_val *key = yyjson_obj_iter_next(&fields); key != NULL; key = yyjson_obj_iter_next(&fields)) {
        struct view name = json_bytes(key);
        if (yyjson_is_ctn(yyjson_obj_iter_get_val(key)) || yyjson_is_null(yyjson_obj_iter_get_val(key)))
            return why_set(why, ERR_FIELD_TYPE, "%sparameters: a value is no string, number or boolean", at->text);
        if (name.len >= sizeof(RESERVED) - 1 && memcmp(name.data, RESERVED, sizeof(RESERVED) - 1) == 0)
            return why_set(why, ERR_FIELD_VALUE, "%sparameters: names that begin with triton_ are reserved", at->text);
    }
    return OK;
}

static err_t read_params(yyjson_val *object, const struct place *at, yyjson_val *ret[PARAM_COUNT], struct why *why)
{
    if (object == NULL)
        return OK;
    if (!yyjson_is_obj(object))
        return why_set(why, ERR_FIELD_TYPE, "%sparameters: an object", at->text);
    TRY(check_params(object, at, why));
    TRY(read_fields(object, at, param_names, PARAM_COUNT, ret, why));
    if (ret[PARAM_SHARED] != NULL)
        return why_set(why, ERR_FIELD_VALUE, "%sparameters.shared_memory_region: this node shares no memory", at->text);
    return OK;
}

static err_t param_bool(yyjson_val *v, const struct place *at, unsigned which, bool *ret, struct why *why)
{
    if (v == NULL)
        return OK;
    if (!yyjson_is_bool(v))
        return why_set(why, ERR_FIELD_TYPE, "%sparameters.%s: a boolean", at->text, param_names[which].text);
    *ret = unsafe_yyjson_get_bool(v);
    return OK;
}

static err_t param_uint(yyjson_val *v, const struct place *at, unsigned which, uint64_t max, uint64_t *ret,
                        struct why *why)
{
    if (!yyjson_is_uint(v))
        return why_set(why, yyjson_is_num(v) || yyjson_is_raw(v) ? ERR_FIELD_VALUE : ERR_FIELD_TYPE,
                       "%sparameters.%s: a number from 0", at->text, param_names[which].text);
    if (unsafe_yyjson_get_uint(v) > max)
        return why_set(why, ERR_FIELD_VALUE, "%sparameters.%s: at most %llu", at->text, param_names[which].text,
                       (unsigned long long)max);
    *ret = unsafe_yyjson_get_uint(v);
    return OK;
}

/* ── inputs ── */

static err_t read_text(yyjson_val *v, const struct place *at, const char *name, struct view *ret, struct why *why)
{
    if (v == NULL)
        return why_set(why, ERR_FIELD_MISSING, "%s%s: missing", at->text, name);
    if (!yyjson_is_str(v))
        return why_set(why, ERR_FIELD_TYPE, "%s%s: a string", at->text, name);
    *ret = json_bytes(v);
    return OK;
}

static err_t read_shape(yyjson_val *v, const struct place *at, int64_t *dims, uint8_t *ret_rank, struct why *why)
{
    yyjson_arr_iter entries = {0};
    uint8_t rank = 0;
    if (v == NULL)
        return why_set(why, ERR_FIELD_MISSING, "%sshape: missing", at->text);
    if (!yyjson_is_arr(v))
        return why_set(why, ERR_FIELD_TYPE, "%sshape: an array", at->text);
    if (yyjson_arr_size(v) > DESC_MAX_RANK)
        return why_set(why, ERR_FIELD_VALUE, "%sshape: at most %d dimensions", at->text, DESC_MAX_RANK);
    (void)yyjson_arr_iter_init(v, &entries);
    for (yyjson_val *d = yyjson_arr_iter_next(&entries); d != NULL; d = yyjson_arr_iter_next(&entries)) {
        if (!yyjson_is_uint(d) || unsafe_yyjson_get_uint(d) > INT64_MAX)
            return why_set(why, yyjson_is_num(d) || yyjson_is_raw(d) ? ERR_FIELD_VALUE : ERR_FIELD_TYPE,
                           "%sshape[%u]: an integer from 0 to 2^63 - 1", at->text, rank);
        dims[rank++] = (int64_t)unsafe_yyjson_get_uint(d);
    }
    *ret_rank = rank;
    return OK;
}

/* Of what is still to come only the length counts. */
static err_t take_binary(struct view *binary, uint64_t size, struct view *ret)
{
    if (binary->data != NULL)
        return view_take(binary, size, ret);
    if (size > binary->len)
        return ERR_TRUNCATED;
    *ret = view_of(NULL, size);
    binary->len -= size;
    return OK;
}

/* Exactly one of `data` and binary_data_size; of the latter the next bytes behind the JSON are this tensor's. */
static err_t read_data(yyjson_val *const fields[TENSOR_COUNT], const struct place *at, struct view *binary,
                       struct oip_input *in, struct why *why)
{
    yyjson_val *params[PARAM_COUNT] = {0};
    uint64_t size = 0;
    yyjson_val *data = fields[TENSOR_DATA];
    TRY(read_params(fields[TENSOR_PARAMETERS], at, params, why));
    if (data != NULL && params[PARAM_SIZE] != NULL)
        return why_set(why, ERR_FIELD_VALUE, "%sdata: not together with binary_data_size", at->text);
    if (data == NULL && params[PARAM_SIZE] == NULL)
        return why_set(why, ERR_FIELD_MISSING, "%sdata: missing, and so is binary_data_size", at->text);
    if (data != NULL && !yyjson_is_arr(data))
        return why_set(why, ERR_FIELD_TYPE, "%sdata: an array", at->text);
    in->data = data;
    if (data != NULL)
        return OK;
    TRY(param_uint(params[PARAM_SIZE], at, PARAM_SIZE, INT64_MAX, &size, why));
    if (take_binary(binary, size, &in->bytes) != OK)
        return why_set(why, ERR_FIELD_VALUE, "%sparameters.binary_data_size: the body has only %zu bytes more",
                       at->text, binary->len);
    return OK;
}

static err_t read_input(yyjson_val *v, const struct place *at, int64_t *dims, struct view *binary, struct oip_input *in,
                        struct why *why)
{
    yyjson_val *fields[TENSOR_COUNT] = {0};
    struct view datatype = {0};
    TRY(read_fields(v, at, tensor_names, TENSOR_COUNT, fields, why));
    TRY(read_text(fields[TENSOR_NAME], at, "name", &in->name, why));
    TRY(read_text(fields[TENSOR_DATATYPE], at, "datatype", &datatype, why));
    in->dtype = (uint8_t)oip_dtype(datatype);
    if (in->dtype == DTYPE_NONE)
        return why_set(why, ERR_FIELD_VALUE, "%sdatatype: none of the protocol's", at->text);
    TRY(read_shape(fields[TENSOR_SHAPE], at, dims, &in->rank, why));
    in->dims = dims;
    return read_data(fields, at, binary, in, why);
}

static err_t read_list(yyjson_val *v, const char *name, size_t *ret_count, struct why *why)
{
    *ret_count = yyjson_arr_size(v);
    if (v != NULL && !yyjson_is_arr(v))
        return why_set(why, ERR_FIELD_TYPE, "%s: an array", name);
    if (*ret_count > DESC_MAX_COUNT)
        return why_set(why, ERR_FIELD_VALUE, "%s: at most %d", name, DESC_MAX_COUNT);
    return OK;
}

static err_t room_for_inputs(struct oip_request *r, size_t count)
{
    r->inputs = mem_alloc(MAX(count, 1), sizeof(*r->inputs));
    r->dims = mem_alloc(MAX(count, 1), DESC_MAX_RANK * sizeof(*r->dims));
    return r->inputs != NULL && r->dims != NULL ? OK : ERR_NOMEM;
}

static err_t take_inputs(yyjson_val *list, struct oip_request *r, struct why *why)
{
    size_t count = 0;
    yyjson_arr_iter inputs = {0};
    if (list == NULL)
        return why_set(why, ERR_FIELD_MISSING, "inputs: missing");
    TRY(read_list(list, "inputs", &count, why));
    TRY(room_for_inputs(r, count));
    (void)yyjson_arr_iter_init(list, &inputs);
    for (yyjson_val *v = yyjson_arr_iter_next(&inputs); v != NULL; v = yyjson_arr_iter_next(&inputs)) {
        const struct place at = place_of("inputs", r->n_inputs);
        TRY(read_input(v, &at, r->dims + r->n_inputs * DESC_MAX_RANK, &r->binary, &r->inputs[r->n_inputs], why));
        r->n_inputs++;
    }
    return r->binary.len == 0
               ? OK
               : why_set(why, ERR_FIELD_VALUE, "the body has %zu bytes more than its tensors", r->binary.len);
}

/* ── outputs ── */

/* Texts that live longer than the body. `texts` was made large enough for all of them. */
static err_t keep(struct oip_request *r, struct view text, struct view *ret)
{
    size_t at = r->texts.len;
    TRY(buf_put_view(&r->texts, text));
    *ret = view_of(r->texts.data + at, text.len);
    return OK;
}

static err_t read_output(yyjson_val *v, const struct place *at, bool binary, struct oip_output *ret, struct why *why)
{
    yyjson_val *fields[TENSOR_COUNT] = {0};
    yyjson_val *params[PARAM_COUNT] = {0};
    uint64_t classes = 0;
    TRY(read_fields(v, at, tensor_names, TENSOR_COUNT, fields, why));
    TRY(read_text(fields[TENSOR_NAME], at, "name", &ret->name, why));
    TRY(read_params(fields[TENSOR_PARAMETERS], at, params, why));
    ret->binary = binary;
    TRY(param_bool(params[PARAM_BINARY], at, PARAM_BINARY, &ret->binary, why));
    if (params[PARAM_CLASSES] != NULL)
        TRY(param_uint(params[PARAM_CLASSES], at, PARAM_CLASSES, OIP_CLASSES_MAX, &classes, why));
    ret->classes = (uint32_t)classes;
    return OK;
}

static err_t check_new(const struct oip_request *r, struct view name, const struct place *at, struct why *why)
{
    for (size_t i = 0; i < r->n_outputs; i++)
        if (view_equal(r->outputs[i].name, name))
            return why_set(why, ERR_FIELD_DUPLICATE, "%sname: this output is already in the request", at->text);
    return OK;
}

static err_t take_outputs(yyjson_val *list, struct oip_request *r, struct why *why)
{
    size_t count = 0;
    yyjson_arr_iter outputs = {0};
    TRY(read_list(list, "outputs", &count, why));
    r->outputs = mem_alloc(MAX(count, 1), sizeof(*r->outputs));
    if (r->outputs == NULL)
        return ERR_NOMEM;
    (void)yyjson_arr_iter_init(list, &outputs);
    for (yyjson_val *v = yyjson_arr_iter_next(&outputs); v != NULL; v = yyjson_arr_iter_next(&outputs)) {
        const struct place at = place_of("outputs", r->n_outputs);
        struct oip_output *o = &r->outputs[r->n_outputs];
        TRY(read_output(v, &at, r->binary_output, o, why));
        TRY(check_new(r, o->name, &at, why));
        TRY(keep(r, o->name, &o->name));
        r->n_outputs++;
    }
    return OK;
}

/* ── the body ── */

static err_t take_id(yyjson_val *v, struct oip_request *r, struct why *why)
{
    const struct place here = {""};
    struct view id = {0};
    if (v == NULL)
        return OK;
    TRY(read_text(v, &here, "id", &id, why));
    if (id.len > OIP_ID_MAX)
        return why_set(why, ERR_FIELD_VALUE, "id: at most %d bytes", OIP_ID_MAX);
    return keep(r, id, &r->id);
}

/* Until when it wants its answer, and before whom. */
static err_t take_turn(yyjson_val *const params[PARAM_COUNT], unsigned priorities, struct oip_request *r,
                       struct why *why)
{
    const struct place here = {""};
    if (params[PARAM_TIMEOUT] != NULL)
        TRY(param_uint(params[PARAM_TIMEOUT], &here, PARAM_TIMEOUT, OIP_TIMEOUT_MAX, &r->timeout_us, why));
    if (params[PARAM_PRIORITY] != NULL && priorities > 0)
        TRY(param_uint(params[PARAM_PRIORITY], &here, PARAM_PRIORITY, priorities, &r->priority, why));
    return OK;
}

static err_t take_root(yyjson_val *root, unsigned priorities, struct oip_request *r, struct why *why)
{
    const struct place here = {""};
    yyjson_val *fields[ROOT_COUNT] = {0};
    yyjson_val *params[PARAM_COUNT] = {0};
    TRY(read_fields(root, &here, root_names, ROOT_COUNT, fields, why));
    TRY(take_id(fields[ROOT_ID], r, why));
    TRY(read_params(fields[ROOT_PARAMETERS], &here, params, why));
    TRY(param_bool(params[PARAM_BINARY_ALL], &here, PARAM_BINARY_ALL, &r->binary_output, why));
    TRY(take_turn(params, priorities, r, why));
    TRY(take_outputs(fields[ROOT_OUTPUTS], r, why));
    return take_inputs(fields[ROOT_INPUTS], r, why);
}

/* The parser writes a few bytes behind the text, where a tensor may begin. */
static err_t read_json(struct buf *body, size_t len, const struct infer_limits *limits, struct oip_request *r,
                       struct why *why)
{
    uint8_t behind[JSON_PAD];
    memcpy(behind, body->data + len, JSON_PAD);
    err_t e = json_read(body->data, len, limits->json_depth, limits->json_memory, &r->doc, &r->memory);
    memcpy(body->data + len, behind, JSON_PAD);
    if (e == ERR_JSON_TOO_DEEP)
        return why_set(why, e, "body: more than %u levels of arrays and objects", limits->json_depth);
    if (e == ERR_TOO_LARGE)
        return why_set(why, e, "body: its values need more than %zu bytes of memory", limits->json_memory);
    return e == ERR_BAD_JSON ? why_set(why, e, "body: not valid JSON") : e;
}

err_t oip_json_len(struct view field, size_t body, size_t *ret_len, struct why *why)
{
    uint64_t len = body;
    if (field.data != NULL && text_u64(field, body, &len) != OK)
        return why_set(why, ERR_FIELD_VALUE,
                       "header Inference-Header-Content-Length: a number up to %zu, the length of "
                       "the body",
                       body);
    *ret_len = (size_t)len;
    return OK;
}

err_t oip_request_parse(struct buf *body, size_t json_len, bool raw, size_t later, const struct infer_limits *limits,
                        struct oip_request *ret, struct why *why)
{
    AUTO(oip_request_done) struct oip_request r = {.raw = raw, .binary_output = raw};
    uint8_t *padding = NULL;
    if (raw)
        r.binary = buf_view(body);
    if (!raw) {
        TRY(buf_reserve(body, JSON_PAD, &padding));
        memset(padding, 0, JSON_PAD);
        buf_init(&r.texts, MIN(json_len, DESC_MAX_BYTES + OIP_ID_MAX));
        r.binary = later > 0 ? view_of(NULL, later) : view_of(body->data + json_len, body->len - json_len);
        TRY(read_json(body, json_len, limits, &r, why));
        TRY(buf_reserve(&r.texts, r.texts.max, &padding));
        TRY(take_root(yyjson_doc_get_root(r.doc), limits->priorities, &r, why));
    }
    *ret = r;
    r = (struct oip_request){0};
    return OK;
}

/* ── against a model ── */

/* Of the declared shape one dimension may be open, and takes what the others leave; beside it also the first one, which
   is then a batch of one. */
static err_t close_raw_shape(const struct value_desc *d, size_t bytes, int64_t *dims)
{
    uint64_t known = MAX(dtype_info(d->type.dtype)->size, 1U);
    unsigned open = d->rank;
    for (unsigned i = 0; i < d->rank; i++) {
        dims[i] = d->dims[i] == DIM_ANY ? 1 : d->dims[i];
        if (d->dims[i] == DIM_ANY && open < d->rank && open > 0)
            return ERR_SHAPE_MISMATCH;
        if (d->dims[i] == DIM_ANY)
            open = i;
        if (__builtin_mul_overflow(known, (uint64_t)dims[i], &known))
            return ERR_SHAPE_MISMATCH;
    }
    if (open < d->rank && d->type.dtype != DTYPE_STRING)
        dims[open] = known > 0 ? (int64_t)(bytes / known) : 0;
    return OK;
}

/* The whole body is the only input. */
static err_t describe_raw(struct oip_request *r, const struct signature *s, struct why *why)
{
    const struct value_desc *d = s->inputs;
    if (s->input_count != 1)
        return why_set(why, ERR_FIELD_VALUE, "a raw request is for models with one input");
    if (d->type.kind != VALUE_TENSOR || d->rank == RANK_UNKNOWN)
        return why_set(why, ERR_DTYPE_UNSUPPORTED, "a raw request is for a tensor of a declared rank");
    if (r->inputs == NULL)
        TRY(room_for_inputs(r, 1));
    if (close_raw_shape(d, r->binary.len, r->dims) != OK)
        return why_set(why, ERR_SHAPE_MISMATCH,
                       "a raw request is for an input with one open dimension behind the batch");
    r->inputs[0] = (struct oip_input){
        .name = d->name,
        .dtype = d->type.dtype,
        .rank = d->rank,
        .bare = d->type.dtype == DTYPE_STRING,
        .dims = r->dims,
        .bytes = r->binary,
    };
    r->n_inputs = 1;
    return OK;
}

static const struct value_desc *find_output(const struct signature *s, struct view name)
{
    for (size_t i = 0; i < s->output_count; i++)
        if (view_equal(s->outputs[i].name, name))
            return &s->outputs[i];
    return NULL;
}

static err_t check_output(const struct value_desc *d, struct why *why)
{
    return d->type.kind == VALUE_TENSOR ? OK
                                        : why_set(why, ERR_OUTPUT_UNSUPPORTED,
                                                  "the model has an output that is a sequence or a map; name others in "
                                                  "`outputs`");
}

static err_t check_classes(const struct oip_output *o, const struct value_desc *d, size_t n, struct why *why)
{
    return o->classes == 0 || d->type.dtype != DTYPE_STRING
               ? OK
               : why_set(why, ERR_DTYPE_UNSUPPORTED, "outputs[%zu]: BYTES cannot be classified", n);
}

static err_t check_outputs(const struct oip_request *r, const struct signature *s, struct why *why)
{
    for (size_t i = 0; r->n_outputs == 0 && i < s->output_count; i++)
        TRY(check_output(&s->outputs[i], why));
    for (size_t i = 0; i < r->n_outputs; i++) {
        const struct value_desc *d = find_output(s, r->outputs[i].name);
        if (d == NULL)
            return why_set(why, ERR_OUTPUT_UNKNOWN, "outputs[%zu].name: the model has no such output", i);
        TRY(check_output(d, why));
        TRY(check_classes(&r->outputs[i], d, i, why));
    }
    return OK;
}

err_t oip_request_measure(struct oip_request *r, const struct signature *s, size_t max_total, struct value_set *ret,
                          struct why *why)
{
    TRY(check_outputs(r, s, why));
    if (r->raw)
        TRY(describe_raw(r, s, why));
    mem_free(r->order);
    r->order = mem_alloc(MAX(s->input_count, 1), sizeof(*r->order));
    if (r->order == NULL)
        return ERR_NOMEM;
    return oip_inputs_measure(r->inputs, r->n_inputs, s, max_total, ret, r->order, why);
}

err_t oip_request_fill(const struct oip_request *r, const struct value_set *set, uint8_t *area, struct why *why)
{
    for (size_t i = 0; i < set->descs.count; i++) {
        struct value_place place = set->places[i];
        TRY(oip_input_fill(&r->inputs[r->order[i]], r->order[i], area + place.offset, place.len, why));
    }
    return OK;
}

void oip_request_drop(struct oip_request *r)
{
    json_done(&r->doc);
    mem_free(r->inputs);
    mem_free(r->dims);
    mem_free(r->order);
    r->inputs = NULL;
    r->dims = NULL;
    r->order = NULL;
    r->n_inputs = 0;
}

void oip_request_done(struct oip_request *r)
{
    oip_request_drop(r);
    mem_free(r->outputs);
    buf_done(&r->texts);
    *r = (struct oip_request){0};
}
