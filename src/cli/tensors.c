/* Arguments to tensors, tensors to payloads and to JSON. */
#include "cli/tensors.h"

#include "base/fd.h"
#include "base/mem.h"
#include "cli/files.h"
#include "tensor/fixed.h"
#include "tensor/print.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <yyjson.h>

static void tensor_done(struct tensor_arg *t)
{
    mem_free(t->name);
    mem_free(t->elements);
    buf_done(&t->payload);
    yyjson_doc_free(t->document);
    *t = (struct tensor_arg){0};
}

void tensor_args_done(struct tensor_args *a)
{
    for (size_t i = 0; i < a->count; i++)
        tensor_done(&a->items[i]);
    a->count = 0;
}

const struct tensor_arg *tensor_args_find(const struct tensor_args *a, struct view name)
{
    for (size_t i = 0; i < a->count; i++)
        if (view_is(name, a->items[i].name))
            return &a->items[i];
    return NULL;
}

/* ── JSON ── */

/* The shape is that of the first element of each level; every other must be the same. */
static err_t json_shape(yyjson_val *v, struct tensor_arg *t, struct why *why)
{
    t->count = 1;
    for (; yyjson_is_arr(v); v = yyjson_arr_get_first(v)) {
        if (t->rank == DESC_MAX_RANK)
            return why_set(why, ERR_USAGE, "%s: more than %d dimensions", t->name, DESC_MAX_RANK);
        t->dims[t->rank++] = (int64_t)yyjson_arr_size(v);
        if (__builtin_mul_overflow(t->count, yyjson_arr_size(v), &t->count))
            return why_set(why, ERR_USAGE, "%s: too many elements", t->name);
    }
    t->strings = yyjson_is_str(v);
    return OK;
}

static err_t json_element(yyjson_val *v, struct tensor_arg *t, size_t index, struct why *why)
{
    struct view *text = &t->elements[index];
    t->strings = t->strings && yyjson_is_str(v); /* among numbers, "NaN" is one */
    if (yyjson_is_bool(v))
        *text = yyjson_get_bool(v) ? view_of("1", 1) : view_of("0", 1);
    else if (yyjson_is_raw(v))
        *text = view_of(yyjson_get_raw(v), yyjson_get_len(v));
    else if (yyjson_is_str(v))
        *text = view_of(yyjson_get_str(v), yyjson_get_len(v));
    else
        return why_set(why, ERR_USAGE, "%s: element %zu must be a number, a string or a boolean", t->name, index);
    return OK;
}

static err_t json_elements(yyjson_val *v, struct tensor_arg *t, unsigned level, size_t *index, struct why *why)
{
    size_t i = 0, n = 0;
    yyjson_val *item = NULL;
    if (level == t->rank)
        return json_element(v, t, (*index)++, why);
    if (!yyjson_is_arr(v) || yyjson_arr_size(v) != (size_t)t->dims[level])
        return why_set(why, ERR_USAGE, "%s: not all parts of dimension %u have the same length", t->name, level);
    yyjson_arr_foreach(v, i, n, item)
    {
        TRY(json_elements(item, t, level + 1, index, why));
    }
    return OK;
}

static err_t from_json(struct view json, struct tensor_arg *t, struct why *why)
{
    size_t index = 0;
    t->document =
        yyjson_read((const char *)json.data, json.len, YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INF_AND_NAN);
    yyjson_val *root = yyjson_doc_get_root(t->document);
    if (root == NULL)
        return why_set(why, ERR_USAGE, "%s: not valid JSON", t->name);
    TRY(json_shape(root, t, why));
    if (t->count > json.len) /* each of them takes a byte at least */
        return why_set(why, ERR_USAGE, "%s: not all parts of a dimension have the same length", t->name);
    t->elements = mem_alloc(MAX(t->count, 1U), sizeof(*t->elements));
    return t->elements != NULL ? json_elements(root, t, 0, &index, why) : ERR_NOMEM;
}

/* ── arguments ── */

static err_t new_tensor(struct tensor_args *a, struct view name, struct tensor_arg **ret, struct why *why)
{
    if (name.len == 0 || a->count == TENSORS_MAX)
        return why_set(why, ERR_USAGE, "expected NAME=JSON or NAME=@FILE, at most %d times", TENSORS_MAX);
    if (tensor_args_find(a, name) != NULL)
        return why_set(why, ERR_USAGE, "a tensor stands twice");
    struct tensor_arg *t = &a->items[a->count];
    *t = (struct tensor_arg){.name = mem_alloc(1, name.len + 1)};
    if (t->name == NULL)
        return ERR_NOMEM;
    memcpy(t->name, name.data, name.len);
    a->count++;
    *ret = t;
    return OK;
}

/* What was read in part is no tensor. */
static err_t end_tensor(struct tensor_args *a, err_t e)
{
    if (e != OK)
        tensor_done(&a->items[--a->count]);
    return e;
}

err_t tensor_args_add_json(struct tensor_args *a, struct view name, struct view json, struct why *why)
{
    struct tensor_arg *t = NULL;
    TRY(new_tensor(a, name, &t, why));
    assert(t != NULL);
    return end_tensor(a, from_json(json, t, why));
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text), k = strlen(suffix);
    return n >= k && strcmp(text + n - k, suffix) == 0;
}

static err_t from_file(const char *path, struct tensor_arg *t, struct why *why)
{
    AUTO_BUF struct buf file = BUF_WITH(TENSOR_FILE_MAX);
    TRY(file_read(path, &file, why));
    if (has_suffix(path, ".npy"))
        return tensor_from_npy(buf_view(&file), t, why);
    if (has_suffix(path, ".pb"))
        return tensor_from_pb(buf_view(&file), t, why);
    if (has_suffix(path, ".json"))
        return from_json(buf_view(&file), t, why);
    return why_set(why, ERR_USAGE, "%s: the file's name must end with .npy, .json or .pb", t->name);
}

err_t tensor_args_add(struct tensor_args *a, const char *argument, struct why *why)
{
    const char *equals = strchr(argument, '=');
    struct tensor_arg *t = NULL;
    if (equals == NULL)
        return why_set(why, ERR_USAGE, "expected NAME=JSON or NAME=@FILE");
    TRY(new_tensor(a, view_of(argument, (size_t)(equals - argument)), &t, why));
    assert(t != NULL);
    bool is_file = equals[1] == '@';
    return end_tensor(a, is_file ? from_file(equals + 2, t, why)
                                 : from_json(view_of(equals + 1, strlen(equals + 1)), t, why));
}

/* ── payloads ── */

static err_t text_payload(const struct tensor_arg *t, enum dtype dtype, struct buf *out, struct why *why)
{
    const struct dtype_info *info = dtype_info(dtype);
    uint8_t element[8];
    for (size_t i = 0; i < t->count; i++) {
        struct fixed f;
        if (dtype == DTYPE_STRING) {
            TRY(buf_put_u32le(out, (uint32_t)t->elements[i].len));
            TRY(buf_put_view(out, t->elements[i]));
            continue;
        }
        if (fixed_from_text(t->elements[i], &f) != OK || fixed_store(&f, 0, dtype, element) != OK)
            return why_set(why, ERR_VALUE_RANGE, "%s: element %zu does not fit the type %s", t->name, i, info->name);
        TRY(buf_put(out, element, info->size));
    }
    return OK;
}

err_t tensor_arg_payload(const struct tensor_arg *t, enum dtype dtype, struct buf *out, struct why *why)
{
    if (dtype_info(dtype) == NULL)
        return ERR_DTYPE_UNSUPPORTED;
    if (t->dtype == DTYPE_NONE)
        return text_payload(t, dtype, out, why);
    if (t->dtype != dtype)
        return why_set(why, ERR_DTYPE_MISMATCH, "%s: the file holds %s, the receipt says %s", t->name,
                       dtype_info(t->dtype)->name, dtype_info(dtype)->name);
    return buf_put_view(out, buf_view(&t->payload));
}

/* ── requests ── */

bool tensor_arg_is_string(const struct tensor_arg *t)
{
    return t->dtype == DTYPE_STRING || (t->dtype == DTYPE_NONE && t->strings);
}

static err_t put_value(struct buf *out, struct view text)
{
    TRY(buf_put_text(out, "{\"value\":\""));
    TRY(buf_put_view(out, text));
    return buf_put_text(out, "\",\"decimals\":0}");
}

static err_t put_typed(const struct tensor_arg *t, size_t i, struct view *rest, struct buf *out)
{
    char number[PRINT_MAX];
    struct view element = {0};
    uint32_t n = dtype_info(t->dtype)->size;
    if (t->dtype == DTYPE_STRING) {
        TRY(view_u32le(rest, &n));
        TRY(view_take(rest, n, &element));
        return print_string(out, element);
    }
    element = view_of(t->payload.data + i * n, n);
    size_t len = print_element(t->dtype, element.data, number);
    size_t quoted = len > 0 && number[0] == '"'; /* NaN and the infinities come with quotes */
    return put_value(out, view_of(number + quoted, len - 2 * quoted));
}

err_t tensor_arg_request(const struct tensor_arg *t, struct buf *out)
{
    struct view rest = buf_view(&t->payload);
    for (size_t i = 0; i < t->count; i++) {
        if (i > 0)
            TRY(buf_put_u8(out, ','));
        if (t->dtype != DTYPE_NONE)
            TRY(put_typed(t, i, &rest, out));
        else if (t->strings)
            TRY(print_string(out, t->elements[i]));
        else
            TRY(put_value(out, t->elements[i]));
    }
    return OK;
}
