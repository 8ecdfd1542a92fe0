/* Values of every kind through a whole process: outputs equal to those of ONNX Runtime alone, bit for bit. */
#include "bare.h"
#include "../unit.h"

/* Loads the model into a process of its own, runs it on these inputs there and here, and compares. */
static void compare(const char *model, const struct drive_value *inputs, size_t count)
{
    struct drive d;
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    AUTO(bare_run_done) struct bare_run bare = {0};
    drive_up(&d, &(struct drive_options){0}, model);
    assert_ok(drive_run(&d, inputs, count, &o));
    bare_run(drive_model(model), inputs, count, 1, &bare);
    assert_true(bare.ok);
    assert_int_equal(o.set.descs.count, bare.count);
    for (size_t i = 0; i < bare.count; i++) {
        const struct value_desc *desc = &o.set.descs.items[i];
        struct view expected = buf_view(&bare.outputs[i].payload);
        assert_int_equal(desc->type.optional, bare.outputs[i].absent);
        assert_true(bare.outputs[i].absent || desc->type.dtype == bare.outputs[i].dtype);
        assert_int_equal(desc->rank, bare.outputs[i].rank);
        for (unsigned k = 0; k < desc->rank; k++)
            assert_int_equal(desc->dims[k], bare.outputs[i].dims[k]);
        assert_true(view_equal(view_of(o.area + o.set.places[i].offset, o.set.places[i].len), expected));
    }
    drive_down(&d);
}

static void every_number_type(void **state UNUSED)
{
    static const struct {
        const char *model;
        enum dtype dtype;
    } rows[] = {
        {"identity_float", DTYPE_FLOAT},     {"identity_uint8", DTYPE_UINT8},   {"identity_int8", DTYPE_INT8},
        {"identity_uint16", DTYPE_UINT16},   {"identity_int16", DTYPE_INT16},   {"identity_int32", DTYPE_INT32},
        {"identity_int64", DTYPE_INT64},     {"identity_float16", DTYPE_FLOAT16}, {"identity_double", DTYPE_DOUBLE},
        {"identity_uint32", DTYPE_UINT32},   {"identity_uint64", DTYPE_UINT64}, {"identity_bfloat16", DTYPE_BFLOAT16},
    };
    static const int64_t dims[] = {5};
    uint8_t bytes[40];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37 + 200); /* negative numbers and NaNs among them */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct drive_value x = drive_tensor("x", rows[i].dtype, 1, dims, bytes, 5 * dtype_info(rows[i].dtype)->size);
        compare(rows[i].model, &x, 1);
    }
}

static void booleans(void **state UNUSED)
{
    static const int64_t dims[] = {3};
    struct drive_value x = drive_tensor("x", DTYPE_BOOL, 1, dims, "\1\0\1", 3);
    compare("identity_bool", &x, 1);
}

static void strings(void **state UNUSED)
{
    static const int64_t dims[] = {4};
    static const char payload[] = "\0\0\0\0"
                                  "\3\0\0\0abc"
                                  "\5\0\0\0\xc3\xa4\xe2\x82\xac"
                                  "\50\0\0\0a string that is longer than a short one";
    struct drive_value x = drive_tensor("x", DTYPE_STRING, 1, dims, payload, sizeof(payload) - 1);
    compare("identity_string", &x, 1);
    compare("normalizer", &x, 1);
}

/* The oracle's way of filling a string tensor ends at a NUL, so what is expected here is written down. */
static void a_string_with_nul(void **state UNUSED)
{
    static const int64_t dims[] = {2};
    static const char payload[] = "\3\0\0\0a\0b\1\0\0\0\0";
    struct drive_value x = drive_tensor("x", DTYPE_STRING, 1, dims, payload, sizeof(payload) - 1);
    struct drive d;
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    drive_up(&d, &(struct drive_options){0}, "identity_string");
    assert_ok(drive_run(&d, &x, 1, &o));
    assert_int_equal(o.set.places[0].len, sizeof(payload) - 1);
    assert_memory_equal(o.area + o.set.places[0].offset, payload, sizeof(payload) - 1);
    drive_down(&d);
}

static void scalars_and_empty_tensors(void **state UNUSED)
{
    static const int64_t none[] = {0}, rows[] = {0, 3};
    static const float one = 1.5F;
    struct drive_value x = drive_tensor("x", DTYPE_FLOAT, 0, NULL, &one, sizeof(one));
    compare("scalar", &x, 1);
    x = drive_tensor("x", DTYPE_FLOAT, 1, none, NULL, 0);
    compare("identity_float", &x, 1);
    x = drive_tensor("x", DTYPE_STRING, 1, none, NULL, 0);
    compare("identity_string", &x, 1);
    x = drive_tensor("x", DTYPE_FLOAT, 2, rows, NULL, 0);
    compare("add", &x, 1);
}

static void an_initializer_can_be_replaced(void **state UNUSED)
{
    static const int64_t matrix[] = {2, 3}, vector[] = {3};
    static const float x[] = {1, 2, 3, 4, 5, 6}, w[] = {0.5F, -1, 100};
    struct drive_value inputs[] = {drive_tensor("x", DTYPE_FLOAT, 2, matrix, x, sizeof(x)),
                                   drive_tensor("w", DTYPE_FLOAT, 1, vector, w, sizeof(w))};
    compare("add", inputs, 1);
    compare("add", inputs, 2);
}

static void sequences_and_optionals(void **state UNUSED)
{
    static const int64_t matrix[] = {3, 2}, vector[] = {2};
    static const int32_t x[] = {1, -2, 3, -4, 5, -6};
    static const float f[] = {1, 2};
    struct drive_value rows = drive_tensor("x", DTYPE_INT32, 2, matrix, x, sizeof(x));
    struct drive_value numbers = drive_tensor("x", DTYPE_FLOAT, 1, vector, f, sizeof(f));
    compare("split", &rows, 1);
    compare("present", &numbers, 1);
    compare("absent", &numbers, 1);
}

/* The expected bytes are written down by hand from tensor/values.h: pairs sorted by encoded key. */
static void maps(void **state UNUSED)
{
    static const int64_t dims[] = {1, 3};
    static const float x[] = {0.5F, 0.25F, 2};
    static const uint8_t by_number[] = "\x80\1\0\0\0\0\0\0\0"
                                       "\x81\3\0\0\0\0\0\0\0"
                                       "\7\0\0\0\0\0\0\0\0\0\0\x3f"
                                       "\x2c\1\0\0\0\0\0\0\0\0\0\x40"
                                       "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x80\x3e";
    static const uint8_t by_text[] = "\x80\1\0\0\0\0\0\0\0"
                                     "\x81\3\0\0\0\0\0\0\0"
                                     "\2\0\0\0ox\0\0\0\x40"
                                     "\3\0\0\0cat\0\0\x80\x3e"
                                     "\4\0\0\0bird\0\0\0\x3f";
    static const struct {
        const char *model;
        const uint8_t *expected;
        size_t len;
    } rows[] = {{"zipmap_int", by_number, sizeof(by_number) - 1}, {"zipmap_string", by_text, sizeof(by_text) - 1}};
    struct drive_value input = drive_tensor("x", DTYPE_FLOAT, 2, dims, x, sizeof(x));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct drive d;
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        drive_up(&d, &(struct drive_options){0}, rows[i].model);
        assert_ok(drive_run(&d, &input, 1, &o));
        assert_int_equal(o.set.descs.items[0].type.kind, VALUE_MAP_SEQUENCE);
        assert_int_equal(o.set.places[0].len, rows[i].len);
        assert_memory_equal(o.area + o.set.places[0].offset, rows[i].expected, rows[i].len);
        drive_down(&d);
    }
}

static void nested_graphs(void **state UNUSED)
{
    static const int64_t dims[] = {1};
    static const float one = 1;
    struct drive_value inputs[] = {drive_tensor("x", DTYPE_FLOAT, 1, dims, &one, sizeof(one)),
                                   drive_tensor("c", DTYPE_BOOL, 0, NULL, "\1", 1)};
    compare("nested", inputs, 2);
}

/* ── one job after the other ── */

/* Runs `x` through a model that gives back what it gets. */
static void expect_same(struct drive *d, const struct drive_value *x)
{
    AUTO(drive_outcome_done) struct drive_outcome o = {0};
    assert_ok(drive_run(d, x, 1, &o));
    assert_int_equal(o.set.descs.items[0].rank, x->desc.rank);
    assert_memory_equal(o.set.descs.items[0].dims, x->desc.dims, x->desc.rank * sizeof(*x->desc.dims));
    assert_true(view_equal(view_of(o.area + o.set.places[0].offset, o.set.places[0].len), x->payload));
}

/* A worker knows the inputs of the job before; lengths are such that its copies move, and that they are let go. */
static void inputs_like_the_last_ones(void **state UNUSED)
{
    static const int64_t counts[] = {2, 2, 3, 2, 0, 0, 1000, 2, 2, 600000, 600000, 2, 5, 5};
    static int64_t numbers[600000];
    struct drive d;
    drive_up(&d, &(struct drive_options){.workers = 1}, "identity_int64");
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        for (int64_t k = 0; k < counts[i]; k++)
            numbers[k] = (int64_t)i * 1000000 + k;
        struct drive_value x = drive_tensor("x", DTYPE_INT64, 1, &counts[i], numbers, (size_t)counts[i] * sizeof(*numbers));
        expect_same(&d, &x);
    }
    drive_down(&d);
}

static void texts_like_the_last_ones(void **state UNUSED)
{
    static const int64_t dims[] = {1};
    struct drive d;
    drive_up(&d, &(struct drive_options){.workers = 1}, "identity_string");
    for (char c = 'a'; c < 'e'; c++) {
        const char text[] = {2, 0, 0, 0, c, 'x'};
        struct drive_value x = drive_tensor("x", DTYPE_STRING, 1, dims, text, sizeof(text));
        expect_same(&d, &x);
    }
    drive_down(&d);
}

/* Bytes are looked at each time, and what was refused is not known. */
static void refused_between_good_ones(void **state UNUSED)
{
    static const int64_t dims[] = {2}, three[] = {3};
    struct drive d;
    struct drive_value good = drive_tensor("x", DTYPE_BOOL, 1, dims, "\1\0", 2);
    const struct drive_value bad[] = {drive_tensor("x", DTYPE_BOOL, 1, dims, "\1\2", 2), drive_tensor("y", DTYPE_BOOL, 1, dims, "\1\0", 2),
                                      drive_tensor("x", DTYPE_UINT8, 1, three, "\1\0\1", 3)};
    const err_t why[] = {ERR_VALUE_RANGE, ERR_INPUT_MISSING, ERR_DTYPE_MISMATCH};
    drive_up(&d, &(struct drive_options){.workers = 1}, "identity_bool");
    for (size_t i = 0; i < 3 * COUNT_OF(bad); i++) {
        AUTO(drive_outcome_done) struct drive_outcome o = {0};
        expect_same(&d, &good);
        assert_int_equal(drive_run(&d, &bad[i / 3], 1, &o), why[i / 3]);
    }
    expect_same(&d, &good);
    drive_down(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_type),
        cmocka_unit_test(booleans),
        cmocka_unit_test(strings),
        cmocka_unit_test(a_string_with_nul),
        cmocka_unit_test(scalars_and_empty_tensors),
        cmocka_unit_test(an_initializer_can_be_replaced),
        cmocka_unit_test(sequences_and_optionals),
        cmocka_unit_test(maps),
        cmocka_unit_test(nested_graphs),
        cmocka_unit_test(inputs_like_the_last_ones),
        cmocka_unit_test(texts_like_the_last_ones),
        cmocka_unit_test(refused_between_good_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
