/* Which coding a client accepts, and that what was compressed can be read. */
#include "front/deflate.h"

#include "unit.h"

static void weighs_codings(void **state UNUSED)
{
    static const struct {
        const char *field;
        enum coding coding;
    } rows[] = {
        {"", CODING_NONE},
        {"gzip", CODING_GZIP},
        {"deflate", CODING_DEFLATE},
        {"identity", CODING_NONE},
        {"br", CODING_NONE},
        {"br, gzip", CODING_GZIP},
        {"gzip, deflate", CODING_GZIP},
        {"deflate, gzip", CODING_DEFLATE},
        {"gzip;q=0.5, deflate;q=0.6", CODING_DEFLATE},
        {"gzip;q=0.500 , deflate ; q=0.5", CODING_GZIP},
        {"identity;q=1, gzip;q=0.9", CODING_NONE},
        {"gzip;q=0", CODING_NONE},
        {"gzip;q=0.001", CODING_GZIP},
        {"gzip;q=1.001", CODING_NONE},
        {"gzip;q=1.0000", CODING_NONE},
        {"gzip;q=", CODING_NONE},
        {"gzip;q=.5", CODING_NONE},
        {"gzip;q=a", CODING_NONE},
        {"gzip;x=1", CODING_NONE},
        {";;,,gzip;Q=0.3", CODING_GZIP},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (coding_accepted(text_view(rows[i].field)) != rows[i].coding)
            fail_msg("%s", rows[i].field);
    assert_int_equal(coding_accepted((struct view){0}), CODING_NONE);
}

/* The other way round, by the code that reads requests. */
static void round_trip(enum coding coding)
{
    struct inflate *z = NULL;
    AUTO_BUF struct buf plain = BUF_WITH(100000);
    AUTO_BUF struct buf packed = BUF_WITH(1000);
    AUTO_BUF struct buf again = BUF_WITH(100000);
    uint8_t *room = NULL;
    size_t n = 0;
    for (unsigned i = 0; i < 10000; i++)
        assert_ok(buf_put_u64le(&plain, i % 9));
    assert_ok(deflate_all(coding, buf_view(&plain), &packed));
    assert_ok(inflate_new(coding, &z));
    assert_ok(buf_reserve(&again, again.max, &room));
    struct view in = buf_view(&packed);
    do {
        assert_ok(inflate_step(z, &in, room + again.len, again.max - again.len, &n));
        buf_commit(&again, n);
    } while (n > 0);
    assert_ok(inflate_end(z));
    assert_view(buf_view(&again), buf_view(&plain));
    inflate_free(z);
}

static void compresses(void **state UNUSED)
{
    round_trip(CODING_GZIP);
    round_trip(CODING_DEFLATE);
}

static void keeps_to_its_limit(void **state UNUSED)
{
    static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    AUTO_BUF struct buf out = BUF_WITH(20);
    assert_int_equal(deflate_all(CODING_GZIP, text_view(text), &out), ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    mem_fail_after(0);
    assert_int_equal(deflate_all(CODING_GZIP, text_view(text), &out), ERR_NOMEM);
    mem_fail_after(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighs_codings),
        cmocka_unit_test(compresses),
        cmocka_unit_test(keeps_to_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
