/* DER: the examples of X.690 and what it forbids. */
#include "attest/der.h"
#include "unit.h"

#define TOO_SHORT ERR_TRUNCATED

static struct view from(const char *hex)
{
    static uint8_t bytes[512];
    return hex_view(hex, bytes);
}

static void lengths(void **state UNUSED)
{
    static const struct {
        const char *head; /* followed by bytes of zero */
        size_t len;
        err_t verdict;
    } rows[] = {
        {"0400", 0, OK},
        {"047f", 127, OK},
        {"048180", 128, OK},
        {"0481ff", 255, OK},
        {"04820100", 256, OK},
        {"04817f", 127, ERR_MALFORMED},
        {"048200ff", 255, ERR_MALFORMED},
        {"0483000100", 256, ERR_MALFORMED},
        {"0480", 0, ERR_MALFORMED},
        {"04ff", 0, ERR_MALFORMED},
        {"0401", 0, TOO_SHORT},
        {"04820101", 256, TOO_SHORT},
        {"0481", 0, TOO_SHORT},
        {"048201", 0, TOO_SHORT},
        {"04", 0, TOO_SHORT},
        {"", 0, TOO_SHORT},
        {"0500", 0, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[512] = {0};
        struct view v = hex_view(rows[i].head, bytes), before = {0}, content = {0};
        v.len += rows[i].len;
        before = v;
        assert_err(der_get(&v, DER_OCTET_STRING, &content), rows[i].verdict);
        if (rows[i].verdict == OK)
            assert_true(content.len == rows[i].len && v.len == 0);
        else
            assert_true(v.data == before.data && v.len == before.len);
    }
}

static void whole(void **state UNUSED)
{
    struct view v = from("30020500010100"), element = {0};
    assert_true(der_at(&v, DER_SEQUENCE));
    assert_ok(der_get_whole(&v, DER_SEQUENCE, &element));
    assert_int_equal(element.len, 4);
    assert_int_equal(v.len, 3);
    assert_false(der_at(&v, DER_SEQUENCE));
}

static void booleans(void **state UNUSED)
{
    static const struct {
        const char *hex;
        err_t verdict;
        bool value;
    } rows[] = {{"010100", OK, false},
                {"0101ff", OK, true},
                {"010101", ERR_MALFORMED, false},
                {"0100", ERR_MALFORMED, false},
                {"01020000", ERR_MALFORMED, false},
                {"0201ff", ERR_MALFORMED, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = from(rows[i].hex);
        bool b = false;
        assert_err(der_get_boolean(&v, &b), rows[i].verdict);
        assert_int_equal(b, rows[i].value);
    }
}

static void integers(void **state UNUSED)
{
    static const struct {
        const char *hex;
        err_t positive;
        err_t small;
    } rows[] = {
        {"020101", OK, OK},
        {"02017f", OK, OK},
        {"020100", ERR_MALFORMED, OK},
        {"02020080", OK, ERR_MALFORMED},
        {"020180", ERR_MALFORMED, ERR_MALFORMED},   /* negative */
        {"0202007f", ERR_MALFORMED, ERR_MALFORMED}, /* a byte too many */
        {"0200", ERR_MALFORMED, ERR_MALFORMED},
        {"0203010000", OK, ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = from(rows[i].hex), content = {0};
        uint8_t n = 0;
        assert_err(der_get_positive(&v, &content), rows[i].positive);
        v = from(rows[i].hex);
        assert_err(der_get_small(&v, &n), rows[i].small);
    }
}

static void bits(void **state UNUSED)
{
    static const struct {
        const char *hex;
        err_t verdict;
        unsigned unused;
    } rows[] = {
        {"03020186", OK, 1},
        {"030200ff", OK, 0},
        {"0304066e5dc0", OK, 6},
        {"030100", OK, 0},
        {"0304066e5de0", ERR_MALFORMED, 0},
        {"03020801", ERR_MALFORMED, 0},
        {"030101", ERR_MALFORMED, 0},
        {"0300", TOO_SHORT, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view v = from(rows[i].hex), bytes = {0};
        unsigned unused = 0;
        assert_err(der_get_bits(&v, &bytes, &unused), rows[i].verdict);
        assert_int_equal(unused, rows[i].unused);
    }
}

static err_t read_time(unsigned tag, const char *text, uint64_t *ret)
{
    uint8_t bytes[64] = {(uint8_t)tag, (uint8_t)strlen(text)};
    memcpy(bytes + 2, text, strlen(text));
    struct view v = view_of(bytes, strlen(text) + 2);
    return der_get_time(&v, ret);
}

/* Seconds as `date -u +%s` says them. */
static void times(void **state UNUSED)
{
    static const struct {
        unsigned tag;
        const char *text;
        uint64_t seconds;
    } rows[] = {
        {0x17, "700101000000Z", 0},
        {0x17, "691231235959Z", UINT64_MAX},
        {0x17, "191028132805Z", 1572269285},
        {0x17, "491028142805Z", 2519044085},
        {0x17, "000229120000Z", 951825600},
        {0x17, "991231235959Z", 946684799},
        {0x18, "20500101000000Z", 2524608000},
        {0x18, "21000228000000Z", 4107456000},
        {0x18, "99991231235959Z", 253402300799},
        {0x17, "260228235959Z", 1772323199},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t seconds = UINT64_MAX;
        assert_err(read_time(rows[i].tag, rows[i].text, &seconds), rows[i].seconds == UINT64_MAX ? ERR_MALFORMED : OK);
        assert_true(seconds == rows[i].seconds);
    }
}

static void no_times(void **state UNUSED)
{
    static const struct {
        unsigned tag;
        const char *text;
    } rows[] = {
        {0x17, "260229000000Z"},     {0x18, "21000229000000Z"}, {0x17, "261301000000Z"},
        {0x17, "260001000000Z"},     {0x17, "260132000000Z"},   {0x17, "260100000000Z"},
        {0x17, "260431000000Z"},     {0x17, "260101240000Z"},   {0x17, "260101006000Z"},
        {0x17, "260101000060Z"},     {0x17, "260101000000"},    {0x17, "260101000000+0000"},
        {0x17, "2601010000Z"},       {0x17, "26010100000aZ"},   {0x17, "260101000000z"},
        {0x17, "260101000000ZZ"},    {0x17, "20260101000000Z"}, {0x18, "20491231235959Z"},
        {0x18, "20500101000000.5Z"}, {0x18, "500101000000Z"},   {0x17, ""},
        {0x17, " 60101000000Z"},     {0x17, "-10101000000Z"},   {0x04, "260101000000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t seconds = 0;
        if (read_time(rows[i].tag, rows[i].text, &seconds) == OK)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths), cmocka_unit_test(whole), cmocka_unit_test(booleans), cmocka_unit_test(integers),
        cmocka_unit_test(bits),    cmocka_unit_test(times), cmocka_unit_test(no_times),
    };
    return cmocka_run_group_tests_name("attest der", tests, NULL, NULL);
}
