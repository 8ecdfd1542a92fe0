/* The tables of the ONNX format. Rows that rules look at come first and carry their index. */
#include "infer/scan/schema.h"

#define ELEM_TYPE_MAX 28 /* TensorProto.DataType: FLOAT6E3M2 */

/* Rows: name, number, kind or message, then what is special about it. */
#define FIELD(n, num, k, ...)                                                                                          \
    {                                                                                                                  \
        .name = n, .number = num, .kind = KIND_##k, __VA_ARGS__                                                        \
    }
#define MESSAGE(n, num, m, ...)                                                                                        \
    {                                                                                                                  \
        .name = n, .number = num, .kind = KIND_MESSAGE, .message = MSG_##m, __VA_ARGS__                                \
    }
#define LIST(n, num, k, ...)     FIELD(n, num, k, .repeated = true, __VA_ARGS__)
#define MESSAGES(n, num, m, ...) MESSAGE(n, num, m, .repeated = true, __VA_ARGS__)

static const struct schema_field model_fields[] = {
    [MODEL_IR_VERSION] =
        FIELD("ir_version", 1, RANGE, .min = 1, .max = ONNX_IR_VERSION_MAX, .refusal = ERR_MODEL_OPSET_UNSUPPORTED),
    [MODEL_OPSET_IMPORT] = MESSAGES("opset_import", 8, OPSET),
    [MODEL_GRAPH] = MESSAGE("graph", 7, GRAPH),
    FIELD("producer_name", 2, TEXT),
    FIELD("producer_version", 3, TEXT),
    FIELD("domain", 4, TEXT),
    FIELD("model_version", 5, INT64),
    FIELD("doc_string", 6, TEXT),
    MESSAGES("metadata_props", 14, METADATA, .distinct = 1),
    FIELD("training_info", 20, REFUSED, .refusal = ERR_MODEL_REFUSED),
    MESSAGES("functions", 25, FUNCTION),
    MESSAGES("configuration", 26, DEVICES),
};

static const struct schema_field entry_fields[] = {
    [ENTRY_KEY] = FIELD("key", 1, TEXT),
    FIELD("value", 2, TEXT),
};

static const struct schema_field opset_fields[] = {
    [OPSET_DOMAIN] = FIELD("domain", 1, NAME),
    [OPSET_VERSION] = FIELD("version", 2, RANGE, .min = 1, .max = INT32_MAX, .refusal = ERR_MODEL_OPSET_UNSUPPORTED),
};

static const struct schema_field function_fields[] = {
    [FUNCTION_NAME] = FIELD("name", 1, NAME),
    [FUNCTION_DOMAIN] = FIELD("domain", 10, NAME),
    LIST("input", 4, NAME, .distinct = 1),
    LIST("output", 5, NAME, .distinct = 2),
    LIST("attribute", 6, NAME, .distinct = 3),
    MESSAGES("attribute_proto", 11, ATTRIBUTE, .distinct = 3),
    MESSAGES("node", 7, NODE),
    FIELD("doc_string", 8, TEXT),
    MESSAGES("opset_import", 9, OPSET),
    MESSAGES("value_info", 12, VALUE_INFO),
    FIELD("overload", 13, NAME),
    MESSAGES("metadata_props", 14, ENTRY),
};

static const struct schema_field graph_fields[] = {
    MESSAGES("node", 1, NODE),
    FIELD("name", 2, NAME),
    MESSAGES("initializer", 5, TENSOR, .distinct = 3),
    FIELD("doc_string", 10, TEXT),
    MESSAGES("input", 11, VALUE_INFO, .distinct = 1),
    MESSAGES("output", 12, VALUE_INFO, .distinct = 2),
    MESSAGES("value_info", 13, VALUE_INFO),
    MESSAGES("quantization_annotation", 14, ANNOTATION),
    MESSAGES("sparse_initializer", 15, SPARSE, .distinct = 3),
    MESSAGES("metadata_props", 16, ENTRY),
};

static const struct schema_field node_fields[] = {
    [NODE_INPUT] = LIST("input", 1, NAME),
    [NODE_OP_TYPE] = FIELD("op_type", 4, NAME),
    [NODE_DOMAIN] = FIELD("domain", 7, NAME),
    [NODE_ATTRIBUTE] = MESSAGES("attribute", 5, ATTRIBUTE, .distinct = 1),
    LIST("output", 2, NAME),
    FIELD("name", 3, NAME),
    FIELD("doc_string", 6, TEXT),
    FIELD("overload", 8, NAME),
    MESSAGES("metadata_props", 9, ENTRY),
    MESSAGES("device_configurations", 10, NODE_DEVICES),
};

static const struct schema_field attribute_fields[] = {
    [ATTRIBUTE_NAME] = FIELD("name", 1, NAME),
    [ATTRIBUTE_REF_NAME] = FIELD("ref_attr_name", 21, NAME, .one_of = true),
    [ATTRIBUTE_TYPE] = FIELD("type", 20, RANGE, .min = 0, .max = 14),
    [ATTRIBUTE_F] = FIELD("f", 2, FLOAT, .one_of = true),
    [ATTRIBUTE_I] = FIELD("i", 3, INT64, .one_of = true),
    [ATTRIBUTE_S] = FIELD("s", 4, BYTES, .one_of = true),
    [ATTRIBUTE_T] = MESSAGE("t", 5, TENSOR, .one_of = true),
    [ATTRIBUTE_G] = MESSAGE("g", 6, GRAPH, .one_of = true),
    [ATTRIBUTE_SPARSE_TENSOR] = MESSAGE("sparse_tensor", 22, SPARSE, .one_of = true),
    [ATTRIBUTE_TP] = MESSAGE("tp", 14, TYPE, .one_of = true),
    [ATTRIBUTE_FLOATS] = LIST("floats", 7, FLOAT, .one_of = true),
    [ATTRIBUTE_INTS] = LIST("ints", 8, INT64, .one_of = true),
    [ATTRIBUTE_STRINGS] = LIST("strings", 9, BYTES, .one_of = true),
    [ATTRIBUTE_TENSORS] = MESSAGES("tensors", 10, TENSOR, .one_of = true),
    [ATTRIBUTE_GRAPHS] = MESSAGES("graphs", 11, GRAPH, .one_of = true),
    [ATTRIBUTE_SPARSE_TENSORS] = MESSAGES("sparse_tensors", 23, SPARSE, .one_of = true),
    [ATTRIBUTE_TYPE_PROTOS] = MESSAGES("type_protos", 15, TYPE, .one_of = true),
    FIELD("doc_string", 13, TEXT),
};
_Static_assert(COUNT_OF(attribute_fields) == SCHEMA_FIELDS_MAX, "the message with the most fields");

static const struct schema_field tensor_fields[] = {
    [TENSOR_DIMS] = LIST("dims", 1, SIZE),
    [TENSOR_DATA_TYPE] = FIELD("data_type", 2, RANGE, .min = 1, .max = ELEM_TYPE_MAX),
    [TENSOR_FLOAT_DATA] = LIST("float_data", 4, FLOAT, .one_of = true),
    [TENSOR_INT32_DATA] = LIST("int32_data", 5, INT32, .one_of = true),
    [TENSOR_STRING_DATA] = LIST("string_data", 6, BYTES, .one_of = true),
    [TENSOR_INT64_DATA] = LIST("int64_data", 7, INT64, .one_of = true),
    [TENSOR_DOUBLE_DATA] = LIST("double_data", 10, DOUBLE, .one_of = true),
    [TENSOR_UINT64_DATA] = LIST("uint64_data", 11, UINT64, .one_of = true),
    [TENSOR_RAW_DATA] = FIELD("raw_data", 9, BYTES, .one_of = true),
    [TENSOR_NAME] = FIELD("name", 8, NAME),
    FIELD("segment", 3, REFUSED, .refusal = ERR_MODEL_REFUSED),
    FIELD("doc_string", 12, TEXT),
    FIELD("external_data", 13, REFUSED, .refusal = ERR_MODEL_EXTERNAL_DATA),
    FIELD("data_location", 14, RANGE, .min = 0, .max = 0, .refusal = ERR_MODEL_EXTERNAL_DATA),
    MESSAGES("metadata_props", 16, ENTRY),
};

static const struct schema_field sparse_fields[] = {
    [SPARSE_VALUES] = MESSAGE("values", 1, TENSOR),
    [SPARSE_INDICES] = MESSAGE("indices", 2, TENSOR),
    [SPARSE_DIMS] = LIST("dims", 3, SIZE),
};

static const struct schema_field value_info_fields[] = {
    FIELD("name", 1, NAME),
    MESSAGE("type", 2, TYPE),
    FIELD("doc_string", 3, TEXT),
    MESSAGES("metadata_props", 4, ENTRY),
};

static const struct schema_field annotation_fields[] = {
    FIELD("tensor_name", 1, NAME),
    MESSAGES("quant_parameter_tensor_names", 2, ENTRY),
};

static const struct schema_field type_fields[] = {
    MESSAGE("tensor_type", 1, TYPE_TENSOR, .one_of = true),
    MESSAGE("sequence_type", 4, TYPE_NESTED, .one_of = true),
    MESSAGE("map_type", 5, TYPE_MAP, .one_of = true),
    FIELD("denotation", 6, TEXT),
    MESSAGE("opaque_type", 7, TYPE_OPAQUE, .one_of = true),
    MESSAGE("sparse_tensor_type", 8, TYPE_TENSOR, .one_of = true),
    MESSAGE("optional_type", 9, TYPE_NESTED, .one_of = true),
};

static const struct schema_field type_tensor_fields[] = {
    FIELD("elem_type", 1, RANGE, .min = 0, .max = ELEM_TYPE_MAX),
    MESSAGE("shape", 2, SHAPE),
};

static const struct schema_field type_nested_fields[] = {
    MESSAGE("elem_type", 1, TYPE),
};

static const struct schema_field type_map_fields[] = {
    FIELD("key_type", 1, RANGE, .min = 0, .max = ELEM_TYPE_MAX),
    MESSAGE("value_type", 2, TYPE),
};

static const struct schema_field type_opaque_fields[] = {
    FIELD("domain", 1, NAME),
    FIELD("name", 2, NAME),
};

static const struct schema_field shape_fields[] = {
    [SHAPE_DIM] = MESSAGES("dim", 1, DIMENSION),
};

static const struct schema_field dimension_fields[] = {
    FIELD("dim_value", 1, RANGE, .one_of = true, .min = -1, .max = INT64_MAX), /* -1: how old exporters say "unknown" */
    FIELD("dim_param", 2, NAME, .one_of = true),
    FIELD("denotation", 3, TEXT),
};

/* Hints for several devices: read as strictly as the rest, and without meaning on a CPU. */
static const struct schema_field devices_fields[] = {
    FIELD("name", 1, NAME),
    FIELD("num_devices", 2, INT32),
    LIST("device", 3, NAME),
};

static const struct schema_field node_devices_fields[] = {
    FIELD("configuration_id", 1, NAME),
    MESSAGES("sharding_spec", 2, SHARDING),
    FIELD("pipeline_stage", 3, INT32),
};

static const struct schema_field sharding_fields[] = {
    FIELD("tensor_name", 1, NAME),
    LIST("device", 2, INT64),
    MESSAGES("index_to_device_group_map", 3, DEVICE_GROUP),
    MESSAGES("sharded_dim", 4, SHARDED_DIM),
};

static const struct schema_field sharded_dim_fields[] = {
    FIELD("axis", 1, INT64),
    MESSAGES("simple_sharding", 2, SIMPLE_SHARDING),
};

static const struct schema_field simple_sharding_fields[] = {
    FIELD("dim_value", 1, INT64, .one_of = true),
    FIELD("dim_param", 2, NAME, .one_of = true),
    FIELD("num_shards", 3, INT64),
};

static const struct schema_field device_group_fields[] = {
    FIELD("key", 1, INT64),
    LIST("value", 2, INT64),
};

#define KEYED(fields, key)                                                                                             \
    {                                                                                                                  \
        fields, COUNT_OF(fields), key                                                                                  \
    }
#define PLAIN(fields)                                                                                                  \
    {                                                                                                                  \
        fields, COUNT_OF(fields), SCHEMA_NO_KEY                                                                        \
    }

const struct schema_message schema_messages[MSG_COUNT_] = {
    [MSG_MODEL] = PLAIN(model_fields),
    [MSG_METADATA] = KEYED(entry_fields, ENTRY_KEY),
    [MSG_ENTRY] = PLAIN(entry_fields),
    [MSG_OPSET] = PLAIN(opset_fields),
    [MSG_FUNCTION] = PLAIN(function_fields),
    [MSG_GRAPH] = PLAIN(graph_fields),
    [MSG_NODE] = PLAIN(node_fields),
    [MSG_ATTRIBUTE] = KEYED(attribute_fields, ATTRIBUTE_NAME),
    [MSG_TENSOR] = KEYED(tensor_fields, TENSOR_NAME),
    [MSG_SPARSE] = KEYED(sparse_fields, SPARSE_VALUES),
    [MSG_VALUE_INFO] = KEYED(value_info_fields, 0),
    [MSG_ANNOTATION] = PLAIN(annotation_fields),
    [MSG_TYPE] = PLAIN(type_fields),
    [MSG_TYPE_TENSOR] = PLAIN(type_tensor_fields),
    [MSG_TYPE_NESTED] = PLAIN(type_nested_fields),
    [MSG_TYPE_MAP] = PLAIN(type_map_fields),
    [MSG_TYPE_OPAQUE] = PLAIN(type_opaque_fields),
    [MSG_SHAPE] = PLAIN(shape_fields),
    [MSG_DIMENSION] = PLAIN(dimension_fields),
    [MSG_DEVICES] = PLAIN(devices_fields),
    [MSG_NODE_DEVICES] = PLAIN(node_devices_fields),
    [MSG_SHARDING] = PLAIN(sharding_fields),
    [MSG_SHARDED_DIM] = PLAIN(sharded_dim_fields),
    [MSG_SIMPLE_SHARDING] = PLAIN(simple_sharding_fields),
    [MSG_DEVICE_GROUP] = PLAIN(device_group_fields),
};
