/* Varints, tags and lengths: the examples of the encoding guide, and every form that has two meanings. */
#include "base/protobuf.h"

#include "unit.h"

struct varint_case {
    const char *bytes;
    size_t len;
    err_t expected;
    uint64_t number;
};
#define BYTES(text) (text), sizeof(text) - 1

static void varints(void **state UNUSED)
{
    static const struct varint_case cases[] = {
        {BYTES("\x00"), OK, 0},
        {BYTES("\x7f"), OK, 127},
        {BYTES("\x80\x01"), OK, 128},
        {BYTES("\x96\x01"), OK, 150},
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), OK, UINT64_MAX},
        {BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), OK, (uint64_t)1 << 63},
        {BYTES(""), ERR_TRUNCATED, 0},
        {BYTES("\x80"), ERR_TRUNCATED, 0},
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff"), ERR_TRUNCATED, 0},
        {BYTES("\x80\x00"), ERR_MALFORMED, 0},
        {BYTES("\x81\x80\x00"), ERR_MALFORMED, 0},
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"), ERR_MALFORMED, 0},
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), ERR_MALFORMED, 0},
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_MALFORMED, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct view v = view_of(cases[i].bytes, cases[i].len);
        uint64_t n = 0;

        assert_err(proto_varint(&v, &n), cases[i].expected);
        assert_int_equal(v.len, cases[i].expected == OK ? 0 : cases[i].len);
        assert_true(n == cases[i].number);
    }
}

static void varint_leaves_what_follows(void **state UNUSED)
{
    struct view v = view_of("\x96\x01\x07", 3);
    uint64_t n = 0;

    assert_ok(proto_varint(&v, &n));
    assert_int_equal(n, 150);
    assert_ok(proto_varint(&v, &n));
    assert_int_equal(n, 7);
    assert_int_equal(v.len, 0);
}

static void tags(void **state UNUSED)
{
    struct view v = view_of("\x08\x96\x01\x7d\xf8\xff\xff\xff\x0f", 9);
    struct proto_tag tag = {0};

    assert_ok(proto_tag(&v, &tag));
    assert_int_equal(tag.number, 1);
    assert_int_equal(tag.wire, PROTO_VARINT);
    assert_ok(proto_tag(&v, &tag));
    assert_int_equal(tag.number, 18);
    assert_int_equal(tag.wire, 6);
    assert_ok(proto_tag(&v, &tag));
    assert_int_equal(tag.number, 15);
    assert_int_equal(tag.wire, PROTO_FIXED32);
    assert_ok(proto_tag(&v, &tag));
    assert_int_equal(tag.number, (1 << 29) - 1);
}

static void broken_tags(void **state UNUSED)
{
    static const struct varint_case cases[] = {
        {BYTES("\x00"), ERR_MALFORMED, 0},     {BYTES("\x02"), ERR_MALFORMED, 0},
        {BYTES("\x88\x00"), ERR_MALFORMED, 0}, {BYTES("\x80\x80\x80\x80\x10"), ERR_MALFORMED, 0},
        {BYTES(""), ERR_TRUNCATED, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct view v = view_of(cases[i].bytes, cases[i].len);
        struct proto_tag tag = {0};

        assert_err(proto_tag(&v, &tag), cases[i].expected);
        assert_int_equal(v.len, cases[i].len);
    }
}

static void lengths(void **state UNUSED)
{
    struct view v = view_of("\x07testing\x00\x05"
                            "abcd",
                            14),
                part = {0};

    assert_ok(proto_bytes(&v, &part));
    assert_true(view_is(part, "testing"));
    assert_ok(proto_bytes(&v, &part));
    assert_int_equal(part.len, 0);
    assert_err(proto_bytes(&v, &part), ERR_TRUNCATED);
    assert_int_equal(v.len, 5);
    v = view_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    assert_err(proto_bytes(&v, &part), ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints), cmocka_unit_test(varint_leaves_what_follows),
        cmocka_unit_test(tags),    cmocka_unit_test(broken_tags),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
