/* Which tensors a request gives, and whether they are what the model declares. */
#include "tensor/infer_inputs.h"

#include "base/mem.h"
#include "base/text.h"
#include "tensor/json.h"

#include <string.h>

enum { TENSOR_NAME, TENSOR_VALUES, TENSOR_SHAPE, TENSOR_COUNT };
static const struct json_name tensor_names[TENSOR_COUNT] = {
    [TENSOR_NAME] = JSON_NAME("name"),
    [TENSOR_VALUES] = JSON_NAME("values"),
    [TENSOR_SHAPE] = JSON_NAME("shape"),
};

/* A declared input, and what the request has for it (source.values NULL = nothing). */
struct given {
    struct infer_source source;
    yyjson_val *shape;
    bool text; /* it stands among the strings */
};

/* "input 2 (tokens)", or "input 2" when the name is not plain and short. */
struct label {
    char text[96];
};

static struct label input_label(const struct signature *s, size_t index)
{
    struct label label = {0};
    struct view name = s->inputs[index].name;
    bool plain = name.len <= 64;
    for (size_t i = 0; plain && i < name.len; i++)
        plain = name.data[i] > 0x20 && name.data[i] < 0x7f && name.data[i] != '"' && name.data[i] != '\\';
    int len = snprintf(label.text, sizeof(label.text), "input %zu", index);
    if (plain)
        (void)snprintf(label.text + len, sizeof(label.text) - (size_t)len, " (%.*s)", (int)name.len,
                       (const char *)name.data);
    return label;
}

static err_t find_input(const struct signature *s, struct view name, size_t *ret)
{
    for (size_t i = 0; i < s->input_count; i++) {
        if (view_equal(s->inputs[i].name, name)) {
            *ret = i;
            return OK;
        }
    }
    return ERR_INPUT_UNKNOWN;
}

static err_t tensor_fields(yyjson_val *tensor, const struct infer_source *at, yyjson_val *ret[TENSOR_COUNT],
                           struct why *why)
{
    size_t twice = 0;
    err_t e = json_fields(tensor, tensor_names, TENSOR_COUNT, ret, &twice);
    if (e == ERR_FIELD_DUPLICATE)
        return why_set(why, e, "%s[%zu].%s: stands twice", at->list, at->index, tensor_names[twice].text);
    if (e != OK)
        return why_set(why, e, "%s[%zu]: an object", at->list, at->index);
    if (ret[TENSOR_NAME] == NULL)
        return why_set(why, ERR_FIELD_MISSING, "%s[%zu].name: missing", at->list, at->index);
    if (!yyjson_is_str(ret[TENSOR_NAME]))
        return why_set(why, ERR_FIELD_TYPE, "%s[%zu].name: a string", at->list, at->index);
    if (ret[TENSOR_VALUES] == NULL)
        return why_set(why, ERR_FIELD_MISSING, "%s[%zu].values: missing", at->list, at->index);
    if (!yyjson_is_arr(ret[TENSOR_VALUES]))
        return why_set(why, ERR_FIELD_TYPE, "%s[%zu].values: an array", at->list, at->index);
    return OK;
}

static err_t collect_tensor(const struct pairs *pairs, yyjson_val *tensor, struct infer_source at, bool text,
                            const struct signature *s, struct given *given, struct why *why)
{
    yyjson_val *fields[TENSOR_COUNT] = {0};
    size_t input = 0;
    TRY(tensor_fields(tensor, &at, fields, why));
    if (find_input(s, json_bytes(fields[TENSOR_NAME]), &input) != OK)
        return why_set(why, ERR_INPUT_UNKNOWN, "%s[%zu].name: the model has no such input", at.list, at.index);
    if (given[input].source.values != NULL)
        return why_set(why, ERR_INPUT_DUPLICATE, "%s[%zu].name: %s stands twice", at.list, at.index,
                       input_label(s, input).text);
    at.values = fields[TENSOR_VALUES];
    at.pairs = pairs_of(pairs, at.values);
    given[input] = (struct given){at, fields[TENSOR_SHAPE], text};
    return OK;
}

static err_t collect(const struct infer_request *r, bool text, const struct signature *s, struct given *given,
                     struct why *why)
{
    static const char *const names[2][2] = {{"numbers", "strings"}, {"num_inputs", "string_inputs"}};
    struct infer_source at = {.list = names[r->form == INFER_FORM_LISTS][text]};
    yyjson_arr_iter tensors = {0};
    (void)yyjson_arr_iter_init(text ? r->strings : r->numbers, &tensors);
    for (yyjson_val *v = yyjson_arr_iter_next(&tensors); v != NULL; v = yyjson_arr_iter_next(&tensors)) {
        TRY(collect_tensor(&r->pairs, v, at, text, s, given, why));
        at.index++;
    }
    return OK;
}

/* -1 (one dimension of the request may be left open) to the largest int64; also as a decimal string. */
static err_t read_dim(yyjson_val *v, int64_t *ret)
{
    uint64_t n = 0;
    if (yyjson_is_str(v)) {
        struct view text = json_bytes(v);
        if (view_is(text, "-1"))
            *ret = DIM_ANY;
        else if (text_u64(text, INT64_MAX, &n) == OK)
            *ret = (int64_t)n;
        else
            return ERR_FIELD_VALUE;
        return OK;
    }
    if (yyjson_is_raw(v))
        return ERR_FIELD_VALUE;
    if (!yyjson_is_int(v))
        return ERR_FIELD_TYPE;
    if (yyjson_is_sint(v) ? yyjson_get_sint(v) < DIM_ANY : yyjson_get_uint(v) > INT64_MAX)
        return ERR_FIELD_VALUE;
    *ret = yyjson_get_sint(v);
    return OK;
}

static err_t read_dims(const struct given *g, int64_t *dims, uint8_t *ret_rank, struct why *why)
{
    const struct infer_source *at = &g->source;
    size_t index = 0;
    yyjson_arr_iter entries = {0};
    if (!yyjson_is_arr(g->shape))
        return why_set(why, ERR_FIELD_TYPE, "%s[%zu].shape: an array", at->list, at->index);
    if (yyjson_arr_size(g->shape) > DESC_MAX_RANK)
        return why_set(why, ERR_FIELD_VALUE, "%s[%zu].shape: at most %d dimensions", at->list, at->index,
                       DESC_MAX_RANK);
    (void)yyjson_arr_iter_init(g->shape, &entries);
    for (yyjson_val *v = yyjson_arr_iter_next(&entries); v != NULL; v = yyjson_arr_iter_next(&entries)) {
        err_t e = read_dim(v, &dims[index]);
        if (e != OK)
            return why_set(why, e, "%s[%zu].shape[%zu]: an integer from -1 to 2^63 - 1", at->list, at->index, index);
        index++;
    }
    *ret_rank = (uint8_t)index;
    return OK;
}

/* Fills the one open dimension in and compares the product with the number of values. */
static err_t close_shape(int64_t *dims, uint8_t rank, uint64_t count)
{
    struct value_desc closed = {.rank = rank, .dims = dims};
    int64_t *open = NULL;
    uint64_t product = 0;
    for (unsigned i = 0; i < rank; i++) {
        if (dims[i] != DIM_ANY)
            continue;
        if (open != NULL)
            return ERR_SHAPE_MISMATCH;
        open = &dims[i];
        *open = 1;
    }
    if (desc_elements(&closed, &product) != OK)
        return ERR_SHAPE_MISMATCH;
    if (open == NULL)
        return product == count ? OK : ERR_SHAPE_MISMATCH;
    if (product == 0 || count % product != 0)
        return ERR_SHAPE_MISMATCH;
    *open = (int64_t)(count / product);
    return OK;
}

static uint64_t count_values(const struct infer_source *at)
{
    size_t parsed = yyjson_arr_size(at->values);
    return at->pairs.count > 0 ? at->pairs.count + parsed - 1 : parsed;
}

static err_t read_shape(const struct given *g, int64_t *dims, uint8_t *ret_rank, struct why *why)
{
    const struct infer_source *at = &g->source;
    uint64_t count = count_values(&g->source);
    if (g->shape == NULL && !g->text)
        return why_set(why, ERR_FIELD_MISSING, "%s[%zu].shape: missing", at->list, at->index);
    if (g->shape == NULL) {
        dims[0] = (int64_t)count;
        *ret_rank = 1;
        return OK;
    }
    TRY(read_dims(g, dims, ret_rank, why));
    if (close_shape(dims, *ret_rank, count) != OK)
        return why_set(why, ERR_SHAPE_MISMATCH, "%s[%zu].shape: does not give %llu elements, the number of values",
                       at->list, at->index, (unsigned long long)count);
    return OK;
}

static err_t strings_len(const struct infer_source *at, uint64_t *ret, struct why *why)
{
    uint64_t total = 0;
    size_t index = 0;
    yyjson_arr_iter values = {0};
    (void)yyjson_arr_iter_init(at->values, &values);
    for (yyjson_val *v = yyjson_arr_iter_next(&values); v != NULL; v = yyjson_arr_iter_next(&values)) {
        if (!yyjson_is_str(v))
            return why_set(why, ERR_FIELD_TYPE, "%s[%zu].values[%zu]: a string", at->list, at->index, index);
        total += sizeof(uint32_t) + unsafe_yyjson_get_len(v);
        index++;
    }
    *ret = total;
    return OK;
}

/* Describes declared input `i` as the request gives it; `dims` has room for DESC_MAX_RANK. */
static err_t describe(const struct signature *s, size_t i, const struct given *g, int64_t *dims, struct value_desc *ret,
                      uint64_t *ret_len, struct why *why)
{
    const struct value_desc *declared = &s->inputs[i];
    const struct dtype_info *info = dtype_info(declared->type.dtype);
    const struct infer_source *at = &g->source;
    struct value_desc d = {.name = declared->name, .type = {.dtype = declared->type.dtype}, .dims = dims};
    if (declared->type.kind != VALUE_TENSOR)
        return why_set(why, ERR_DTYPE_UNSUPPORTED, "%s is not a tensor", input_label(s, i).text);
    if (g->text != (info->kind == DTYPE_KIND_STRING))
        return why_set(why, ERR_DTYPE_MISMATCH, "%s[%zu]: %s is declared as %s", at->list, at->index,
                       input_label(s, i).text, info->name);
    TRY(read_shape(g, dims, &d.rank, why));
    if (desc_fits(&d, declared) != OK)
        return why_set(why, ERR_SHAPE_MISMATCH, "%s[%zu].shape: %s is declared otherwise", at->list, at->index,
                       input_label(s, i).text);
    if (g->text)
        TRY(strings_len(at, ret_len, why));
    else
        *ret_len = count_values(at) * info->size;
    *ret = d;
    return OK;
}

/* Room for one entry per declared input, in one block, which begins with `given`. */
struct work {
    struct given *given;
    struct value_desc *descs;
    uint64_t *lens;
    int64_t *dims;
};

static void work_done(struct work *w)
{
    mem_free(w->given);
}

static err_t work_init(struct work *w, size_t count)
{
    size_t each = sizeof(*w->given) + sizeof(*w->descs) + sizeof(*w->lens) + DESC_MAX_RANK * sizeof(*w->dims);
    w->given = mem_alloc(count, each);
    if (w->given == NULL)
        return ERR_NOMEM;
    w->descs = (struct value_desc *)(void *)(w->given + count);
    w->lens = (uint64_t *)(void *)(w->descs + count);
    w->dims = (int64_t *)(w->lens + count);
    return OK;
}

static err_t place(struct work *w, size_t count, size_t max_total, struct infer_inputs *in, struct why *why)
{
    err_t e = value_set_make(w->descs, count, w->lens, max_total, &in->set);
    return e == ERR_TOO_LARGE ? why_set(why, e, "the inputs need more than %zu bytes", max_total) : e;
}

err_t infer_inputs_measure(const struct infer_request *r, const struct signature *s, size_t max_total,
                           struct infer_inputs *ret, struct why *why)
{
    AUTO(infer_inputs_done) struct infer_inputs in = {0};
    AUTO(work_done) struct work w = {0};
    size_t count = 0;
    TRY(work_init(&w, MAX(s->input_count, 1)));
    TRY(collect(r, false, s, w.given, why));
    TRY(collect(r, true, s, w.given, why));
    in.sources = mem_alloc(MAX(s->input_count, 1), sizeof(*in.sources));
    if (in.sources == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->input_count; i++) {
        const struct given *g = &w.given[i];
        if (g->source.values == NULL && s->inputs[i].may_miss)
            continue;
        if (g->source.values == NULL)
            return why_set(why, ERR_INPUT_MISSING, "%s is missing", input_label(s, i).text);
        TRY(describe(s, i, g, w.dims + count * DESC_MAX_RANK, &w.descs[count], &w.lens[count], why));
        in.sources[count++] = g->source;
    }
    TRY(place(&w, count, max_total, &in, why));
    *ret = in;
    in = (struct infer_inputs){0};
    return OK;
}

void infer_inputs_done(struct infer_inputs *in)
{
    value_set_done(&in->set);
    mem_free(in->sources);
    in->sources = NULL;
}
