/* Registers: the values that AWS's own test prints, and what may be locked when. */
#include "nsm/bank.h"
#include "unit.h"

static struct bank fresh(void)
{
    struct bank b = {0};
    for (size_t i = 0; i < PCR_COUNT; i++)
        b.pcr[i][0] = (uint8_t)(i + 1);
    bank_start(&b);
    return b;
}

static void start(void **state UNUSED)
{
    struct bank b = fresh();
    for (unsigned i = 0; i < PCR_COUNT; i++) {
        assert_int_equal(bank_is_locked(&b, i), i < 16);
        assert_int_equal(pcr_is_zero(b.pcr[i]), i >= 16);
    }
}

static void extend(void **state UNUSED)
{
    static const char *const values[] = {
        "cb178fcd3f328244c05c6248723fd068b3a1dda878e1ab8be911098f199958add55d0c27f04826d27b44d949a650694e",
        "65ecb1f7ff7536285cb0ef60bdab531a9cdcf41a2dd1ca5e3dea6445de2c937aab5a1e474c534210583289964acbdc45"};
    struct bank b = fresh();
    uint8_t want[PCR_LEN];
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_int_equal(bank_extend(&b, 16, view_of("\x01\x02\x03", 3)), NSM_SUCCESS);
        assert_ok(hex_decode(view_of(values[i], 2 * PCR_LEN), want, PCR_LEN));
        assert_memory_equal(b.pcr[16], want, PCR_LEN);
    }
    assert_true(pcr_is_zero(b.pcr[17]));
}

static void lock(void **state UNUSED)
{
    struct bank b = fresh();
    struct bank before = b;
    for (uint16_t i = 0; i < 16; i++) {
        assert_int_equal(bank_extend(&b, i, view_of("x", 1)), NSM_READ_ONLY_INDEX);
        assert_int_equal(bank_lock(&b, i), NSM_READ_ONLY_INDEX);
    }
    assert_int_equal(bank_extend(&b, PCR_COUNT, view_of("x", 1)), NSM_INVALID_INDEX);
    assert_int_equal(bank_extend(&b, UINT16_MAX, view_of("x", 1)), NSM_INVALID_INDEX);
    assert_int_equal(bank_lock(&b, PCR_COUNT), NSM_INVALID_INDEX);
    assert_int_equal(bank_lock_first(&b, PCR_COUNT + 1), NSM_INVALID_INDEX);
    assert_memory_equal(&b, &before, sizeof(b));

    assert_int_equal(bank_lock(&b, 31), NSM_SUCCESS);
    assert_int_equal(bank_lock(&b, 31), NSM_READ_ONLY_INDEX);
    assert_int_equal(bank_extend(&b, 31, view_of("x", 1)), NSM_READ_ONLY_INDEX);
    assert_int_equal(bank_lock_first(&b, 0), NSM_SUCCESS);
    assert_int_equal(bank_extend(&b, 16, view_of("", 0)), NSM_SUCCESS);
    assert_int_equal(bank_lock_first(&b, 17), NSM_SUCCESS);
    assert_int_equal(b.locked, 0x8001FFFF);
    assert_int_equal(bank_lock_first(&b, PCR_COUNT), NSM_SUCCESS);
    assert_int_equal(bank_lock_first(&b, PCR_COUNT), NSM_SUCCESS);
    assert_int_equal(b.locked, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(start), cmocka_unit_test(extend), cmocka_unit_test(lock)};
    return cmocka_run_group_tests_name("nsm bank", tests, NULL, NULL);
}
