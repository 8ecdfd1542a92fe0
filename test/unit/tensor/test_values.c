/* Places in an area, and payloads: how they are written and what is refused. */
#include "tensor/values.h"

#include "model.h"

static const struct value_desc pair[] = {TENSOR("a", DTYPE_FLOAT, 3), TENSOR("b", DTYPE_STRING, 2)};

static void lays_out(void **state UNUSED)
{
    AUTO(value_set_done) struct value_set set = {0};
    const struct value_desc items[] = {TENSOR("a", DTYPE_FLOAT, 3), TENSOR("empty", DTYPE_FLOAT, 0),
                                       TENSOR("s", DTYPE_STRING, 2), TENSOR("d", DTYPE_DOUBLE, 8)};
    assert_ok(value_set_make(items, 4, (const uint64_t[]){12, 0, 70, 64}, 256, &set));
    static const struct value_place expected[] = {{0, 12}, {64, 0}, {64, 70}, {192, 64}};
    assert_memory_equal(set.places, expected, sizeof(expected));
    assert_int_equal(set.total, 256);
    struct value_set refused = {0};
    assert_err(value_set_make(items, 4, (const uint64_t[]){12, 0, 70, 64}, 255, &refused), ERR_TOO_LARGE);
}

static void refuses_lengths(void **state UNUSED)
{
    const struct {
        struct value_desc d;
        uint64_t len;
        err_t code;
    } rows[] = {
        {TENSOR("x", DTYPE_FLOAT, 3), 11, ERR_MALFORMED},
        {TENSOR("x", DTYPE_FLOAT, 3), 13, ERR_MALFORMED},
        {TENSOR("x", DTYPE_FLOAT, 1LL << 61), 8, ERR_MALFORMED},
        {TENSOR("x", DTYPE_DOUBLE, 1LL << 61), 8, ERR_TOO_LARGE},
        {TENSOR("x", DTYPE_STRING, 3), 11, ERR_MALFORMED},
        {TENSOR("x", DTYPE_STRING, 3), UINT64_MAX, ERR_TOO_LARGE},
        {{.name = text_view("x"), .type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_FLOAT}}, 8, ERR_MALFORMED},
        {{.name = text_view("x"), .type = {.kind = VALUE_MAP, .key = DTYPE_INT64, .dtype = DTYPE_FLOAT}},
         8,
         ERR_MALFORMED},
        {{.name = text_view("x"), .type = {.optional = true, .dtype = DTYPE_FLOAT}}, 4, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct value_set set = {0};
        err_t e = value_set_make(&rows[i].d, 1, &rows[i].len, AREA_MAX, &set);
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
    }
}

static void travels(void **state UNUSED)
{
    AUTO(value_set_done) struct value_set made = {0};
    AUTO(value_set_done) struct value_set parsed = {0};
    AUTO_BUF struct buf wire = {.max = VALUE_SET_MAX_BYTES};
    assert_ok(value_set_make(pair, 2, (const uint64_t[]){12, 9}, 1000, &made));
    assert_ok(value_set_encode(&made, &wire));
    assert_ok(value_set_parse(buf_view(&wire), 1000, &parsed));
    assert_view(parsed.descs.encoded, made.descs.encoded);
    assert_memory_equal(parsed.places, made.places, 2 * sizeof(*made.places));
    struct value_set refused = {0};
    for (size_t len = 0; len < wire.len; len++)
        assert_err(value_set_parse(view_of(wire.data, len), 1000, &refused), ERR_TRUNCATED);
    assert_err(value_set_parse(buf_view(&wire), made.total - 1, &refused), ERR_TOO_LARGE);
    assert_ok(buf_put_u8(&wire, 0));
    assert_err(value_set_parse(buf_view(&wire), 1000, &refused), ERR_MALFORMED);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    AUTO(value_set_done) struct value_set made = {0};
    AUTO(value_set_done) struct value_set parsed = {0};
    AUTO_BUF struct buf wire = {.max = VALUE_SET_MAX_BYTES};
    assert_ok(value_set_make(pair, 2, (const uint64_t[]){12, 9}, 1000, &made));
    assert_ok(value_set_encode(&made, &wire));
    value_set_done(&made);
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        mem_fail_after(n);
        e = value_set_make(pair, 2, (const uint64_t[]){12, 9}, 1000, &made);
        if (e == OK)
            e = value_set_parse(buf_view(&wire), 1000, &parsed);
        mem_fail_after(-1);
        if (e == ERR_NOMEM)
            value_set_done(&made);
    }
    assert_ok(e);
}

#define COUNT(n) n "\x00\x00\x00\x00\x00\x00\x00"

static void checks_payloads(void **state UNUSED)
{
    const struct value_desc floats = TENSOR("x", DTYPE_FLOAT, 2);
    const struct value_desc doubles = TENSOR("x", DTYPE_DOUBLE, 1LL << 61);
    const struct value_desc bools = TENSOR("x", DTYPE_BOOL, 2);
    const struct value_desc strings = TENSOR("x", DTYPE_STRING, 2);
    const struct value_desc parts = {.type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_INT8}};
    const struct value_desc labels = {.type = {.kind = VALUE_MAP, .key = DTYPE_STRING, .dtype = DTYPE_INT64}};
    const struct value_desc rows_of = {.type = {.kind = VALUE_MAP_SEQUENCE, .key = DTYPE_INT64, .dtype = DTYPE_STRING}};
    const struct value_desc absent = {.type = {.optional = true, .dtype = DTYPE_FLOAT}};
    const struct {
        const struct value_desc *d;
        const char *bytes;
        size_t len;
        err_t code;
    } rows[] = {
        {&floats, "12345678", 8, OK},
        {&floats, "1234567", 7, ERR_MALFORMED},
        {&floats, "123456789", 9, ERR_MALFORMED},
        {&doubles, "", 0, ERR_MALFORMED},
        {&bools, "\x00\x01", 2, OK},
        {&bools, "\x00\x02", 2, ERR_MALFORMED},
        {&strings, "\x00\x00\x00\x00\x01\x00\x00\x00z", 9, OK},
        {&strings, "\x00\x00\x00\x00\x02\x00\x00\x00z", 9, ERR_MALFORMED},
        {&strings, "\x00\x00\x00\x00\xff\xff\xff\xffz", 9, ERR_MALFORMED},
        {&strings, "\x00\x00\x00\x00\x00\x00\x00\x00z", 9, ERR_MALFORMED},
        {&parts, "\x80" COUNT("\x02") "\x00\x07\x01" COUNT("\x03") "abc", 23, OK},
        {&parts, "\x80" COUNT("\x00"), 9, OK},
        {&parts, "\x81" COUNT("\x00"), 9, ERR_MALFORMED},             /* another tag */
        {&parts, "\x80" COUNT("\x02") "\x00\x07", 11, ERR_MALFORMED}, /* an item is missing */
        {&parts, "\x80" COUNT("\x01") "\x21", 10, ERR_MALFORMED},     /* rank 33 */
        {&parts, "\x80" COUNT("\x01") "\x01" COUNT("\x03") "ab", 20, ERR_MALFORMED},
        {&parts, "\x80" COUNT("\x01") "\x01\xff\xff\xff\xff\xff\xff\xff\xff", 18, ERR_MALFORMED},
        {&parts, "\x80\xff\xff\xff\xff\xff\xff\xff\xff", 9, ERR_MALFORMED},
        {&labels, "\x81" COUNT("\x01") "\x01\x00\x00\x00z" COUNT("\x05"), 22, OK},
        {&labels, "\x80" COUNT("\x00"), 9, ERR_MALFORMED},
        {&rows_of, "\x80" COUNT("\x01") "\x81" COUNT("\x01") COUNT("\x05") "\x00\x00\x00\x00", 30, OK},
        {&rows_of,
         "\x80" COUNT("\x01") "\x81" COUNT("\x02") COUNT("\x05") "\x00\x00\x00\x00" COUNT("\x05") "\x00\x00\x00\x00",
         42, ERR_MALFORMED}, /* one key twice */
        {&rows_of,
         "\x80" COUNT("\x01") "\x81" COUNT("\x02") COUNT("\x05") "\x00\x00\x00\x00" COUNT("\x04") "\x00\x00\x00\x00",
         42, ERR_MALFORMED}, /* keys out of order */
        {&absent, "", 0, OK},
        {&absent, "x", 1, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        err_t e = payload_check(rows[i].d, view_of(rows[i].bytes, rows[i].len));
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
    }
}

/* Sorted by the bytes of the encoded key: of strings the length comes first, of integers the lowest byte. */
static void sorts_maps(void **state UNUSED)
{
    static const struct value_type by_text = {.kind = VALUE_MAP, .key = DTYPE_STRING, .dtype = DTYPE_STRING};
    uint8_t bytes[256];
    struct payload p = {.data = bytes, .max = sizeof(bytes)};
    struct map_pair pairs[] = {{text_view("b"), text_view("2")},
                               {text_view("aa"), text_view("3")},
                               {text_view(""), text_view("0")},
                               {text_view("a"), text_view("1")}};
    assert_ok(payload_put_map(&p, &by_text, pairs, COUNT_OF(pairs)));
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        assert_int_equal(pairs[i].value.data[0], '0' + i);
    pairs[0].key = text_view("aa");
    p.len = 0;
    assert_err(payload_put_map(&p, &by_text, pairs, COUNT_OF(pairs)), ERR_MALFORMED);
}

static void refuses_what_does_not_fit(void **state UNUSED)
{
    static const struct value_type by_int = {.kind = VALUE_MAP, .key = DTYPE_INT64, .dtype = DTYPE_FLOAT};
    uint8_t bytes[29];
    struct map_pair short_key = {text_view("1234567"), text_view("1234")};
    struct map_pair long_value = {text_view("12345678"), text_view("12345")};
    struct map_pair good = {text_view("12345678"), text_view("1234")};
    struct payload p = {.data = bytes, .max = sizeof(bytes)};
    assert_err(payload_put_map(&p, &by_int, &short_key, 1), ERR_MALFORMED);
    p.len = 0;
    assert_err(payload_put_map(&p, &by_int, &long_value, 1), ERR_MALFORMED);
    p.len = 0;
    assert_ok(payload_put_map(&p, &by_int, &good, 1));
    assert_int_equal(p.len, 21);
    assert_err(payload_put_map(&p, &by_int, &good, 1), ERR_TOO_LARGE);
    p.len = 0;
    assert_err(payload_put_string(&p, view_of(bytes, UINT32_MAX + 1ULL)), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_out),
        cmocka_unit_test(refuses_lengths),
        cmocka_unit_test(travels),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(checks_payloads),
        cmocka_unit_test(sorts_maps),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
