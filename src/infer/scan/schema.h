/* What the scan knows of the ONNX format, as tables: a row for each field of each message of onnx.proto
   (github.com/onnx/onnx, IR versions 1 to 14). */
#ifndef VERONNX_INFER_SCAN_SCHEMA_H
#define VERONNX_INFER_SCAN_SCHEMA_H

#include "base/err.h"

#define ONNX_IR_VERSION_MAX 14

enum schema_kind {
    KIND_INT32,   /* varint: sign-extended 32 bits */
    KIND_INT64,   /* varint */
    KIND_UINT64,  /* varint */
    KIND_RANGE,   /* varint: a signed number from `min` to `max` */
    KIND_SIZE,    /* varint: 0 to 2^63 - 1; the product of all elements too */
    KIND_FLOAT,   /* 4 bytes */
    KIND_DOUBLE,  /* 8 bytes */
    KIND_NAME,    /* an identifier: UTF-8 without NUL, at most scan_limits.name_len bytes */
    KIND_TEXT,    /* for people: UTF-8 without NUL, at most scan_limits.text_len bytes */
    KIND_BYTES,   /* anything */
    KIND_MESSAGE, /* schema_messages[message] */
    KIND_REFUSED, /* part of the format, but never taken */
};

enum schema_id {
    MSG_MODEL,
    MSG_METADATA, /* StringStringEntryProto of the model itself */
    MSG_ENTRY,    /* StringStringEntryProto anywhere else */
    MSG_OPSET,
    MSG_FUNCTION,
    MSG_GRAPH,
    MSG_NODE,
    MSG_ATTRIBUTE,
    MSG_TENSOR,
    MSG_SPARSE,
    MSG_VALUE_INFO,
    MSG_ANNOTATION,
    MSG_TYPE,
    MSG_TYPE_TENSOR, /* also TypeProto.SparseTensor, which has the same fields */
    MSG_TYPE_NESTED, /* TypeProto.Sequence and TypeProto.Optional */
    MSG_TYPE_MAP,
    MSG_TYPE_OPAQUE,
    MSG_SHAPE,
    MSG_DIMENSION,
    MSG_DEVICES,
    MSG_NODE_DEVICES,
    MSG_SHARDING,
    MSG_SHARDED_DIM,
    MSG_SIMPLE_SHARDING,
    MSG_DEVICE_GROUP,
    MSG_COUNT_
};

struct schema_field {
    const char *name;
    uint8_t number;
    enum schema_kind kind;
    enum schema_id message; /* KIND_MESSAGE */
    bool repeated;
    bool one_of;      /* of the fields so marked at most one may stand */
    uint8_t distinct; /* elements of fields of the same mark differ by name; 0 = need not */
    err_t refusal;    /* KIND_RANGE, KIND_REFUSED: the code; OK stands for ERR_MODEL_MALFORMED */
    int64_t min;
    int64_t max;
};

#define SCHEMA_FIELDS_MAX 18
#define SCHEMA_NO_KEY     0xff

struct schema_message {
    const struct schema_field *fields;
    uint8_t field_count;
    uint8_t key; /* the field that names the message, for `distinct`, or SCHEMA_NO_KEY */
};

extern const struct schema_message schema_messages[MSG_COUNT_];

/* The fields that the rules look at. */
enum { MODEL_IR_VERSION, MODEL_OPSET_IMPORT, MODEL_GRAPH };
enum { ENTRY_KEY };
enum { OPSET_DOMAIN, OPSET_VERSION };
enum { FUNCTION_NAME, FUNCTION_DOMAIN };
enum { NODE_INPUT, NODE_OP_TYPE, NODE_DOMAIN, NODE_ATTRIBUTE };
enum {
    ATTRIBUTE_NAME,
    ATTRIBUTE_REF_NAME,
    ATTRIBUTE_TYPE,
    ATTRIBUTE_F,
    ATTRIBUTE_I,
    ATTRIBUTE_S,
    ATTRIBUTE_T,
    ATTRIBUTE_G,
    ATTRIBUTE_SPARSE_TENSOR,
    ATTRIBUTE_TP,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_INTS,
    ATTRIBUTE_STRINGS,
    ATTRIBUTE_TENSORS,
    ATTRIBUTE_GRAPHS,
    ATTRIBUTE_SPARSE_TENSORS,
    ATTRIBUTE_TYPE_PROTOS,
};
enum {
    TENSOR_DIMS,
    TENSOR_DATA_TYPE,
    TENSOR_FLOAT_DATA,
    TENSOR_INT32_DATA,
    TENSOR_STRING_DATA,
    TENSOR_INT64_DATA,
    TENSOR_DOUBLE_DATA,
    TENSOR_UINT64_DATA,
    TENSOR_RAW_DATA,
    TENSOR_NAME,
};
enum { SPARSE_VALUES, SPARSE_INDICES, SPARSE_DIMS };
enum { SHAPE_DIM };

#endif
