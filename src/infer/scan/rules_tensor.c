/* Rules of tensors: the data has the size that type and shape say. */
#include "infer/scan/rules.h"

#include <inttypes.h>

/* TensorProto.DataType: bits of an element in raw_data (0: never raw), the typed field that may hold it instead, and
   how: an element takes `entries` entries of that field, or one entry holds `shared` elements. */
static const struct data_type {
    uint8_t bits;
    uint8_t field;
    uint8_t entries;
    uint8_t shared;
} data_types[] = {
    [1] = {32, TENSOR_FLOAT_DATA, 1, 1},    /* FLOAT */
    [2] = {8, TENSOR_INT32_DATA, 1, 1},     /* UINT8 */
    [3] = {8, TENSOR_INT32_DATA, 1, 1},     /* INT8 */
    [4] = {16, TENSOR_INT32_DATA, 1, 1},    /* UINT16 */
    [5] = {16, TENSOR_INT32_DATA, 1, 1},    /* INT16 */
    [6] = {32, TENSOR_INT32_DATA, 1, 1},    /* INT32 */
    [7] = {64, TENSOR_INT64_DATA, 1, 1},    /* INT64 */
    [8] = {0, TENSOR_STRING_DATA, 1, 1},    /* STRING */
    [9] = {8, TENSOR_INT32_DATA, 1, 1},     /* BOOL */
    [10] = {16, TENSOR_INT32_DATA, 1, 1},   /* FLOAT16 */
    [11] = {64, TENSOR_DOUBLE_DATA, 1, 1},  /* DOUBLE */
    [12] = {32, TENSOR_UINT64_DATA, 1, 1},  /* UINT32 */
    [13] = {64, TENSOR_UINT64_DATA, 1, 1},  /* UINT64 */
    [14] = {64, TENSOR_FLOAT_DATA, 2, 1},   /* COMPLEX64 */
    [15] = {128, TENSOR_DOUBLE_DATA, 2, 1}, /* COMPLEX128 */
    [16] = {16, TENSOR_INT32_DATA, 1, 1},   /* BFLOAT16 */
    [17] = {8, TENSOR_INT32_DATA, 1, 1},    /* FLOAT8E4M3FN */
    [18] = {8, TENSOR_INT32_DATA, 1, 1},    /* FLOAT8E4M3FNUZ */
    [19] = {8, TENSOR_INT32_DATA, 1, 1},    /* FLOAT8E5M2 */
    [20] = {8, TENSOR_INT32_DATA, 1, 1},    /* FLOAT8E5M2FNUZ */
    [21] = {4, TENSOR_INT32_DATA, 1, 2},    /* UINT4 */
    [22] = {4, TENSOR_INT32_DATA, 1, 2},    /* INT4 */
    [23] = {4, TENSOR_INT32_DATA, 1, 2},    /* FLOAT4E2M1 */
    [24] = {8, TENSOR_INT32_DATA, 1, 1},    /* FLOAT8E8M0 */
    [25] = {2, TENSOR_INT32_DATA, 1, 4},    /* UINT2 */
    [26] = {2, TENSOR_INT32_DATA, 1, 4},    /* INT2 */
    [27] = {6, TENSOR_INT32_DATA, 1, 1},    /* FLOAT6E2M3 */
    [28] = {6, TENSOR_INT32_DATA, 1, 1},    /* FLOAT6E3M2 */
};

#define DATA_TYPE_INT64  7
#define DATA_TYPE_STRING 8
#define STRING_BITS      256       /* what an empty one takes in memory */
#define SPARSE_BYTES_MAX INT32_MAX /* ONNX Runtime makes a dense TensorProto of it, and protobuf ends there */

static uint64_t elements_of(const struct scan_cell *dims)
{
    if (dims->zero)
        return 0;
    return dims->count > 0 ? (uint64_t)dims->number : 1;
}

static err_t count_bytes(const struct scan *s, int64_t type, uint64_t n, uint64_t *ret)
{
    unsigned bits_each = type == DATA_TYPE_STRING ? STRING_BITS : data_types[type].bits;
    uint64_t bits = 0;

    if (__builtin_mul_overflow(n, bits_each, &bits))
        return scan_refuse(s, ERR_MODEL_LIMIT, "the data would exceed 2^61 bytes");
    *ret = bits / 8 + (bits % 8 > 0);
    return OK;
}

/* Exactly one field holds the data (none if there is nothing to hold), and it holds as much as the shape says. */
static err_t check_data(const struct scan *s, const struct scan_frame *f, const struct data_type *type, uint64_t n,
                        uint64_t bytes)
{
    if (f->chosen < 0)
        return n == 0 ? OK : scan_refuse(s, ERR_MODEL_MALFORMED, "%" PRIu64 " elements and no data", n);
    if (f->chosen == TENSOR_RAW_DATA) {
        size_t len = f->cells[TENSOR_RAW_DATA].bytes.len;

        if (type->bits == 0)
            return scan_refuse(s, ERR_MODEL_MALFORMED, "raw_data holds strings");
        if (len != bytes)
            return scan_refuse(s, ERR_MODEL_MALFORMED, "raw_data has %zu bytes, not %" PRIu64, len, bytes);
        return OK;
    }
    uint64_t wanted = n / type->shared * type->entries + (n % type->shared > 0);
    uint64_t found = f->cells[f->chosen].count;
    if (f->chosen != type->field)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "the data stand in the field of another type");
    if (found != wanted)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%" PRIu64 " values, not %" PRIu64, found, wanted);
    return OK;
}

err_t rule_tensor(struct scan *s, struct scan_frame *f)
{
    const struct scan_frame *parent = &s->frames[s->depth - 2];
    const struct scan_cell *cells = f->cells;
    uint64_t n = elements_of(&cells[TENSOR_DIMS]);
    uint64_t bytes = 0;

    if (s->info.tensors++ == s->policy->limits.tensors)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " tensors", s->policy->limits.tensors);
    if (cells[TENSOR_DATA_TYPE].count == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "data_type is missing");
    int64_t type = cells[TENSOR_DATA_TYPE].number;
    TRY(count_bytes(s, type, n, &bytes));
    TRY(check_data(s, f, &data_types[type], n, bytes));
    s->info.tensor_bytes += bytes;
    if (parent->id == MSG_SPARSE)
        s->parts[parent->at] = (struct tensor_facts){.elements = n, .rank = cells[TENSOR_DIMS].count, .type = type};
    return OK;
}

/* Indices are positions in the flattened tensor, or one row of coordinates for each value. */
static bool indices_fit(const struct tensor_facts *values, const struct tensor_facts *indices, uint64_t rank)
{
    if (values->rank != 1 || indices->type != DATA_TYPE_INT64)
        return false;
    return (indices->rank == 1 && indices->elements == values->elements) ||
           (indices->rank == 2 && indices->elements == values->elements * rank);
}

err_t rule_sparse(struct scan *s, struct scan_frame *f)
{
    const struct scan_cell *dims = &f->cells[SPARSE_DIMS];
    const struct tensor_facts *values = &s->parts[SPARSE_VALUES];
    uint64_t n = elements_of(dims);
    uint64_t bytes = 0;

    if (f->cells[SPARSE_VALUES].count == 0 || f->cells[SPARSE_INDICES].count == 0 || dims->count == 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "values, indices or dims are missing");
    if (!indices_fit(values, &s->parts[SPARSE_INDICES], dims->count) || values->elements > n)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "values, indices and dims do not fit together");
    TRY(count_bytes(s, values->type, n, &bytes));
    if (bytes > SPARSE_BYTES_MAX)
        return scan_refuse(s, ERR_MODEL_LIMIT, "%" PRIu64 " bytes as a dense tensor", bytes);
    s->info.tensor_bytes += bytes;
    return OK;
}

err_t rule_shape(struct scan *s, struct scan_frame *f)
{
    if (f->cells[SHAPE_DIM].count > s->policy->limits.rank)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " dimensions", s->policy->limits.rank);
    return OK;
}
