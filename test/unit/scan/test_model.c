/* What the scan tells about a model, what it must take, and where it says that something is wrong. */
#include "unit.h"

/* A node without attributes: field 1 of a graph, 7 of a function. */
static void put_node(struct buf *b, uint64_t number, const char *op_type, const char *domain, unsigned inputs)
{
    AUTO_MESSAGE node = MESSAGE;

    for (unsigned i = 0; i < inputs; i++)
        put_text(&node, 1, "x");
    put_text(&node, 2, "y");
    put_text(&node, 4, op_type);
    put_text(&node, 7, domain);
    put_message(b, number, &node);
}

/* A graph of one Identity with an attribute, given by its fields. */
static err_t scan_attribute(int64_t type, const struct buf *value, struct scan_info *ret, struct why *why)
{
    AUTO_MESSAGE attribute = MESSAGE, node = MESSAGE, graph = MESSAGE, model = MESSAGE;

    put_text(&attribute, 1, "a");
    assert_ok(buf_put_view(&attribute, buf_view(value)));
    put_int(&attribute, 20, type);
    put_text(&node, 4, "Identity");
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    put_model(&model, &graph);
    return scan_default(&model, ret, why);
}

/* A graph with one initializer, given by its fields. */
static err_t scan_tensor(const struct buf *tensor, struct scan_info *ret, struct why *why)
{
    AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;

    put_message(&graph, 5, tensor);
    put_model(&model, &graph);
    return scan_default(&model, ret, why);
}

static err_t scan_node(const char *op_type, const char *domain, unsigned inputs, const struct scan_policy *policy,
                       struct scan_info *ret)
{
    AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;

    put_node(&graph, 1, op_type, domain, inputs);
    put_model(&model, &graph);
    return scan_with(&model, policy, ret, NULL);
}

static void counts(void **state UNUSED)
{
    AUTO_MESSAGE tensor = MESSAGE, function = MESSAGE, graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};
    static const uint8_t raw[24];

    put_int(&tensor, 1, 2);
    put_int(&tensor, 1, 3);
    put_int(&tensor, 2, 1);
    put_bytes(&tensor, 9, view_of(raw, sizeof(raw)));
    put_node(&graph, 1, "Add", "", 2);
    put_node(&graph, 1, "Scaler", "ai.onnx.ml", 1);
    put_message(&graph, 5, &tensor);
    put_text(&function, 1, "F");
    put_node(&function, 7, "Neg", "ai.onnx", 1);
    put_model(&model, &graph);
    put_message(&model, 25, &function);
    put_import(&model, 8, "ai.onnx.ml", 3);
    put_import(&model, 8, "com.microsoft", 1);
    assert_ok(scan_default(&model, &info, NULL));
    assert_int_equal(info.ir_version, 8);
    assert_int_equal(info.nodes, 3);
    assert_int_equal(info.tensors, 1);
    assert_int_equal(info.functions, 1);
    assert_int_equal(info.tensor_bytes, 24);
    assert_false(info.random);
    assert_int_equal(info.opsets.count, 3);
    assert_true(view_is(info.opsets.items[0].domain, ""));
    assert_int_equal(info.opsets.items[0].version, 17);
    assert_true(view_is(info.opsets.items[1].domain, "ai.onnx.ml"));
    assert_int_equal(info.opsets.items[2].version, 1);
}

/* skl2onnx writes the same import twice; "ai.onnx" is the long name of "". */
static void one_import_said_twice(void **state UNUSED)
{
    AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};

    put_model(&model, &graph);
    put_import(&model, 8, "ai.onnx", 17);
    assert_ok(scan_default(&model, &info, NULL));
    assert_int_equal(info.opsets.count, 1);
    put_import(&model, 8, "ai.onnx", 18);
    assert_err(scan_default(&model, &info, NULL), ERR_MODEL_MALFORMED);
}

/* The imports of a function are its own, and each function's too. */
static void functions_import_for_themselves(void **state UNUSED)
{
    AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};

    put_model(&model, &graph);
    for (int64_t version = 11; version < 14; version++) {
        AUTO_MESSAGE function = MESSAGE;

        put_text(&function, 1, "F");
        put_import(&function, 9, "", version);
        put_message(&model, 25, &function);
    }
    assert_ok(scan_default(&model, &info, NULL));
    assert_int_equal(info.functions, 3);
    assert_int_equal(info.opsets.count, 1);
    assert_int_equal(info.opsets.items[0].version, 17);
}

static void a_function_contradicts_itself(void **state UNUSED)
{
    AUTO_MESSAGE function = MESSAGE, graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};
    struct why why = {0};

    put_text(&function, 1, "F");
    put_import(&function, 9, "", 11);
    put_import(&function, 9, "", 12);
    put_model(&model, &graph);
    put_message(&model, 25, &function);
    assert_err(scan_default(&model, &info, &why), ERR_MODEL_MALFORMED);
    assert_string_equal(why.text, "functions[0].opset_import[1]: another version of a domain that was imported before");
}

static void domains(void **state UNUSED)
{
    const struct view listed[] = {text_view("com.microsoft"), text_view("example.org")};
    struct scan_policy open = {.limits = SCAN_LIMITS_DEFAULT, .domains = listed, .domain_count = COUNT_OF(listed)};
    struct scan_policy closed = {.limits = SCAN_LIMITS_DEFAULT};
    struct scan_info info = {0};

    static const struct {
        const char *domain;
        bool always, when_listed;
    } cases[] = {
        {"", true, true},
        {"ai.onnx", true, true},
        {"ai.onnx.ml", true, true},
        {"com.microsoft", false, true},
        {"example.org", false, true},
        {"com.microsoft.nchwc", false, false},
        {"com.micro", false, false},
        {"AI.ONNX", false, false},
        {"ai.onnx.preview.training", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t e = cases[i].always ? OK : ERR_MODEL_DOMAIN_REFUSED;

        assert_err(scan_node("Add", cases[i].domain, 1, &closed, &info), e);
        e = cases[i].when_listed ? OK : ERR_MODEL_DOMAIN_REFUSED;
        assert_err(scan_node("Add", cases[i].domain, 1, &open, &info), e);
    }
    assert_err(scan_node("EPContext", "com.microsoft", 1, &open, &info), ERR_MODEL_REFUSED);
}

static void random_operators(void **state UNUSED)
{
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT};
    static const struct {
        const char *op_type;
        unsigned inputs;
        bool random;
    } cases[] = {
        {"RandomNormal", 0, true}, {"RandomUniformLike", 1, true}, {"Multinomial", 1, true}, {"Bernoulli", 1, true},
        {"Dropout", 3, true},      {"Dropout", 2, false},          {"Dropout", 1, false},    {"Relu", 3, false},
        {"Random", 1, false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scan_info info = {0};

        assert_ok(scan_node(cases[i].op_type, "", cases[i].inputs, &policy, &info));
        assert_int_equal(info.random, cases[i].random);
    }
}

/* An input that is left out has an empty name. */
static void dropout_without_training(void **state UNUSED)
{
    AUTO_MESSAGE node = MESSAGE, graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};

    put_text(&node, 1, "x");
    put_text(&node, 1, "ratio");
    put_text(&node, 1, "");
    put_text(&node, 4, "Dropout");
    put_message(&graph, 1, &node);
    put_model(&model, &graph);
    assert_ok(scan_default(&model, &info, NULL));
    assert_false(info.random);
}

/* Every data type in raw form and in the typed field that onnx.proto gives it: entries for 5 elements, and bytes. */
static void every_data_type(void **state UNUSED)
{
    enum { VARINTS, FLOATS, DOUBLES, STRINGS };
    static const struct {
        unsigned field, form, entries, bytes;
    } types[] = {
        [1] = {4, FLOATS, 5, 20},    [2] = {5, VARINTS, 5, 5},    [3] = {5, VARINTS, 5, 5},
        [4] = {5, VARINTS, 5, 10},   [5] = {5, VARINTS, 5, 10},   [6] = {5, VARINTS, 5, 20},
        [7] = {7, VARINTS, 5, 40},   [8] = {6, STRINGS, 5, 0},    [9] = {5, VARINTS, 5, 5},
        [10] = {5, VARINTS, 5, 10},  [11] = {10, DOUBLES, 5, 40}, [12] = {11, VARINTS, 5, 20},
        [13] = {11, VARINTS, 5, 40}, [14] = {4, FLOATS, 10, 40},  [15] = {10, DOUBLES, 10, 80},
        [16] = {5, VARINTS, 5, 10},  [17] = {5, VARINTS, 5, 5},   [18] = {5, VARINTS, 5, 5},
        [19] = {5, VARINTS, 5, 5},   [20] = {5, VARINTS, 5, 5},   [21] = {5, VARINTS, 3, 3},
        [22] = {5, VARINTS, 3, 3},   [23] = {5, VARINTS, 3, 3},   [24] = {5, VARINTS, 5, 5},
        [25] = {5, VARINTS, 2, 2},   [26] = {5, VARINTS, 2, 2},   [27] = {5, VARINTS, 5, 4},
        [28] = {5, VARINTS, 5, 4},
    };
    static const unsigned widths[] = {[VARINTS] = 1, [FLOATS] = 4, [DOUBLES] = 8};
    static const uint8_t zeros[100];

    for (unsigned type = 1; type < COUNT_OF(types); type++) {
        for (int more = -1; more <= 1; more++) {
            unsigned bytes = types[type].bytes + (unsigned)more, entries = types[type].entries + (unsigned)more;
            unsigned strings = types[type].form == STRINGS ? entries : 0;
            AUTO_MESSAGE raw = MESSAGE, typed = MESSAGE;
            struct scan_info info = {0};

            put_int(&raw, 1, 5);
            put_int(&raw, 2, type);
            assert_ok(buf_put_view(&typed, buf_view(&raw)));
            for (unsigned i = 0; i < strings; i++)
                put_text(&typed, types[type].field, "s");
            if (strings == 0) {
                put_bytes(&raw, 9, view_of(zeros, bytes));
                assert_err(scan_tensor(&raw, &info, NULL), more == 0 ? OK : ERR_MODEL_MALFORMED);
                assert_int_equal(info.tensor_bytes, more == 0 ? bytes : 0);
                put_bytes(&typed, types[type].field, view_of(zeros, (size_t)entries * widths[types[type].form]));
            }
            assert_err(scan_tensor(&typed, &info, NULL), more == 0 ? OK : ERR_MODEL_MALFORMED);
        }
    }
}

static void packed_and_single(void **state UNUSED)
{
    AUTO_MESSAGE single = MESSAGE, packed = MESSAGE;
    struct scan_info info = {0};

    put_int(&single, 1, 3);
    put_int(&single, 2, 7);
    for (int64_t i = -1; i < 2; i++)
        put_int(&single, 7, i);
    assert_ok(scan_tensor(&single, &info, NULL));
    put_bytes(&packed, 1, view_of("\x03\x01", 2));
    put_int(&packed, 2, 7);
    put_bytes(&packed, 7, view_of("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", 12));
    assert_ok(scan_tensor(&packed, &info, NULL));
    assert_int_equal(info.tensor_bytes, 24);
}

static void single_floats_and_doubles(void **state UNUSED)
{
    AUTO_MESSAGE floats = MESSAGE, doubles = MESSAGE;
    struct scan_info info = {0};

    put_int(&floats, 1, 2);
    put_int(&floats, 2, 1);
    assert_ok(buf_put(&floats,
                      "\x25"
                      "1234"
                      "\x25"
                      "1234",
                      10));
    assert_ok(scan_tensor(&floats, &info, NULL));
    assert_int_equal(info.tensor_bytes, 8);
    put_int(&doubles, 1, 2);
    put_int(&doubles, 2, 11);
    assert_ok(buf_put(&doubles,
                      "\x51"
                      "12345678"
                      "\x51"
                      "12345678",
                      18));
    assert_ok(scan_tensor(&doubles, &info, NULL));
    assert_int_equal(info.tensor_bytes, 16);
}

/* Protobuf would join the runs and the single elements; no writer makes more than one run. */
static void packed_or_single(void **state UNUSED)
{
    AUTO_MESSAGE one_run = MESSAGE;
    struct scan_info info = {0};

    put_bytes(&one_run, 8, view_of("\x01\x02", 2));
    assert_ok(scan_attribute(7, &one_run, &info, NULL));
    for (unsigned order = 0; order < 8; order++) {
        AUTO_MESSAGE ints = MESSAGE;
        unsigned runs = 0;

        for (unsigned i = 0; i < 3; i++) {
            if ((order >> i & 1) == 0)
                put_int(&ints, 8, 1);
            else
                put_bytes(&ints, 8, view_of("\x01\x02", runs++ == 0 ? 2 : 0));
        }
        assert_err(scan_attribute(7, &ints, &info, NULL), order == 0 ? OK : ERR_MODEL_MALFORMED);
    }
}

static void int32_from_end_to_end(void **state UNUSED)
{
    static const struct {
        int64_t number;
        err_t expected;
    } cases[] = {
        {0, OK},
        {INT32_MIN, OK},
        {INT32_MAX, OK},
        {(int64_t)INT32_MIN - 1, ERR_MODEL_MALFORMED},
        {(int64_t)INT32_MAX + 1, ERR_MODEL_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_MESSAGE tensor = MESSAGE;
        struct scan_info info = {0};

        put_int(&tensor, 2, 6);
        put_int(&tensor, 5, cases[i].number);
        assert_err(scan_tensor(&tensor, &info, NULL), cases[i].expected);
    }
}

/* Both forms of indices, and what the tensor is as a dense one. */
static void sparse_tensors(void **state UNUSED)
{
    for (int64_t rank = 1; rank <= 2; rank++) {
        AUTO_MESSAGE values = MESSAGE, indices = MESSAGE, sparse = MESSAGE, graph = MESSAGE, model = MESSAGE;
        struct scan_info info = {0};
        static const uint8_t raw[48];

        put_int(&values, 1, 3);
        put_int(&values, 2, 1);
        put_bytes(&values, 9, view_of(raw, 12));
        put_int(&indices, 1, 3);
        if (rank == 2)
            put_int(&indices, 1, 2);
        put_int(&indices, 2, 7);
        put_bytes(&indices, 9, view_of(raw, 24 * (size_t)rank));
        put_message(&sparse, 2, &indices); /* in either order */
        put_message(&sparse, 1, &values);
        put_int(&sparse, 3, 1000);
        put_int(&sparse, 3, 20);
        put_message(&graph, 15, &sparse);
        put_model(&model, &graph);
        assert_ok(scan_default(&model, &info, NULL));
        assert_int_equal(info.tensors, 2);
        assert_int_equal(info.tensor_bytes, 12 + 24 * rank + 1000 * 20 * 4);
    }
}

static void tensors_without_elements(void **state UNUSED)
{
    AUTO_MESSAGE none = MESSAGE, empty = MESSAGE, scalar = MESSAGE;
    struct scan_info info = {0};

    put_int(&none, 1, 0);
    put_int(&none, 1, 7);
    put_int(&none, 2, 1);
    assert_ok(scan_tensor(&none, &info, NULL));
    assert_ok(buf_put_view(&empty, buf_view(&none)));
    put_text(&empty, 9, "");
    assert_ok(scan_tensor(&empty, &info, NULL));
    put_int(&scalar, 2, 1);
    put_text(&scalar, 9, "1234");
    put_int(&scalar, 14, 0); /* the default, said aloud */
    assert_ok(scan_tensor(&scalar, &info, NULL));
    assert_int_equal(info.tensor_bytes, 4);
}

/* Writers of the proto3 kind leave out what is 0 or empty. */
static void values_left_out(void **state UNUSED)
{
    AUTO_MESSAGE nothing = MESSAGE;
    struct scan_info info = {0};
    static const bool needed[] = {[0] = true, [4] = true, [5] = true, [11] = true, [13] = true, [14] = false};

    for (int64_t type = 0; type < (int64_t)COUNT_OF(needed); type++)
        assert_err(scan_attribute(type, &nothing, &info, NULL), needed[type] ? ERR_MODEL_MALFORMED : OK);
    assert_err(scan_attribute(15, &nothing, &info, NULL), ERR_MODEL_MALFORMED);
}

/* Every field of the newest format that has no meaning here. */
static void fields_without_meaning(void **state UNUSED)
{
    AUTO_MESSAGE entry = MESSAGE, map = MESSAGE, dim = MESSAGE, sharded = MESSAGE, sharding = MESSAGE,
                 on_node = MESSAGE;
    AUTO_MESSAGE devices = MESSAGE, annotation = MESSAGE, info_entry = MESSAGE, node = MESSAGE, graph = MESSAGE;
    AUTO_MESSAGE model = MESSAGE;
    struct scan_info info = {0};

    put_text(&entry, 1, "key");
    put_text(&entry, 2, "value");
    put_int(&map, 1, 0);
    put_int(&map, 2, 1);
    put_text(&dim, 2, "n");
    put_int(&dim, 3, 2);
    put_int(&sharded, 1, -1);
    put_message(&sharded, 2, &dim);
    put_text(&sharding, 1, "w");
    put_int(&sharding, 2, 0);
    put_message(&sharding, 3, &map);
    put_message(&sharding, 4, &sharded);
    put_text(&on_node, 1, "c");
    put_message(&on_node, 2, &sharding);
    put_int(&on_node, 3, 1);
    put_text(&devices, 1, "c");
    put_int(&devices, 2, 2);
    put_text(&devices, 3, "cpu");
    put_text(&annotation, 1, "w");
    put_message(&annotation, 2, &entry);
    put_text(&info_entry, 1, "v");
    put_text(&info_entry, 3, "text");
    put_message(&info_entry, 4, &entry);
    put_text(&node, 4, "Add");
    put_text(&node, 6, "text");
    put_text(&node, 8, "overload");
    put_message(&node, 9, &entry);
    put_message(&node, 10, &on_node);
    put_message(&graph, 1, &node);
    put_message(&graph, 13, &info_entry);
    put_message(&graph, 14, &annotation);
    put_message(&graph, 16, &entry);
    put_model(&model, &graph);
    put_message(&model, 14, &entry);
    put_message(&model, 26, &devices);
    assert_ok(scan_default(&model, &info, NULL));
}

/* The sentence gives the way to the place by names of fields and indices. */
static void places(void **state UNUSED)
{
    AUTO_MESSAGE tensor = MESSAGE, value = MESSAGE, graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {0};
    struct why why = {0};

    put_int(&tensor, 1, 1);
    put_int(&tensor, 2, 1);
    put_int(&tensor, 14, 1);
    put_message(&value, 5, &tensor);
    assert_err(scan_attribute(4, &value, &info, &why), ERR_MODEL_EXTERNAL_DATA);
    assert_string_equal(why.text, "graph.node[0].attribute[0].t: data_location is 1, allowed: 0 to 0");

    put_node(&graph, 1, "Add", "", 2);
    put_node(&graph, 1, "Add", "example.org", 2);
    put_model(&model, &graph);
    assert_err(scan_default(&model, &info, &why), ERR_MODEL_DOMAIN_REFUSED);
    assert_string_equal(why.text, "graph.node[1]: operators of this domain are not allowed");
    buf_clear(&model);
    put_int(&model, 1, 8);
    put_int(&model, 1, 8);
    assert_err(scan_default(&model, &info, &why), ERR_MODEL_MALFORMED);
    assert_string_equal(why.text, "model: ir_version stands twice");
}

/* Broken at the end of the file, where protobuf's own errors are. */
static void sentences(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } cases[] = {
        {"\x00", 1, "model: a field begins with a broken tag"},
        {"\x32\x05"
         "abc",
         5, "model: doc_string reaches beyond what holds it"},
        {"\x2d"
         "abcd",
         5, "model: model_version has wire type 5"},
        {"\x28\x80", 2, "model: model_version is not a whole number in its shortest form"},
        {"\x98\x06\x00", 3, "model: field 99 is not part of the format"},
        {"\xa2\x01\x00", 3, "model: training_info is refused"},
        {"\x72\x00\x72\x00", 4, "model: two elements of metadata_props have the same name"},
        {"\xca\x01\x06\x0a\x01"
         "F\x72\x01\x0a",
         9, "functions[0].metadata_props[0]: key reaches beyond what holds it"},
        {"\xca\x01\x09\x3a\x07\x2a\x05\x15"
         "abc",
         11, "model: functions reaches beyond what holds it"},
        {"\xca\x01\x08\x3a\x06\x2a\x04\x15"
         "abc",
         11, "functions[0].node[0].attribute[0]: f ends too early"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;
        struct scan_info info = {0};
        struct why why = {0};

        put_model(&model, &graph);
        assert_ok(buf_put(&model, cases[i].bytes, cases[i].len));
        assert_true(scan_default(&model, &info, &why) != OK);
        assert_string_equal(why.text, cases[i].sentence);
    }
}

/* On an error nothing is told. */
static void nothing_on_an_error(void **state UNUSED)
{
    AUTO_MESSAGE graph = MESSAGE, model = MESSAGE;
    struct scan_info info = {.nodes = 77};

    put_node(&graph, 1, "Add", "example.org", 2);
    put_model(&model, &graph);
    assert_err(scan_default(&model, &info, NULL), ERR_MODEL_DOMAIN_REFUSED);
    assert_int_equal(info.nodes, 77);
    assert_int_equal(info.ir_version, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(one_import_said_twice),
        cmocka_unit_test(functions_import_for_themselves),
        cmocka_unit_test(a_function_contradicts_itself),
        cmocka_unit_test(domains),
        cmocka_unit_test(random_operators),
        cmocka_unit_test(dropout_without_training),
        cmocka_unit_test(every_data_type),
        cmocka_unit_test(packed_and_single),
        cmocka_unit_test(packed_or_single),
        cmocka_unit_test(single_floats_and_doubles),
        cmocka_unit_test(int32_from_end_to_end),
        cmocka_unit_test(sparse_tensors),
        cmocka_unit_test(tensors_without_elements),
        cmocka_unit_test(values_left_out),
        cmocka_unit_test(fields_without_meaning),
        cmocka_unit_test(places),
        cmocka_unit_test(sentences),
        cmocka_unit_test(nothing_on_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
