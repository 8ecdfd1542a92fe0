/* The outer parts of an /infer request. */
#include "tensor/infer_request.h"

#include "base/text.h"
#include "tensor/json.h"

#include <string.h>

_Static_assert(INFER_BODY_PAD >= JSON_PAD, "json_read writes behind the body");

enum { OUTER_MODEL, OUTER_INPUTS, OUTER_NUMBERS, OUTER_STRINGS, OUTER_NONCE, OUTER_COUNT };
static const struct json_name outer_names[OUTER_COUNT] = {
    [OUTER_MODEL] = JSON_NAME("ipfs_hash"),    [OUTER_INPUTS] = JSON_NAME("model_inputs"),
    [OUTER_NUMBERS] = JSON_NAME("num_inputs"), [OUTER_STRINGS] = JSON_NAME("string_inputs"),
    [OUTER_NONCE] = JSON_NAME("nonce"),
};

enum { INNER_NUMBERS, INNER_STRINGS, INNER_COUNT };
static const struct json_name inner_names[INNER_COUNT] = {
    [INNER_NUMBERS] = JSON_NAME("numbers"),
    [INNER_STRINGS] = JSON_NAME("strings"),
};

static err_t read_document(uint8_t *text, size_t len, const char *what, const struct infer_limits *limits,
                           struct infer_request *r, struct why *why)
{
    err_t e = json_read(text, len, limits->json_depth, limits->json_memory, &r->doc, &r->memory);
    if (e == ERR_JSON_TOO_DEEP)
        return why_set(why, e, "%s: more than %u levels of arrays and objects", what, limits->json_depth);
    if (e == ERR_TOO_LARGE)
        return why_set(why, e, "%s: its values need more than %zu bytes of memory", what, limits->json_memory);
    return e == ERR_BAD_JSON ? why_set(why, e, "%s: not valid JSON", what) : e;
}

static err_t read_fields(yyjson_val *object, const char *what, const struct json_name *names, size_t count,
                         yyjson_val **ret, struct why *why)
{
    size_t twice = 0;
    err_t e = json_fields(object, names, count, ret, &twice);
    if (e == ERR_FIELD_DUPLICATE)
        return why_set(why, e, "%s: stands twice", names[twice].text);
    return e == OK ? OK : why_set(why, e, "%s: an object", what);
}

static err_t take_model_id(yyjson_val *v, struct infer_request *r, struct why *why)
{
    if (v == NULL)
        return why_set(why, ERR_FIELD_MISSING, "ipfs_hash: missing");
    if (!yyjson_is_str(v))
        return why_set(why, ERR_FIELD_TYPE, "ipfs_hash: a string");
    struct view id = json_bytes(v);
    if (id.len == 0 || id.len > INFER_MODEL_ID_MAX)
        return why_set(why, ERR_MODEL_ID_INVALID, "ipfs_hash: 1 to %d bytes", INFER_MODEL_ID_MAX);
    memcpy(r->model_id, id.data, id.len);
    r->model_id_len = id.len;
    return OK;
}

static err_t take_nonce(yyjson_val *v, struct infer_request *r, struct why *why)
{
    if (v == NULL)
        return OK;
    if (!yyjson_is_str(v))
        return why_set(why, ERR_FIELD_TYPE, "nonce: a string");
    struct view hex = json_bytes(v);
    if (hex.len < HEX_LEN(INFER_NONCE_MIN) || hex.len > HEX_LEN(INFER_NONCE_MAX) || hex.len % 2 != 0 ||
        hex_decode(hex, r->nonce, hex.len / 2) != OK)
        return why_set(why, ERR_NONCE_INVALID, "nonce: %d to %d bytes in hexadecimal", INFER_NONCE_MIN,
                       INFER_NONCE_MAX);
    r->nonce_len = hex.len / 2;
    return OK;
}

static err_t take_list(yyjson_val *v, const char *name, struct yyjson_val **ret, struct why *why)
{
    if (v != NULL && !yyjson_is_arr(v))
        return why_set(why, ERR_FIELD_TYPE, "%s: an array", name);
    *ret = v;
    return OK;
}

static err_t take_inner(yyjson_val *inner, struct infer_request *r, struct why *why)
{
    yyjson_val *fields[INNER_COUNT] = {0};
    TRY(read_fields(inner, "model_inputs", inner_names, INNER_COUNT, fields, why));
    TRY(take_list(fields[INNER_NUMBERS], inner_names[INNER_NUMBERS].text, &r->numbers, why));
    return take_list(fields[INNER_STRINGS], inner_names[INNER_STRINGS].text, &r->strings, why);
}

/* The document inside the string takes the place of the outer one, which has nothing more to give. What json_read
   overwrites behind the string is a quote, a brace, and the body's own padding or fields that were already taken. */
static err_t take_text(yyjson_val *v, uint8_t *body, const struct infer_limits *limits, struct infer_request *r,
                       struct why *why)
{
    struct view text = json_bytes(v);
    uint8_t *inner = body + (text.data - body);
    json_done(&r->doc);
    TRY(read_document(inner, text.len, "model_inputs", limits, r, why));
    return take_inner(yyjson_doc_get_root(r->doc), r, why);
}

static err_t take_inputs(yyjson_val *const outer[OUTER_COUNT], uint8_t *body, const struct infer_limits *limits,
                         struct infer_request *r, struct why *why)
{
    yyjson_val *inputs = outer[OUTER_INPUTS];
    bool lists = outer[OUTER_NUMBERS] != NULL || outer[OUTER_STRINGS] != NULL;
    if (inputs != NULL && lists)
        return why_set(why, ERR_FIELD_VALUE, "model_inputs: not together with num_inputs or string_inputs");
    if (inputs == NULL && !lists)
        return why_set(why, ERR_FIELD_MISSING, "model_inputs: missing");
    if (lists) {
        r->form = INFER_FORM_LISTS;
        TRY(take_list(outer[OUTER_NUMBERS], outer_names[OUTER_NUMBERS].text, &r->numbers, why));
        return take_list(outer[OUTER_STRINGS], outer_names[OUTER_STRINGS].text, &r->strings, why);
    }
    r->form = yyjson_is_str(inputs) ? INFER_FORM_TEXT : INFER_FORM_OBJECT;
    if (r->form == INFER_FORM_TEXT)
        return take_text(inputs, body, limits, r, why);
    return take_inner(inputs, r, why);
}

static err_t read_body(uint8_t *text, size_t len, const struct infer_limits *limits, struct infer_request *r,
                       struct why *why)
{
    yyjson_val *outer[OUTER_COUNT] = {0};
    TRY(read_document(text, len, "body", limits, r, why));
    TRY(read_fields(yyjson_doc_get_root(r->doc), "body", outer_names, OUTER_COUNT, outer, why));
    TRY(take_model_id(outer[OUTER_MODEL], r, why));
    TRY(take_nonce(outer[OUTER_NONCE], r, why));
    return take_inputs(outer, text, limits, r, why);
}

/* How many lists of numbers begin with pairs that were taken. */
static size_t count_lists(const struct infer_request *r)
{
    size_t count = 0;
    yyjson_arr_iter tensors = {0};
    (void)yyjson_arr_iter_init(r->numbers, &tensors);
    for (yyjson_val *v = yyjson_arr_iter_next(&tensors); v != NULL; v = yyjson_arr_iter_next(&tensors))
        count += pairs_of(&r->pairs, yyjson_obj_get(v, "values")).count > 0;
    return count;
}

/* Reads what is left when lists of pairs have been taken out. Any doubt is an error, whatever it is: then the body,
   which is still as it came, is read as a whole. */
static err_t read_shortened(struct view body, const struct infer_limits *limits, struct infer_request *r)
{
    uint8_t *padding = NULL;
    struct pairs *pairs = &r->pairs;
    struct infer_limits left = *limits;
    TRY(pairs_take(body, limits->json_memory, pairs));
    if (pairs->lists == 0)
        return ERR_FIELD_MISSING;
    TRY(buf_reserve(&pairs->rest, JSON_PAD, &padding));
    size_t memory = pairs->taken.cap + pairs->rest.cap;
    left.json_memory -= memory;
    TRY(read_body(pairs->rest.data, pairs->rest.len, &left, r, NULL));
    r->memory += memory;
    r->detached = true;
    return count_lists(r) == pairs->lists ? OK : ERR_FIELD_VALUE;
}

err_t infer_request_parse(struct buf *body, const struct infer_limits *limits, struct infer_request *ret,
                          struct why *why)
{
    AUTO(infer_request_done) struct infer_request r = {0};
    uint8_t *padding = NULL;
    TRY(buf_reserve(body, INFER_BODY_PAD, &padding));
    memset(padding, 0, INFER_BODY_PAD);
    if (body->len < limits->pairs_from || read_shortened(buf_view(body), limits, &r) != OK) {
        infer_request_done(&r);
        TRY(read_body(body->data, body->len, limits, &r, why));
    }
    *ret = r;
    r = (struct infer_request){0};
    return OK;
}

void infer_request_done(struct infer_request *r)
{
    json_done(&r->doc);
    pairs_done(&r->pairs);
    *r = (struct infer_request){0};
}
