/* Typed tensors from files: NumPy's .npy and ONNX's TensorProto. */
#include "cli/tensors.h"

#include "base/protobuf.h"
#include "base/text.h"

#include <string.h>

/* Elements by shape; false when they are more than 64 bits can count. */
static bool count_elements(struct tensor_arg *t)
{
    t->count = 1;
    for (unsigned i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(t->count, (uint64_t)t->dims[i], &t->count))
            return false;
    return true;
}

static bool add_dim(struct tensor_arg *t, uint64_t dim)
{
    if (t->rank == DESC_MAX_RANK || dim > INT64_MAX)
        return false;
    t->dims[t->rank++] = (int64_t)dim;
    return true;
}

/* The payload is as long as shape and type say; of strings the length is their own. */
static bool has_length(const struct tensor_arg *t, size_t len)
{
    uint64_t bytes = 0;
    return !__builtin_mul_overflow(t->count, dtype_info(t->dtype)->size, &bytes) && bytes == len;
}

/* ── .npy (numpy.lib.format, versions 1.0 to 3.0): magic, version, length, a Python dictionary, the elements ── */

#define NPY_HEADER_MAX 4096

static const struct {
    const char *descr;
    enum dtype dtype;
} npy_types[] = {
    {"'|b1'", DTYPE_BOOL},   {"'|i1'", DTYPE_INT8},    {"'|u1'", DTYPE_UINT8},  {"'<i2'", DTYPE_INT16},
    {"'<u2'", DTYPE_UINT16}, {"'<i4'", DTYPE_INT32},   {"'<u4'", DTYPE_UINT32}, {"'<i8'", DTYPE_INT64},
    {"'<u8'", DTYPE_UINT64}, {"'<f2'", DTYPE_FLOAT16}, {"'<f4'", DTYPE_FLOAT},  {"'<f8'", DTYPE_DOUBLE},
};

/* Takes the first `n` bytes and the blanks behind them. */
static void skip(struct view *v, size_t n)
{
    while (n < v->len && v->data[n] == ' ')
        n++;
    *v = view_of(v->data + n, v->len - n);
}

static bool eat(struct view *v, const char *token)
{
    size_t n = strlen(token);
    bool is_there = v->len >= n && memcmp(v->data, token, n) == 0;
    if (is_there)
        skip(v, n);
    return is_there;
}

static bool npy_number(struct view *v, uint64_t *ret)
{
    size_t n = 0;
    while (n < v->len && v->data[n] >= '0' && v->data[n] <= '9')
        n++;
    if (text_u64(view_of(v->data, n), INT64_MAX, ret) != OK)
        return false;
    skip(v, n);
    return true;
}

static bool npy_descr(struct view *v, struct tensor_arg *t)
{
    for (size_t i = 0; i < COUNT_OF(npy_types) && t->dtype == DTYPE_NONE; i++)
        if (eat(v, npy_types[i].descr))
            t->dtype = npy_types[i].dtype;
    return t->dtype != DTYPE_NONE;
}

static bool npy_order(struct view *v, struct tensor_arg *t UNUSED)
{
    return eat(v, "False");
}

static bool npy_shape(struct view *v, struct tensor_arg *t)
{
    uint64_t dim = 0;
    if (!eat(v, "("))
        return false;
    while (!eat(v, ")")) {
        if (!npy_number(v, &dim) || !add_dim(t, dim))
            return false;
        if (!eat(v, ",") && (v->len == 0 || v->data[0] != ')'))
            return false;
    }
    return true;
}

static const struct {
    const char *key;
    bool (*take)(struct view *v, struct tensor_arg *t);
    const char *wanted;
} npy_entries[] = {
    {"'descr'", npy_descr, "its type is not one of bool, int, uint and float, little-endian"},
    {"'fortran_order'", npy_order, "it is not in C order"},
    {"'shape'", npy_shape, "its shape is not well-formed"},
};

/* All three keys, each once, in any order. `ret_wrong` says what is wrong with the value of one. */
static err_t npy_dictionary(struct view v, struct tensor_arg *t, const char **ret_wrong)
{
    unsigned seen = 0;
    if (!eat(&v, "{"))
        return ERR_MALFORMED;
    while (!eat(&v, "}")) {
        size_t i = 0;
        while (i < COUNT_OF(npy_entries) && !eat(&v, npy_entries[i].key))
            i++;
        if (i == COUNT_OF(npy_entries) || (seen & 1U << i) != 0 || !eat(&v, ":"))
            return ERR_MALFORMED;
        seen |= 1U << i;
        if (!npy_entries[i].take(&v, t)) {
            *ret_wrong = npy_entries[i].wanted;
            return ERR_MALFORMED;
        }
        if (!eat(&v, ",") && (v.len == 0 || v.data[0] != '}'))
            return ERR_MALFORMED;
    }
    return seen == 7 && (v.len == 0 || view_is(v, "\n")) ? OK : ERR_MALFORMED;
}

static err_t npy_header(struct view *file, struct view *ret)
{
    static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    struct view head = {0};
    uint8_t version[2] = {0};
    uint32_t len = 0;
    uint16_t short_len = 0;
    TRY(view_take(file, sizeof(magic), &head));
    TRY(view_copy(file, version, sizeof(version)));
    if (!view_equal(head, view_of(magic, sizeof(magic))) || version[0] < 1 || version[0] > 3 || version[1] != 0)
        return ERR_MALFORMED;
    if (version[0] > 1) {
        TRY(view_u32le(file, &len));
    } else {
        TRY(view_u16le(file, &short_len));
        len = short_len;
    }
    return len <= NPY_HEADER_MAX ? view_take(file, len, ret) : ERR_MALFORMED;
}

err_t tensor_from_npy(struct view file, struct tensor_arg *t, struct why *why)
{
    struct view header = {0};
    const char *wrong = "its header is not well-formed";
    if (npy_header(&file, &header) != OK || npy_dictionary(header, t, &wrong) != OK)
        return why_set(why, ERR_USAGE, "%s: not a .npy file that can be read: %s", t->name, wrong);
    if (!count_elements(t) || !has_length(t, file.len))
        return why_set(why, ERR_USAGE, "%s: the .npy file's shape and length differ", t->name);
    buf_init(&t->payload, TENSOR_FILE_MAX);
    return buf_put_view(&t->payload, file);
}

/* ── ONNX TensorProto (onnx.proto), read twice: first what it is, then the elements ── */

#define TYPES(a) (1U << DTYPE_##a)

enum { PB_DIMS = 1, PB_TYPE = 2, PB_NAME = 8, PB_RAW = 9, PB_DOC = 12, PB_METADATA = 16 };

/* The fields that can hold elements: of which types, and how one of them stands there when they are not packed. */
static const struct pb_data {
    uint32_t number;
    enum proto_wire wire;
    unsigned types;
} pb_data[] = {
    {4, PROTO_FIXED32, TYPES(FLOAT)},
    {5, PROTO_VARINT,
     TYPES(INT8) | TYPES(UINT8) | TYPES(INT16) | TYPES(UINT16) | TYPES(INT32) | TYPES(BOOL) | TYPES(FLOAT16) |
         TYPES(BFLOAT16)},
    {6, PROTO_BYTES, TYPES(STRING)},
    {7, PROTO_VARINT, TYPES(INT64)},
    {PB_RAW, PROTO_BYTES, ~TYPES(STRING)},
    {10, PROTO_FIXED64, TYPES(DOUBLE)},
    {11, PROTO_VARINT, TYPES(UINT32) | TYPES(UINT64)},
};

struct pb_tensor {
    struct tensor_arg *t;
    bool elements;              /* the second time */
    const struct pb_data *data; /* the one field that holds elements; NULL: not seen yet */
    uint64_t strings;
};

/* Little-endian, so the low bytes of what fits are the element. */
static err_t pb_put_int(struct tensor_arg *t, uint64_t n)
{
    const struct dtype_info *info = dtype_info(t->dtype);
    unsigned unused = 64U - 8U * info->size;
    bool fits = info->kind == DTYPE_KIND_INT ? (int64_t)(n << unused) >> unused == (int64_t)n : n << unused >> unused == n;
    return fits && (info->kind != DTYPE_KIND_BOOL || n <= 1) ? buf_put(&t->payload, &n, info->size) : ERR_MALFORMED;
}

static err_t pb_put_ints(struct tensor_arg *t, struct view packed)
{
    while (packed.len > 0) {
        uint64_t n = 0;
        TRY(proto_varint(&packed, &n));
        TRY(pb_put_int(t, n));
    }
    return OK;
}

static err_t pb_put_string(struct pb_tensor *p, struct view text)
{
    p->strings++;
    TRY(buf_put_u32le(&p->t->payload, (uint32_t)text.len));
    return buf_put_view(&p->t->payload, text);
}

/* A field, of which the bytes of a number are those of its varint: so one number reads like a packed run. */
struct pb_field {
    struct proto_tag tag;
    struct view bytes;
};

static err_t pb_take(struct view *file, struct pb_field *ret)
{
    struct view before = {0};
    uint64_t n = 0;
    TRY(proto_tag(file, &ret->tag));
    before = *file;
    switch (ret->tag.wire) {
    case PROTO_VARINT:
        TRY(proto_varint(file, &n));
        ret->bytes = view_of(before.data, before.len - file->len);
        return OK;
    case PROTO_FIXED64:
        return view_take(file, 8, &ret->bytes);
    case PROTO_BYTES:
        return proto_bytes(file, &ret->bytes);
    case PROTO_FIXED32:
        return view_take(file, 4, &ret->bytes);
    default:
        return ERR_MALFORMED;
    }
}

static err_t pb_dims(struct tensor_arg *t, struct pb_field *f)
{
    while (f->bytes.len > 0) {
        uint64_t n = 0;
        TRY(proto_varint(&f->bytes, &n));
        if (!add_dim(t, n))
            return ERR_MALFORMED;
    }
    return f->tag.wire == PROTO_VARINT || f->tag.wire == PROTO_BYTES ? OK : ERR_MALFORMED;
}

static err_t pb_type(struct tensor_arg *t, struct pb_field *f)
{
    uint64_t n = 0;
    TRY(proto_varint(&f->bytes, &n));
    if (f->tag.wire != PROTO_VARINT || t->dtype != DTYPE_NONE || n > UINT8_MAX || dtype_info((unsigned)n) == NULL)
        return ERR_MALFORMED;
    t->dtype = (enum dtype)n;
    return OK;
}

static err_t pb_elements(struct pb_tensor *p, const struct pb_data *data, struct pb_field *f)
{
    bool fits = f->tag.wire == data->wire || f->tag.wire == PROTO_BYTES;
    if (!fits || (data->types & 1U << p->t->dtype) == 0 || (p->data != NULL && (p->data != data || data->number == PB_RAW)))
        return ERR_MALFORMED;
    p->data = data;
    if (data->wire == PROTO_VARINT)
        return pb_put_ints(p->t, f->bytes);
    return p->t->dtype == DTYPE_STRING ? pb_put_string(p, f->bytes) : buf_put_view(&p->t->payload, f->bytes);
}

static err_t pb_field(struct pb_tensor *p, struct pb_field *f)
{
    switch (f->tag.number) {
    case PB_DIMS:
        return p->elements ? OK : pb_dims(p->t, f);
    case PB_TYPE:
        return p->elements ? OK : pb_type(p->t, f);
    case PB_NAME:
    case PB_DOC:
    case PB_METADATA:
        return OK;
    default:
        for (size_t i = 0; i < COUNT_OF(pb_data); i++)
            if (f->tag.number == pb_data[i].number)
                return p->elements ? pb_elements(p, &pb_data[i], f) : OK;
        return ERR_MALFORMED; /* external data, a segment, or nothing that ONNX knows */
    }
}

static err_t pb_read(struct view file, struct pb_tensor *p)
{
    while (file.len > 0) {
        struct pb_field f = {0};
        TRY(pb_take(&file, &f));
        TRY(pb_field(p, &f));
    }
    return OK;
}

err_t tensor_from_pb(struct view file, struct tensor_arg *t, struct why *why)
{
    struct pb_tensor p = {.t = t};
    buf_init(&t->payload, TENSOR_FILE_MAX);
    err_t e = pb_read(file, &p);
    p.elements = true;
    if (e == OK)
        e = t->dtype != DTYPE_NONE ? pb_read(file, &p) : ERR_MALFORMED;
    if (e == ERR_NOMEM)
        return e;
    if (e != OK)
        return why_set(why, ERR_USAGE, "%s: not an ONNX TensorProto with a type that this node carries", t->name);
    if (!count_elements(t) || (t->dtype == DTYPE_STRING ? p.strings != t->count : !has_length(t, t->payload.len)))
        return why_set(why, ERR_USAGE, "%s: the TensorProto's shape and data differ", t->name);
    return OK;
}
