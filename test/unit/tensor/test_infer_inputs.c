/* Tensors of a request against a model's signature. */
#include "model.h"

#include <yyjson.h>

static const struct value_desc inputs[] = {
    TENSOR("x", DTYPE_FLOAT, DIM_ANY, 2),
    TENSOR("s", DTYPE_STRING, DIM_ANY),
    {.name = {(const uint8_t *)"opt", 3}, .type = {.dtype = DTYPE_INT8}, .rank = RANK_UNKNOWN, .may_miss = true},
};

#define BODY(inner)      "{\"ipfs_hash\":\"Qm\",\"model_inputs\":{" inner "}}"
#define X(shape, values) "{\"name\":\"x\",\"shape\":" shape ",\"values\":" values "}"
#define S                "\"strings\":[{\"name\":\"s\",\"values\":[\"a\",\"\xc3\xa9\\u0000\",\"\"]}]"
#define OPT(values)                                                                                                    \
    "\"strings\":[{\"name\":\"s\",\"values\":[]}],\"numbers\":[" X(                                                    \
        "[0,2]", "[]") ",{\"name\":\"opt\",\"shape\":[-1],\"values\":[" values "]}]"

static err_t make(struct trip *t, const char *body)
{
    AUTO(signature_done) struct signature s = {0};
    TRY(signature_make(inputs, COUNT_OF(inputs), NULL, 0, &s));
    return trip_make(t, body, &s);
}

static void makes_tensors(void **state UNUSED)
{
    static const float expected[] = {1.5F, -2, 0.25F, 3};
    static const char *const bodies[] = {
        BODY("\"numbers\":[" X("[2,2]", "[{\"value\":15,\"decimals\":1},{\"value\":\"-2\",\"decimals\":\"0\"},"
                                        "{\"decimals\":2,\"value\":25},{\"value\":3.0,\"decimals\":0}]") "]," S),
        BODY(S ",\"numbers\":[" X("[-1,2]", "[1.5,-2,\"0.25\",\" 3e0 \"]") "]"),
        BODY("\"numbers\":[" X("[\"2\",\"-1\"]", "[\"1.5\",{\"value\":-20,\"decimals\":\" +1 \",\"x\":{}},0.25,"
                                                 "{\"value\":30,\"decimals\":1.9}]") "]," S),
        "{\"ipfs_hash\":\"Qm\",\"num_inputs\":[" X(
            "[2,2]", "[\"1.5\",\"-2\",\"0.25\",\"3\"]") "],"
                                                        "\"string_inputs\":[{\"name\":\"s\",\"values\":[\"a\","
                                                        "\"\\u00e9\\u0000\",\"\"],\"shape\":[3]}]}",
        "{\"ipfs_hash\":\"Qm\",\"model_inputs\":\"{\\\"strings\\\":[{\\\"name\\\":\\\"s\\\",\\\"values\\\":[\\\"a\\\","
        "\\\"\\\\u00e9\\\\u0000\\\",\\\"\\\"]}],\\\"numbers\\\":[{\\\"shape\\\":[2,2],\\\"values\\\":[1.5,-2,0.25,3],"
        "\\\"name\\\":\\\"x\\\"}]}\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        AUTO(trip_done) struct trip t = {0};
        err_t e = make(&t, bodies[i]);
        if (e != OK)
            fail_msg("%s: %s", bodies[i], t.why.text);
        assert_int_equal(t.inputs.set.descs.count, 2);
        assert_true(t.inputs.set.descs.items[0].dims[0] == 2 && t.inputs.set.descs.items[0].dims[1] == 2);
        assert_int_equal(t.inputs.set.descs.items[1].dims[0], 3);
        assert_view(trip_payload(&t, 0), view_of(expected, sizeof(expected)));
        assert_view(trip_payload(&t, 1), view_of("\x01\0\0\0a\x03\0\0\0\xc3\xa9\0\0\0\0", 16));
        for (size_t j = 0; j < 2; j++)
            assert_ok(payload_check(&t.inputs.set.descs.items[j], trip_payload(&t, j)));
    }
}

static void takes_optional_inputs(void **state UNUSED)
{
    AUTO(trip_done) struct trip t = {0};
    assert_ok(make(&t, BODY(OPT("7,true,false,{\"value\":true,\"decimals\":0},-128"))));
    assert_int_equal(t.inputs.set.descs.count, 3);
    assert_int_equal(t.inputs.set.places[0].len, 0);
    assert_view(trip_payload(&t, 2), view_of("\x07\x01\x00\x01\x80", 5));
}

static void takes_numbers_beyond_64_bits(void **state UNUSED)
{
    AUTO(trip_done) struct trip t = {0};
    static const float expected[] = {(float)1e30, (float)__builtin_inf(), -(float)__builtin_inf(), (float)-1e25};
    assert_ok(make(&t, BODY("\"numbers\":[" X(
                           "[2,2]", "[1000000000000000000000000000000,{\"value\":1e999,\"decimals\":500},"
                                    "-1.0E+400,{\"value\":-10000000000000000000000000000,\"decimals\":3}]") "]," S)));
    assert_view(trip_payload(&t, 0), view_of(expected, sizeof(expected)));
}

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *inner; /* of model_inputs */
        err_t code;
        const char *why;
    } rows[] = {
        {S, ERR_INPUT_MISSING, "input 0 (x) is missing"},
        {"\"numbers\":[" X("[0,2]", "[]") "]", ERR_INPUT_MISSING, "input 1 (s) is missing"},
        {"\"numbers\":[" X("[0,2]", "[]") ",{\"name\":\"y\",\"values\":[],\"shape\":[0]}]," S, ERR_INPUT_UNKNOWN,
         "numbers[1].name: the model has no such input"},
        {"\"numbers\":[" X("[0,2]", "[]") "," X("[0,2]", "[]") "]," S, ERR_INPUT_DUPLICATE,
         "numbers[1].name: input 0 (x) stands twice"},
        {"\"numbers\":[" X("[0,2]", "[]") "],\"strings\":[{\"name\":\"x\",\"values\":[]}]", ERR_INPUT_DUPLICATE,
         "strings[0].name: input 0 (x) stands twice"},
        {"\"numbers\":[{\"name\":\"s\",\"values\":[],\"shape\":[0]}," X("[0,2]", "[]") "]", ERR_DTYPE_MISMATCH,
         "numbers[0]: input 1 (s) is declared as string"},
        {"\"strings\":[{\"name\":\"x\",\"values\":[]}]", ERR_DTYPE_MISMATCH,
         "strings[0]: input 0 (x) is declared as float"},
        {"\"numbers\":[7]", ERR_FIELD_TYPE, "numbers[0]: an object"},
        {"\"numbers\":[{\"values\":[],\"shape\":[0]}]", ERR_FIELD_MISSING, "numbers[0].name: missing"},
        {"\"numbers\":[{\"name\":1,\"values\":[],\"shape\":[0]}]", ERR_FIELD_TYPE, "numbers[0].name: a string"},
        {"\"numbers\":[{\"name\":\"x\",\"name\":\"x\",\"values\":[],\"shape\":[0]}]", ERR_FIELD_DUPLICATE,
         "numbers[0].name: stands twice"},
        {"\"numbers\":[{\"name\":\"x\",\"shape\":[0]}]", ERR_FIELD_MISSING, "numbers[0].values: missing"},
        {"\"numbers\":[{\"name\":\"x\",\"values\":1,\"shape\":[0]}]", ERR_FIELD_TYPE, "numbers[0].values: an array"},
        {"\"numbers\":[{\"name\":\"x\",\"values\":[1,2]}]," S, ERR_FIELD_MISSING, "numbers[0].shape: missing"},
        {"\"numbers\":[" X("2", "[1,2]") "]," S, ERR_FIELD_TYPE, "numbers[0].shape: an array"},
        {"\"numbers\":[" X("[1,2.0]", "[1,2]") "]," S, ERR_FIELD_TYPE,
         "numbers[0].shape[1]: an integer from -1 to 2^63 - 1"},
        {"\"numbers\":[" X("[1,true]", "[1]") "]," S, ERR_FIELD_TYPE, NULL},
        {"\"numbers\":[" X("[-2,2]", "[1,2]") "]," S, ERR_FIELD_VALUE,
         "numbers[0].shape[0]: an integer from -1 to 2^63 - 1"},
        {"\"numbers\":[" X("[9223372036854775808]", "[1]") "]," S, ERR_FIELD_VALUE, NULL},
        {"\"numbers\":[" X("[99999999999999999999]", "[1]") "]," S, ERR_FIELD_VALUE, NULL},
        {"\"numbers\":[" X("[\"x\"]", "[1]") "]," S, ERR_FIELD_VALUE, NULL},
        {"\"numbers\":[" X("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[1]") "]," S,
         ERR_FIELD_VALUE, "numbers[0].shape: at most 32 dimensions"},
        {"\"numbers\":[" X("[1,2]", "[1,2,3]") "]," S, ERR_SHAPE_MISMATCH,
         "numbers[0].shape: does not give 3 elements, the number of values"},
        {"\"numbers\":[" X("[-1,-1]", "[1,2]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[-1,2]", "[1,2,3]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[-1,0]", "[]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[4611686018427387904,4]", "[]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[2]", "[1,2]") "]," S, ERR_SHAPE_MISMATCH,
         "numbers[0].shape: input 0 (x) is declared otherwise"},
        {"\"numbers\":[" X("[2,1]", "[1,2]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[]", "[1]") "]," S, ERR_SHAPE_MISMATCH, NULL},
        {"\"numbers\":[" X("[0,2]", "[]") "],\"strings\":[{\"name\":\"s\",\"values\":[\"a\",1]}]", ERR_FIELD_TYPE,
         "strings[0].values[1]: a string"},
        {OPT("null"), ERR_FIELD_TYPE, "numbers[1].values[0].value: a number or a string"},
        {OPT("1,[]"), ERR_FIELD_TYPE, "numbers[1].values[1].value: a number or a string"},
        {OPT("\"\""), ERR_FIELD_VALUE, "numbers[1].values[0].value: a decimal number"},
        {OPT("\"0x1\""), ERR_FIELD_VALUE, NULL},
        {OPT("128"), ERR_VALUE_RANGE, "numbers[1].values[0]: does not fit the declared type, int8"},
        {OPT("\"NaN\""), ERR_VALUE_RANGE, NULL},
        {OPT("1e999"), ERR_VALUE_RANGE, NULL},
        {OPT("{\"decimals\":1}"), ERR_FIELD_MISSING, "numbers[1].values[0].value: missing"},
        {OPT("{\"value\":1}"), ERR_FIELD_MISSING, "numbers[1].values[0].decimals: missing"},
        {OPT("{\"value\":1,\"value\":2,\"decimals\":1}"), ERR_FIELD_DUPLICATE,
         "numbers[1].values[0]: value or decimals stands twice"},
        {OPT("{\"value\":1,\"decimals\":1001}"), ERR_FIELD_VALUE,
         "numbers[1].values[0].decimals: an integer from 0 to 1000"},
        {OPT("{\"value\":1,\"decimals\":-1}"), ERR_FIELD_VALUE, NULL},
        {OPT("{\"value\":1,\"decimals\":-1.0}"), ERR_FIELD_VALUE, NULL},
        {OPT("{\"value\":1,\"decimals\":1e300}"), ERR_FIELD_VALUE, NULL},
        {OPT("{\"value\":1,\"decimals\":99999999999999999999}"), ERR_FIELD_VALUE, NULL},
        {OPT("{\"value\":1,\"decimals\":\"-1\"}"), ERR_FIELD_VALUE, NULL},
        {OPT("{\"value\":1,\"decimals\":\"1.0\"}"), ERR_FIELD_TYPE, NULL},
        {OPT("{\"value\":1,\"decimals\":null}"), ERR_FIELD_TYPE, NULL},
        {OPT("{\"value\":1,\"decimals\":true}"), ERR_FIELD_TYPE, NULL},
        {OPT("{\"value\":null,\"decimals\":1}"), ERR_FIELD_TYPE, NULL},
        {OPT("{}"), ERR_FIELD_MISSING, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(trip_done) struct trip t = {0};
        char body[1024];
        (void)snprintf(body, sizeof(body), BODY("%s"), rows[i].inner);
        err_t e = make(&t, body);
        if (e != rows[i].code)
            fail_msg("%s: %s %s", body, err_name(e), t.why.text);
        if (rows[i].why != NULL)
            assert_string_equal(t.why.text, rows[i].why);
    }
}

static void bounds_a_number(void **state UNUSED)
{
    AUTO(trip_done) struct trip t = {0};
    static char body[2000];
    (void)snprintf(body, sizeof(body), BODY(OPT("1,%01201d")), 0);
    assert_err(make(&t, body), ERR_BAD_JSON);
    trip_done(&t);
    (void)snprintf(body, sizeof(body), BODY(OPT("1,\"%01201d\"")), 0);
    assert_err(make(&t, body), ERR_FIELD_VALUE);
    assert_string_equal(t.why.text, "numbers[1].values[1].value: at most 1200 bytes");
}

static void names_the_lists_of_the_third_form(void **state UNUSED)
{
    AUTO(trip_done) struct trip t = {0};
    assert_err(make(&t, "{\"ipfs_hash\":\"Qm\",\"num_inputs\":[7]}"), ERR_FIELD_TYPE);
    assert_string_equal(t.why.text, "num_inputs[0]: an object");
    trip_done(&t);
    assert_err(make(&t, "{\"ipfs_hash\":\"Qm\",\"string_inputs\":[7]}"), ERR_FIELD_TYPE);
    assert_string_equal(t.why.text, "string_inputs[0]: an object");
}

/* A name that could do harm in an error's text is not repeated. */
static void hides_odd_names(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    AUTO(trip_done) struct trip t = {0};
    const struct value_desc odd = TENSOR("a\"b", DTYPE_FLOAT);
    assert_ok(signature_make(&odd, 1, NULL, 0, &s));
    assert_err(trip_make(&t, BODY(""), &s), ERR_INPUT_MISSING);
    assert_string_equal(t.why.text, "input 0 is missing");
}

static void refuses_what_cannot_be_sent(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    AUTO(trip_done) struct trip t = {0};
    const struct value_desc sequence = {.name = text_view("x"), .type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_FLOAT}};
    assert_ok(signature_make(&sequence, 1, NULL, 0, &s));
    assert_err(trip_make(&t, BODY("\"numbers\":[" X("[1]", "[1]") "]"), &s), ERR_DTYPE_UNSUPPORTED);
    assert_string_equal(t.why.text, "input 0 (x) is not a tensor");
}

static void keeps_the_limit_of_the_area(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    AUTO(trip_done) struct trip t = {0};
    assert_ok(signature_make(inputs, COUNT_OF(inputs), NULL, 0, &s));
    static const char body[] = BODY("\"numbers\":[" X("[1,2]", "[1,2]") "]," S);
    assert_ok(trip_parse(&t, text_view(body), &default_limits));
    assert_err(infer_inputs_measure(&t.request, &s, 79, &t.inputs, &t.why), ERR_TOO_LARGE);
    assert_string_equal(t.why.text, "the inputs need more than 79 bytes");
    assert_ok(infer_inputs_measure(&t.request, &s, 80, &t.inputs, &t.why));
    assert_int_equal(t.inputs.set.total, 80);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    AUTO(trip_done) struct trip t = {0};
    static const char body[] = BODY("\"numbers\":[" X("[1,2]", "[1,2]") "]," S);
    err_t e = ERR_NOMEM;
    assert_ok(signature_make(inputs, COUNT_OF(inputs), NULL, 0, &s));
    assert_ok(trip_parse(&t, text_view(body), &default_limits));
    for (long n = 0; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = infer_inputs_measure(&t.request, &s, AREA_MAX, &t.inputs, &t.why);
        mem_fail_after(-1);
    }
    assert_ok(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_tensors),
        cmocka_unit_test(takes_optional_inputs),
        cmocka_unit_test(takes_numbers_beyond_64_bits),
        cmocka_unit_test(refuses),
        cmocka_unit_test(bounds_a_number),
        cmocka_unit_test(names_the_lists_of_the_third_form),
        cmocka_unit_test(hides_odd_names),
        cmocka_unit_test(refuses_what_cannot_be_sent),
        cmocka_unit_test(keeps_the_limit_of_the_area),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
