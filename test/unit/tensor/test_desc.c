/* Descriptors and signatures: the encoding byte by byte, limits, and what is refused. */
#include "tensor/desc.h"

#include "model.h"

static void encodes_as_specified(void **state UNUSED)
{
    static const uint8_t expected[] = {
        2, 0,                                                                      /* two values */
        1, 0, 'x', 1,   2,   3,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* x: float, rank 2, 3 × 0 */
        3, 0, 'm', 'a', 'p', 0x80, 0x81, 8, 7, 0, /* map: sequence of map(string → int64) */
    };
    const struct value_desc items[] = {
        TENSOR("x", DTYPE_FLOAT, 3, 0),
        {.name = text_view("map"), .type = {.kind = VALUE_MAP_SEQUENCE, .key = DTYPE_STRING, .dtype = DTYPE_INT64}},
    };
    AUTO(desc_list_done) struct desc_list list = {0};
    assert_ok(desc_list_make(items, 2, &list));
    assert_view(list.encoded, view_of(expected, sizeof(expected)));
    assert_int_equal(list.count, 2);
    assert_true(view_is(list.items[0].name, "x") && list.items[0].rank == 2 && list.items[0].dims[0] == 3);
    assert_int_equal(list.items[1].type.kind, VALUE_MAP_SEQUENCE);
}

static void parses_every_type(void **state UNUSED)
{
    static const struct value_type types[] = {
        {.dtype = DTYPE_STRING},
        {.optional = true, .dtype = DTYPE_BFLOAT16},
        {.kind = VALUE_SEQUENCE, .dtype = DTYPE_BOOL},
        {.kind = VALUE_SEQUENCE, .optional = true, .dtype = DTYPE_INT8},
        {.kind = VALUE_MAP, .key = DTYPE_INT64, .dtype = DTYPE_DOUBLE},
        {.kind = VALUE_MAP_SEQUENCE, .key = DTYPE_STRING, .dtype = DTYPE_STRING},
    };
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const struct value_desc d = {.name = text_view("v"), .type = types[i]};
        AUTO(desc_list_done) struct desc_list made = {0};
        AUTO(desc_list_done) struct desc_list parsed = {0};
        assert_ok(desc_list_make(&d, 1, &made));
        assert_ok(desc_list_parse(made.encoded, &parsed));
        assert_memory_equal(&parsed.items[0].type, &types[i], sizeof(types[i]));
    }
}

#define X_FLOAT "\x01\x00x\x01"

static void refuses_lists(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
        err_t code;
    } rows[] = {
        {"", 0, ERR_TRUNCATED},
        {"\x01", 1, ERR_TRUNCATED},
        {"\x01\x00", 2, ERR_TRUNCATED},
        {"\x00\x00\x00", 3, ERR_MALFORMED},                      /* trailing byte */
        {"\x01\x04", 2, ERR_TOO_LARGE},                          /* 1,025 values */
        {"\x01\x00\x00\x00\x01\x00", 6, ERR_MALFORMED},          /* empty name */
        {"\x01\x00\x01\x00\xff\x01\x00", 7, ERR_MALFORMED},      /* name is not UTF-8 */
        {"\x01\x00\x05\x00xx", 6, ERR_TRUNCATED},                /* name past the end */
        {"\x01\x00\x01\x00x\x00\x00", 7, ERR_MALFORMED},         /* dtype 0 */
        {"\x01\x00\x01\x00x\x0e\x00", 7, ERR_MALFORMED},         /* dtype 14, complex64 */
        {"\x01\x00\x01\x00x\x7f\x00", 7, ERR_MALFORMED},         /* dtype 127 */
        {"\x01\x00\x01\x00x\x83\x00", 7, ERR_MALFORMED},         /* unknown tag */
        {"\x01\x00\x01\x00x\x81\x01\x01\x00", 9, ERR_MALFORMED}, /* map with float keys */
        {"\x01\x00\x01\x00x\x81\x07\x09\x00", 9, ERR_MALFORMED}, /* map with bool values */
        {"\x01\x00\x01\x00x\x80\x80\x01\x00", 9, ERR_MALFORMED}, /* sequence of sequences */
        {"\x01\x00\x01\x00x\x80\x82\x01\x00", 9, ERR_MALFORMED}, /* sequence of optionals */
        {"\x01\x00\x01\x00x\x82\x82\x01\x00", 9, ERR_MALFORMED}, /* optional optional */
        {"\x01\x00" X_FLOAT "\x21", 7, ERR_TOO_LARGE},           /* rank 33 */
        {"\x01\x00" X_FLOAT "\xff", 7, ERR_TOO_LARGE},           /* open rank outside a signature */
        {"\x01\x00" X_FLOAT "\x01\x01\x00\x00\x00\x00\x00\x00", 14, ERR_TRUNCATED},
        {"\x01\x00" X_FLOAT "\x01\xff\xff\xff\xff\xff\xff\xff\xff", 15, ERR_MALFORMED},       /* dimension -1 */
        {"\x01\x00\x01\x00x\x80\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00", 16, ERR_MALFORMED}, /* sequence of rank 1 */
        {"\x01\x00\x01\x00x\x82\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00", 16, ERR_MALFORMED}, /* absent, rank 1 */
        {"\x01\x00" X_FLOAT "\x02\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00", 23,
         ERR_TOO_LARGE}, /* 2^32 × 2^31 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct desc_list list = {0};
        err_t e = desc_list_parse(view_of(rows[i].bytes, rows[i].len), &list);
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
        assert_null(list.items);
    }
}

static void keeps_its_limits(void **state UNUSED)
{
    static uint8_t name[DESC_MAX_BYTES];
    static struct value_desc many[DESC_MAX_COUNT + 1];
    AUTO(desc_list_done) struct desc_list list = {0};
    memset(name, 'n', sizeof(name));
    struct value_desc d = {.name = view_of(name, DESC_MAX_BYTES - 6), .type = {.dtype = DTYPE_FLOAT}};
    assert_ok(desc_list_make(&d, 1, &list));
    desc_list_done(&list);
    d.name.len++;
    assert_err(desc_list_make(&d, 1, &list), ERR_TOO_LARGE);
    d.name.len = 0x10000;
    assert_err(desc_list_make(&d, 1, &list), ERR_TOO_LARGE);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (struct value_desc){.name = text_view("n"), .type = {.dtype = DTYPE_FLOAT}};
    assert_ok(desc_list_make(many, DESC_MAX_COUNT, &list));
    desc_list_done(&list);
    assert_err(desc_list_make(many, DESC_MAX_COUNT + 1, &list), ERR_TOO_LARGE);
    many[0].rank = DESC_MAX_RANK + 1;
    assert_err(desc_list_make(many, 1, &list), ERR_TOO_LARGE);
    static const uint8_t large[DESC_MAX_BYTES + 1];
    assert_err(desc_list_parse(view_of(large, sizeof(large)), &list), ERR_TOO_LARGE);
}

static void counts_elements(void **state UNUSED)
{
    const struct {
        struct value_desc d;
        err_t code;
        uint64_t count;
    } rows[] = {
        {{.rank = 0}, OK, 1},
        {{.rank = 3, .dims = (const int64_t[]){2, 3, 4}}, OK, 24},
        {{.rank = 3, .dims = (const int64_t[]){INT64_MAX, 0, INT64_MAX}}, ERR_TOO_LARGE, 0},
        {{.rank = 2, .dims = (const int64_t[]){INT64_MAX, 0}}, OK, 0},
        {{.rank = 1, .dims = (const int64_t[]){INT64_MAX}}, OK, INT64_MAX},
        {{.rank = 2, .dims = (const int64_t[]){1LL << 32, 1LL << 31}}, ERR_TOO_LARGE, 0},
        {{.rank = 1, .dims = (const int64_t[]){-1}}, ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t count = 0;
        assert_err(desc_elements(&rows[i].d, &count), rows[i].code);
        assert_true(count == rows[i].count);
    }
}

static const struct value_desc inputs[] = {
    TENSOR("ids", DTYPE_INT64, DIM_ANY, 8),
    {.name = {(const uint8_t *)"free", 4}, .type = {.dtype = DTYPE_FLOAT}, .rank = RANK_UNKNOWN},
    {.name = {(const uint8_t *)"scale", 5}, .type = {.dtype = DTYPE_FLOAT}, .may_miss = true},
};
static const struct value_desc outputs[] = {
    TENSOR("ids", DTYPE_FLOAT, 2),
    {.name = {(const uint8_t *)"maybe", 5}, .type = {.optional = true, .dtype = DTYPE_FLOAT}, .rank = RANK_UNKNOWN},
};

static void keeps_a_signature(void **state UNUSED)
{
    AUTO(signature_done) struct signature made = {0};
    AUTO(signature_done) struct signature s = {0};
    assert_ok(signature_make(inputs, COUNT_OF(inputs), outputs, COUNT_OF(outputs), &made));
    assert_ok(signature_parse(made.encoded, &s));
    assert_true(s.input_count == 3 && s.output_count == 2);
    assert_true(s.inputs[0].dims[0] == DIM_ANY && s.inputs[0].dims[1] == 8 && !s.inputs[0].may_miss);
    assert_int_equal(s.inputs[1].rank, RANK_UNKNOWN);
    assert_true(s.inputs[2].may_miss && s.inputs[2].rank == 0);
    assert_true(view_is(s.outputs[0].name, "ids") && s.outputs[1].type.optional);
}

static void refuses_signatures(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
        err_t code;
    } rows[] = {
        {"\x00\x00", 2, ERR_TRUNCATED},
        {"\x00\x00\x00\x00\x00", 5, ERR_MALFORMED},                                    /* trailing byte */
        {"\x01\x04", 2, ERR_TOO_LARGE},                                                /* 1,025 inputs */
        {"\x00\x00\x01\x04", 4, ERR_TOO_LARGE},                                        /* 1,025 outputs */
        {"\x01\x00\x02" X_FLOAT "\x00\x00\x00", 10, ERR_MALFORMED},                    /* unknown flag */
        {"\x00\x00\x01\x00\x01" X_FLOAT "\x00", 10, ERR_MALFORMED},                    /* flag on an output */
        {"\x02\x00\x00" X_FLOAT "\x00\x00" X_FLOAT "\x00\x00\x00", 16, ERR_MALFORMED}, /* inputs of one name */
        {"\x00\x00\x02\x00\x00" X_FLOAT "\x00\x00" X_FLOAT "\x00", 16, ERR_MALFORMED}, /* outputs of one name */
        {"\x01\x00\x00" X_FLOAT "\x01\xfe\xff\xff\xff\xff\xff\xff\xff\x00\x00", 18, ERR_MALFORMED}, /* dimension -2 */
        {"\x01\x00\x00\x01\x00x\x80\x01\xff\x00\x00", 11, ERR_TOO_LARGE}, /* open rank of a sequence */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct signature s = {0};
        err_t e = signature_parse(view_of(rows[i].bytes, rows[i].len), &s);
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
        assert_null(s.inputs);
    }
    static const uint8_t large[DESC_MAX_BYTES + 1];
    struct signature s = {0};
    assert_err(signature_parse(view_of(large, sizeof(large)), &s), ERR_TOO_LARGE);
}

static void takes_what_fits(void **state UNUSED)
{
    AUTO(signature_done) struct signature s = {0};
    assert_ok(signature_make(inputs, COUNT_OF(inputs), NULL, 0, &s));
    const struct value_desc ids = TENSOR("ids", DTYPE_INT64, 5, 8);
    const struct value_desc any = TENSOR("free", DTYPE_FLOAT, 1, 2, 3);
    const struct value_desc scale = TENSOR("scale", DTYPE_FLOAT);
    const struct {
        struct value_desc items[4];
        size_t count;
        err_t code;
    } rows[] = {
        {{ids, any, scale}, 3, OK},
        {{ids, any}, 2, OK},
        {{ids, scale}, 2, ERR_INPUT_MISSING},
        {{any, ids}, 2, ERR_INPUT_MISSING},
        {{ids, any, scale, scale}, 4, ERR_INPUT_UNKNOWN},
        {{ids, any, TENSOR("other", DTYPE_FLOAT)}, 3, ERR_INPUT_UNKNOWN},
        {{TENSOR("ids", DTYPE_INT32, 5, 8), any}, 2, ERR_DTYPE_MISMATCH},
        {{TENSOR("ids", DTYPE_INT64, 5, 7), any}, 2, ERR_SHAPE_MISMATCH},
        {{TENSOR("ids", DTYPE_INT64, 8), any}, 2, ERR_SHAPE_MISMATCH},
        {{{.name = text_view("ids"), .type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_INT64}}, any},
         2,
         ERR_DTYPE_MISMATCH},
        {{{.name = text_view("ids"), .type = {.optional = true, .dtype = DTYPE_INT64}}, any}, 2, ERR_DTYPE_MISMATCH},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(desc_list_done) struct desc_list list = {0};
        assert_ok(desc_list_make(rows[i].items, rows[i].count, &list));
        err_t e = signature_takes(&s, &list);
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
    }
    const struct value_desc absent = {.name = text_view("maybe"), .type = {.optional = true, .dtype = DTYPE_FLOAT}};
    assert_ok(desc_fits(&absent, &outputs[1]));
    assert_err(desc_fits(&absent, &outputs[0]), ERR_INPUT_UNKNOWN);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    AUTO(desc_list_done) struct desc_list list = {0};
    AUTO(signature_done) struct signature s = {0};
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = desc_list_make(outputs, 1, &list);
        if (e == OK)
            e = signature_make(inputs, COUNT_OF(inputs), outputs, COUNT_OF(outputs), &s);
        mem_fail_after(-1);
        if (e == ERR_NOMEM)
            desc_list_done(&list);
    }
    assert_ok(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_as_specified),
        cmocka_unit_test(parses_every_type),
        cmocka_unit_test(refuses_lists),
        cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(counts_elements),
        cmocka_unit_test(keeps_a_signature),
        cmocka_unit_test(refuses_signatures),
        cmocka_unit_test(takes_what_fits),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
