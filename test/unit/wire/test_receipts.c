/* The receipts of one message. */
#include "wire/receipts.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define assert_err(call, e) assert_string_equal(err_name(call), err_name(e))

/* Written by hand from the comments of msg.h and receipts.h. */
static const uint8_t two[] = {
    1, 0, 0, 0, 0, 0, 3, 0, 2, 0, 0, 0, 1, 0, 0, 0, 's', 't', 'c',
    2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 3, 0, 0, 0, 'C', 'O', 'S',
};
static const struct wire_receipt first = {
    .job = UINT64_C(3) << 48 | 1, .statement = {(const uint8_t *)"st", 2}, .cose = {(const uint8_t *)"c", 1}};
static const struct wire_receipt second = {.job = UINT64_C(3) << 48 | 2, .cose = {(const uint8_t *)"COS", 3}};

static void test_put(void **state)
{
    AUTO_BUF struct buf tail = BUF_WITH(sizeof(two));
    (void)state;
    assert_err(wire_receipts_put(&tail, &first), OK);
    assert_err(wire_receipts_put(&tail, &second), OK);
    assert_int_equal(tail.len, sizeof(two));
    assert_memory_equal(tail.data, two, sizeof(two));
    assert_err(wire_receipts_put(&tail, &second), ERR_TOO_LARGE);
    assert_int_equal(tail.len, sizeof(two));
}

/* Room for all but the last byte: nothing of it is written. */
static void test_put_all_or_nothing(void **state)
{
    AUTO_BUF struct buf tail = BUF_WITH(sizeof(two) - 1);
    (void)state;
    assert_err(wire_receipts_put(&tail, &first), OK);
    size_t before = tail.len;
    assert_err(wire_receipts_put(&tail, &second), ERR_TOO_LARGE);
    assert_int_equal(tail.len, before);
    AUTO_BUF struct buf other = BUF_WITH(sizeof(two));
    mem_fail_after(0);
    err_t e = wire_receipts_put(&other, &first);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
    assert_int_equal(other.len, 0);
}

static void test_next(void **state)
{
    struct view rest = view_of(two, sizeof(two));
    struct wire_receipt r;
    (void)state;
    assert_err(wire_receipts_next(&rest, &r), OK);
    assert_true(r.job == first.job && view_equal(r.statement, first.statement) && view_equal(r.cose, first.cose));
    assert_err(wire_receipts_next(&rest, &r), OK);
    assert_true(r.job == second.job && r.statement.len == 0 && view_equal(r.cose, second.cose));
    assert_int_equal(rest.len, 0);
    assert_err(wire_receipts_next(&rest, &r), ERR_PROTOCOL);
}

/* Cut off anywhere, the receipt is refused and nothing is taken. */
static void test_cut_off(void **state)
{
    (void)state;
    for (size_t len = 0; len < 19; len++) {
        struct view rest = view_of(two, len);
        struct wire_receipt r;
        assert_err(wire_receipts_next(&rest, &r), ERR_PROTOCOL);
        assert_int_equal(rest.len, len);
    }
}

static void test_lengths(void **state)
{
    static const struct {
        uint32_t statement;
        uint32_t cose;
        err_t e;
    } rows[] = {
        {RECEIPT_MAX, 0, OK},
        {0, RECEIPT_MAX, OK},
        {RECEIPT_MAX / 2, RECEIPT_MAX / 2, OK},
        {RECEIPT_MAX, 1, ERR_PROTOCOL},
        {1, RECEIPT_MAX, ERR_PROTOCOL},
        {RECEIPT_MAX + 1, 0, ERR_PROTOCOL},
        {UINT32_MAX, 1, ERR_PROTOCOL},
        {1, UINT32_MAX, ERR_PROTOCOL},
        {UINT32_MAX, UINT32_MAX, ERR_PROTOCOL},
    };
    static uint8_t bytes[sizeof(struct msg_receipt) + 2 * RECEIPT_MAX];
    (void)state;
    for (size_t n = 0; n < COUNT_OF(rows); n++) {
        struct msg_receipt head = {.job = 1, .statement_len = rows[n].statement, .cose_len = rows[n].cose};
        struct view rest = view_of(bytes, sizeof(bytes));
        struct wire_receipt r;
        memcpy(bytes, &head, sizeof(head));
        assert_err(wire_receipts_next(&rest, &r), rows[n].e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),     cmocka_unit_test(test_put_all_or_nothing), cmocka_unit_test(test_next),
        cmocka_unit_test(test_cut_off), cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
