/* Typed tensors from files: NumPy's .npy and ONNX's TensorProto. */
#include "cli/tensors.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ── .npy (numpy.lib.format, versions 1.0 to 3.0) ── */

static const struct {
    const char *descr;
    enum dtype dtype;
} npy_types[] = {
    {"'|b1'", DTYPE_BOOL},  {"'|i1'", DTYPE_INT8},   {"'|u1'", DTYPE_UINT8},   {"'<i2'", DTYPE_INT16},
    {"'<u2'", DTYPE_UINT16}, {"'<i4'", DTYPE_INT32},  {"'<u4'", DTYPE_UINT32},  {"'<i8'", DTYPE_INT64},
    {"'<u8'", DTYPE_UINT64}, {"'<f2'", DTYPE_FLOAT16}, {"'<f4'", DTYPE_FLOAT},  {"'<f8'", DTYPE_DOUBLE},
};

/* What stands behind `key` in the header's dictionary; NULL when it is not there. */
static const char *npy_field(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (at == NULL)
        return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':')
        at++;
    return at;
}

static err_t npy_shape(const char *at, struct tensor_arg *t)
{
    t->count = 1;
    if (at == NULL || *at++ != '(')
        return ERR_MALFORMED;
    while (*at != ')') {
        size_t n = strspn(at, "0123456789");
        uint64_t dim = 0;
        if (n == 0 || t->rank == DESC_MAX_RANK || text_u64(view_of(at, n), INT64_MAX, &dim) != OK ||
            __builtin_mul_overflow(t->count, dim, &t->count))
            return ERR_MALFORMED;
        t->dims[t->rank++] = (int64_t)dim;
        at += n + strspn(at + n, ", ");
    }
    return OK;
}

static err_t npy_header(struct view *file, char *ret_text, size_t size)
{
    static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    struct view head = {0}, text = {0};
    uint8_t major = 0, minor = 0;
    uint32_t len = 0;
    uint16_t short_len = 0;
    TRY(view_take(file, sizeof(magic), &head));
    if (!view_equal(head, view_of(magic, sizeof(magic))))
        return ERR_MALFORMED;
    TRY(view_u8(file, &major));
    TRY(view_u8(file, &minor));
    if (major == 1) {
        TRY(view_u16le(file, &short_len));
        len = short_len;
    } else {
        TRY(view_u32le(file, &len));
    }
    if (major < 1 || major > 3 || len >= size)
        return ERR_MALFORMED;
    TRY(view_take(file, len, &text));
    memcpy(ret_text, text.data, len);
    ret_text[len] = '\0';
    return OK;
}

err_t tensor_from_npy(struct view file, struct tensor_arg *t, struct why *why)
{
    char header[4096];
    if (npy_header(&file, header, sizeof(header)) != OK)
        return why_set(why, ERR_USAGE, "%s: not a .npy file", t->name);
    const char *descr = npy_field(header, "'descr'");
    const char *order = npy_field(header, "'fortran_order'");
    for (size_t i = 0; descr != NULL && i < COUNT_OF(npy_types); i++)
        if (strncmp(descr, npy_types[i].descr, strlen(npy_types[i].descr)) == 0)
            t->dtype = npy_types[i].dtype;
    if (t->dtype == DTYPE_NONE)
        return why_set(why, ERR_USAGE, "%s: the .npy file's type is not one of bool, int, uint, float (little-endian)",
                       t->name);
    if (order == NULL || strncmp(order, "False", 5) != 0)
        return why_set(why, ERR_USAGE, "%s: the .npy file must be in C order", t->name);
    uint64_t bytes = 0;
    if (npy_shape(npy_field(header, "'shape'"), t) != OK ||
        __builtin_mul_overflow(t->count, dtype_info(t->dtype)->size, &bytes) || bytes != file.len)
        return why_set(why, ERR_USAGE, "%s: the .npy file's shape and length differ", t->name);
    buf_init(&t->payload, TENSOR_FILE_MAX);
    return buf_put_view(&t->payload, file);
}

/* ── ONNX TensorProto: the fields that exporters of test data write ── */

enum { PB_DIMS = 1, PB_TYPE = 2, PB_FLOATS = 4, PB_INT32S = 5, PB_STRINGS = 6, PB_INT64S = 7, PB_RAW = 9,
       PB_DOUBLES = 10, PB_UINT64S = 11 };

static err_t pb_varint(struct view *v, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = 0;
        TRY(view_u8(v, &byte));
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = n;
            return OK;
        }
    }
    return ERR_MALFORMED;
}

static err_t pb_put_int(struct tensor_arg *t, uint64_t n)
{
    return buf_put(&t->payload, &n, dtype_info(t->dtype)->size); /* little-endian: the low bytes are the element */
}

/* A number of a repeated field, one by one or packed. */
static err_t pb_number(struct tensor_arg *t, unsigned field, uint64_t n)
{
    if (field == PB_DIMS) {
        if (t->rank == DESC_MAX_RANK || n > INT64_MAX)
            return ERR_MALFORMED;
        t->dims[t->rank++] = (int64_t)n;
        return OK;
    }
    if (field == PB_TYPE) {
        t->dtype = (enum dtype)n;
        return dtype_info((unsigned)n) != NULL ? OK : ERR_DTYPE_UNSUPPORTED;
    }
    if (field == PB_INT32S || field == PB_INT64S || field == PB_UINT64S)
        return t->dtype != DTYPE_NONE ? pb_put_int(t, n) : ERR_MALFORMED;
    return OK;
}

static err_t pb_bytes(struct tensor_arg *t, unsigned field, struct view bytes)
{
    if (field == PB_RAW || field == PB_FLOATS || field == PB_DOUBLES)
        return buf_put_view(&t->payload, bytes);
    if (field == PB_STRINGS) {
        TRY(buf_put_u32le(&t->payload, (uint32_t)bytes.len));
        return buf_put_view(&t->payload, bytes);
    }
    while (bytes.len > 0 && (field == PB_DIMS || field == PB_INT32S || field == PB_INT64S || field == PB_UINT64S)) {
        uint64_t n = 0;
        TRY(pb_varint(&bytes, &n));
        TRY(pb_number(t, field, n));
    }
    return OK;
}

static err_t pb_field(struct view *file, struct tensor_arg *t)
{
    uint64_t key = 0, n = 0;
    struct view bytes = {0};
    TRY(pb_varint(file, &key));
    unsigned field = (unsigned)(key >> 3);
    switch (key & 7) {
    case 0:
        TRY(pb_varint(file, &n));
        return pb_number(t, field, n);
    case 1:
        TRY(view_take(file, 8, &bytes));
        return pb_bytes(t, field, bytes);
    case 2:
        TRY(pb_varint(file, &n));
        TRY(view_take(file, n, &bytes));
        return pb_bytes(t, field, bytes);
    case 5:
        TRY(view_take(file, 4, &bytes));
        return pb_bytes(t, field, bytes);
    default:
        return ERR_MALFORMED;
    }
}

err_t tensor_from_pb(struct view file, struct tensor_arg *t, struct why *why)
{
    buf_init(&t->payload, TENSOR_FILE_MAX);
    while (file.len > 0)
        if (pb_field(&file, t) != OK)
            return why_set(why, ERR_USAGE, "%s: not an ONNX TensorProto with a type this node carries", t->name);
    t->count = 1;
    for (unsigned i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(t->count, (uint64_t)t->dims[i], &t->count))
            return why_set(why, ERR_USAGE, "%s: too many elements", t->name);
    if (t->dtype == DTYPE_NONE || (t->dtype != DTYPE_STRING && t->payload.len != t->count * dtype_info(t->dtype)->size))
        return why_set(why, ERR_USAGE, "%s: the TensorProto's shape and data differ", t->name);
    return OK;
}
