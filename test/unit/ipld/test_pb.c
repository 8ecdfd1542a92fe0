/* Protobuf fields: values from the encoding guide, then what is refused. */
#include "ipld/pb.h"

#include "unit.h"

static void takes_the_guides_examples(void **state UNUSED)
{
    /* field 1 = 150; field 2 = "testing"; field 3 fixed32 = 0x04030201 */
    struct view v = text_view("\x08\x96\x01\x12\x07testing\x1d\x01\x02\x03\x04");
    struct pb_field f;
    assert_ok(pb_take(&v, &f));
    assert_true(f.tag == PB_VARINT(1) && f.number == 150);
    assert_ok(pb_take(&v, &f));
    assert_true(f.tag == PB_BYTES(2) && view_is(f.bytes, "testing"));
    assert_ok(pb_take(&v, &f));
    assert_true(f.tag == PB_FIXED32(3) && f.number == 0x04030201);
    assert_int_equal(v.len, 0);
}

static void takes_64_bits(void **state UNUSED)
{
    struct view v = text_view("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    struct pb_field f;
    assert_ok(pb_take(&v, &f));
    assert_true(f.number == UINT64_MAX);
}

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"", 0},
        {"\x08", 1},                                             /* no value */
        {"\x08\x80", 2},                                         /* unfinished varint */
        {"\x08\x80\x00", 3},                                     /* padded value */
        {"\x88\x00\x01", 3},                                     /* padded tag */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},    /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* eleven bytes */
        {"\x12\x03" "ab", 4},                                    /* length past the end */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},    /* length 2^64-1 */
        {"\x1d\x01\x02\x03", 4},                                 /* fixed32 cut */
        {"\x09\x01\x02\x03\x04\x05\x06\x07\x08", 9},             /* fixed64 */
        {"\x0b\x0c", 2},                                         /* group */
        {"\x0e\x00", 2},                                         /* wire type 6 */
        {"\x0f\x00", 2},                                         /* wire type 7 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = view_of(rows[i].bytes, rows[i].len);
        struct pb_field f = {.tag = 99};
        assert_err(pb_take(&v, &f), ERR_MALFORMED);
        assert_int_equal(v.len, rows[i].len);
        assert_int_equal(f.tag, 99);
    }
}

static void puts_fields(void **state UNUSED)
{
    AUTO_BUF struct buf b = {.max = 64};
    assert_ok(pb_put_varint(&b, PB_VARINT(1), 150));
    assert_ok(pb_put_bytes(&b, PB_BYTES(2), text_view("testing")));
    assert_true(view_is(buf_view(&b), "\x08\x96\x01\x12\x07testing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_guides_examples),
        cmocka_unit_test(takes_64_bits),
        cmocka_unit_test(refuses),
        cmocka_unit_test(puts_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
