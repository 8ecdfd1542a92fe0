/* The map of CIDs, against counting. */
#include "ipld/cid_map.h"
#include "unit.h"

/* Number `n` of a row of different CIDs. */
static struct cid nth(uint32_t n)
{
    uint8_t digest[SHA256_LEN] = {0};
    memcpy(digest + n % 28, &n, sizeof(n));
    return cid_make(n % 2, CID_DAG_PB, digest);
}

static void holds_what_was_added(void **state UNUSED)
{
    AUTO(cid_map_done) struct cid_map m = {0};
    uint64_t number = 99;
    bool fresh = false;
    struct cid first = nth(0);
    cid_map_init(&m, 0x5eed);
    assert_false(cid_map_find(&m, &first, &number));
    for (uint32_t n = 0; n < 20000; n++) {
        struct cid cid = nth(n);
        assert_false(cid_map_find(&m, &cid, &number));
        assert_ok(cid_map_add(&m, &cid, n, &fresh));
        assert_true(fresh);
        assert_ok(cid_map_add(&m, &cid, n + 1, &fresh));
        assert_false(fresh);
    }
    assert_int_equal(m.n, 20000);
    for (uint32_t n = 0; n < 20000; n++) {
        struct cid cid = nth(n);
        assert_true(cid_map_find(&m, &cid, &number));
        assert_int_equal(number, n);
    }
}

/* Version 0 and 1 of one digest are two CIDs; so are two codecs. */
static void tells_spellings_apart(void **state UNUSED)
{
    static const uint8_t digest[SHA256_LEN] = {7};
    const struct cid cids[] = {cid_make(0, CID_DAG_PB, digest), cid_make(1, CID_DAG_PB, digest),
                               cid_make(1, CID_RAW, digest)};
    AUTO(cid_map_done) struct cid_map m = {0};
    cid_map_init(&m, 1);
    for (uint64_t i = 0; i < COUNT_OF(cids); i++) {
        bool fresh = false;
        assert_ok(cid_map_add(&m, &cids[i], i, &fresh));
        assert_true(fresh);
    }
    for (uint64_t i = 0; i < COUNT_OF(cids); i++) {
        uint64_t number = 99;
        assert_true(cid_map_find(&m, &cids[i], &number));
        assert_int_equal(number, i);
    }
}

static void the_seed_moves_everything(void **state UNUSED)
{
    const struct cid_seed one = cid_seed_make(1), two = cid_seed_make(2);
    unsigned same = 0;
    for (uint32_t n = 0; n < 4096; n++) {
        struct cid cid = nth(n);
        same += cid_hash(&one, &cid) >> 52 == cid_hash(&two, &cid) >> 52;
    }
    assert_true(same < 16); /* one is expected */
}

static void memory_can_be_refused(void **state UNUSED)
{
    AUTO(cid_map_done) struct cid_map m = {0};
    cid_map_init(&m, 1);
    for (uint32_t n = 0; n < 200; n++) {
        struct cid cid = nth(n);
        bool fresh = false;
        mem_fail_after(0);
        err_t e = cid_map_add(&m, &cid, n, &fresh);
        mem_fail_after(-1);
        if (e != OK) {
            assert_err(e, ERR_NOMEM);
            assert_ok(cid_map_add(&m, &cid, n, &fresh));
        }
        assert_true(fresh);
    }
    assert_int_equal(m.n, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_added),
        cmocka_unit_test(tells_spellings_apart),
        cmocka_unit_test(the_seed_moves_everything),
        cmocka_unit_test(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
