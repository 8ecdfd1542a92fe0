/* Answers: the text to the last byte, what is refused, and an area that changes while it is read. */
#include "model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <yyjson.h>

static const uint8_t hash[SHA256_LEN] = {0xab, [31] = 0x01};
#define TAIL "],\"model_hash\":\"ab00000000000000000000000000000000000000000000000000000000000001\"}"
#define NAMED(label, ...)                                                                                              \
    {                                                                                                                  \
        .name = {(const uint8_t *)(label), sizeof(label) - 1}, .type = { __VA_ARGS__ }                                 \
    }

static err_t answer(const struct value_desc *d, const void *payload, size_t len, size_t max, struct buf *out,
                    struct why *why)
{
    AUTO(value_set_done) struct value_set set = {0};
    buf_init(out, max);
    TRY(value_set_make(d, 1, &(uint64_t){len}, AREA_MAX, &set));
    return infer_answer_write(&set, view_of(payload, len), hash, out, why);
}

#define COUNT(n) n "\x00\x00\x00\x00\x00\x00\x00"

static void writes_every_kind(void **state UNUSED)
{
    const struct {
        struct value_desc d;
        const void *payload;
        size_t len;
        const char *expected; /* the output object */
    } rows[] = {
        {TENSOR("y", DTYPE_FLOAT, 2, 2), (const float[]){1, -2.5F, 0.1F, -0.0F}, 16,
         "{\"name\":\"y\",\"shape\":[2,2],\"result\":[[1.0,-2.5],[0.10000000149011612,-0.0]],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_INT64), &(int64_t){-7}, 8,
         "{\"name\":\"y\",\"shape\":[],\"result\":-7,\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_UINT8, 2, 1, 2), "\x01\x02\x03\x04", 4,
         "{\"name\":\"y\",\"shape\":[2,1,2],\"result\":[[[1,2]],[[3,4]]],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_BOOL, 2), "\x01\x00", 2,
         "{\"name\":\"y\",\"shape\":[2],\"result\":[1,0],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_DOUBLE, 3), (const double[]){__builtin_nan(""), __builtin_inf(), -__builtin_inf()}, 24,
         "{\"name\":\"y\",\"shape\":[3],\"result\":[\"NaN\",\"Infinity\",\"-Infinity\"],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_FLOAT, 0), "", 0, "{\"name\":\"y\",\"shape\":[0],\"result\":[],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_FLOAT, 2, 0, 3), "", 0,
         "{\"name\":\"y\",\"shape\":[2,0,3],\"result\":[[],[]],\"type\":\"number\"}"},
        {TENSOR("y", DTYPE_FLOAT, 0, 2), "", 0, "{\"name\":\"y\",\"shape\":[0,2],\"result\":[],\"type\":\"number\"}"},
        {TENSOR("a\"\xc3\xa9", DTYPE_STRING, 2), "\x02\0\0\0\xc3\xa9\x01\0\0\0\n", 11,
         "{\"name\":\"a\\\"\xc3\xa9\",\"shape\":[2],\"result\":[\"\xc3\xa9\",\"\\n\"],\"type\":\"string\"}"},
        {TENSOR("y", DTYPE_STRING, 0), "", 0, "{\"name\":\"y\",\"shape\":[0],\"result\":[],\"type\":\"string\"}"},
        {NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_INT8),
         "\x80" COUNT("\x02") "\x01" COUNT("\x02") "ab\x01" COUNT("\x02") "cd", 31,
         "{\"name\":\"y\",\"shape\":[2,2],\"result\":[[97,98],[99,100]],\"type\":\"number\"}"},
        {NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_INT8),
         "\x80" COUNT("\x02") "\x01" COUNT("\x02") "ab\x00"
                                                   "c",
         22, "{\"name\":\"y\",\"shape\":[2],\"result\":[[97,98],99],\"type\":\"number\"}"},
        {NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_STRING), "\x80" COUNT("\x01") "\x00\x01\0\0\0z", 15,
         "{\"name\":\"y\",\"shape\":[1],\"result\":[\"z\"],\"type\":\"string\"}"},
        {NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_INT8), "\x80" COUNT("\x00"), 9,
         "{\"name\":\"y\",\"shape\":[0],\"result\":[],\"type\":\"number\"}"},
        {NAMED("y", .kind = VALUE_MAP, .key = DTYPE_INT64, .dtype = DTYPE_STRING),
         "\x81" COUNT("\x02") COUNT("\x05") "\x01\0\0\0z\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 34,
         "{\"name\":\"y\",\"shape\":[],\"result\":{\"5\":\"z\",\"-1\":\"\"},\"type\":\"json\"}"},
        {NAMED("y", .kind = VALUE_MAP_SEQUENCE, .key = DTYPE_STRING, .dtype = DTYPE_FLOAT),
         "\x80" COUNT("\x02") "\x81" COUNT("\x01") "\x01\0\0\0k\0\0\0\x3f\x81" COUNT("\x00"), 36,
         "{\"name\":\"y\",\"shape\":[2],\"result\":[{\"k\":0.5},{}],\"type\":\"json\"}"},
        {NAMED("y", .optional = true, .dtype = DTYPE_FLOAT), "", 0,
         "{\"name\":\"y\",\"shape\":[],\"result\":null,\"type\":\"json\"}"},
        {NAMED("y", .kind = VALUE_SEQUENCE, .optional = true, .dtype = DTYPE_FLOAT), "", 0,
         "{\"name\":\"y\",\"shape\":[],\"result\":null,\"type\":\"json\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {0};
        struct why why = {""};
        char expected[1024];
        err_t e = answer(&rows[i].d, rows[i].payload, rows[i].len, 4096, &out, &why);
        if (e != OK)
            fail_msg("row %zu: %s %s", i, err_name(e), why.text);
        (void)snprintf(expected, sizeof(expected), "{\"output\":[%s" TAIL, rows[i].expected);
        assert_text(&out, expected);
        for (size_t max = 0; max < out.len; max += 5) {
            AUTO_BUF struct buf small = {0};
            assert_err(answer(&rows[i].d, rows[i].payload, rows[i].len, max, &small, &why), ERR_OUTPUT_TOO_LARGE);
        }
    }
}

static void writes_many_outputs(void **state UNUSED)
{
    const struct value_desc items[] = {TENSOR("a", DTYPE_INT8), TENSOR("b", DTYPE_INT8, 2)};
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf out = {.max = 4096};
    uint8_t area[66] = {1, [64] = 2, [65] = 3};
    assert_ok(value_set_make(items, 2, (const uint64_t[]){1, 2}, sizeof(area), &set));
    assert_ok(infer_answer_write(&set, view_of(area, sizeof(area)), hash, &out, NULL));
    assert_text(&out, "{\"output\":[{\"name\":\"a\",\"shape\":[],\"result\":1,\"type\":\"number\"},"
                      "{\"name\":\"b\",\"shape\":[2],\"result\":[2,3],\"type\":\"number\"}" TAIL);
    buf_clear(&out);
    struct why why = {""};
    assert_err(infer_answer_write(&set, view_of(area, sizeof(area) - 1), hash, &out, &why), ERR_OUTPUT_UNSUPPORTED);
    AUTO(value_set_done) struct value_set none = {0};
    assert_ok(value_set_make(NULL, 0, NULL, 0, &none));
    assert_ok(infer_answer_write(&none, view_of(area, 0), hash, &out, NULL));
    assert_text(&out, "{\"output\":[" TAIL);
}

static void refuses_hostile_payloads(void **state UNUSED)
{
    const struct value_desc strings = TENSOR("y", DTYPE_STRING, 1);
    const struct value_desc parts = NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_DOUBLE);
    const struct value_desc words = NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_STRING);
    const struct value_desc map = NAMED("y", .kind = VALUE_MAP, .key = DTYPE_STRING, .dtype = DTYPE_FLOAT);
    const struct {
        const struct value_desc *d;
        const char *payload;
        size_t len;
    } rows[] = {
        {&strings, "\x05\0\0\0abcd", 8},
        {&strings,
         "\xff\xff\xff\xff"
         "abcd",
         8},
        {&strings, "\x01\0\0\0\xff", 5}, /* not UTF-8 */
        {&strings, "\x01\0\0\0ab", 6},   /* trailing byte */
        {&parts, "\x81" COUNT("\x00"), 9},
        {&parts, "\x80" COUNT("\x01"), 9},
        {&parts, "\x80" COUNT("\x01") "\x21", 10},
        {&parts, "\x80" COUNT("\x01") "\x01" COUNT("\x02") "12345678", 26},
        {&parts, "\x80" COUNT("\x01") "\x01\xff\xff\xff\xff\xff\xff\xff\xff", 18},
        {&parts, "\x80" COUNT("\x01") "\x01\xff\xff\xff\xff\xff\xff\xff\x3f", 18}, /* 2^62 elements */
        {&parts, "\x80\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {&words, "\x80" COUNT("\x01") "\x01\xff\xff\xff\xff\xff\xff\xff\x3f", 18},
        {&map, "\x81" COUNT("\x01") "\x01\0\0\0", 13},
        {&map, "\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {&map, "\x80" COUNT("\x00"), 9},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {0};
        struct why why = {""};
        err_t e = answer(rows[i].d, rows[i].payload, rows[i].len, 4096, &out, &why);
        if (e != ERR_OUTPUT_UNSUPPORTED)
            fail_msg("row %zu: %s", i, err_name(e));
        assert_memory_equal(why.text, "output 0: ", 10);
    }
}

/* A shape that costs nothing to claim is bounded by the answer it would need, before any of it is written. */
static void bounds_empty_rows(void **state UNUSED)
{
    const struct value_desc rows[] = {
        TENSOR("y", DTYPE_FLOAT, 1LL << 62, 0),
        TENSOR("y", DTYPE_FLOAT, 100000000, 0),
        TENSOR("y", DTYPE_FLOAT, 70000, 5, 0, 7),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {0};
        assert_err(answer(&rows[i], "", 0, 1 << 20, &out, NULL), ERR_OUTPUT_TOO_LARGE);
        assert_true(out.len < 100);
    }
    AUTO_BUF struct buf fits = {0};
    const struct value_desc most = TENSOR("y", DTYPE_FLOAT, 300000, 0);
    assert_ok(answer(&most, "", 0, 1 << 20, &fits, NULL));
    assert_in_range(fits.len, 900000, 900300);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    const struct value_desc d = TENSOR("y", DTYPE_INT8, 200);
    static const uint8_t area[200];
    AUTO(value_set_done) struct value_set set = {0};
    err_t e = ERR_NOMEM;
    assert_ok(value_set_make(&d, 1, &(uint64_t){200}, AREA_MAX, &set));
    for (long n = 0; e == ERR_NOMEM; n++) {
        AUTO_BUF struct buf out = {.max = 4096};
        mem_fail_after(n);
        e = infer_answer_write(&set, view_of(area, 200), hash, &out, NULL);
        mem_fail_after(-1);
    }
    assert_ok(e);
}

/* The area of a sequence of string tensors, and a thread that keeps rewriting it. */
static uint8_t shared[4096];
static size_t shared_len;
static atomic_bool stop;

static void *rewrite(void *unused)
{
    uint32_t random = 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        random = random * 1664525 + 1013904223;
        volatile uint8_t *byte = &shared[(random >> 8) % shared_len];
        uint8_t old = *byte;
        *byte = (uint8_t)(random >> 24);
        *byte = old;
    }
    return unused;
}

static void survives_an_area_that_changes(void **state UNUSED)
{
    const struct value_desc d = NAMED("y", .kind = VALUE_SEQUENCE, .dtype = DTYPE_STRING);
    struct payload p = {.data = shared, .max = sizeof(shared)};
    pthread_t thread;
    int answered = 0;
    assert_ok(payload_put_sequence(&p, 100));
    for (int i = 0; i < 100; i++) {
        assert_ok(payload_put_item(&p, 1, &(int64_t){2}));
        assert_ok(payload_put_string(&p, text_view("a\xc3\xa9\"")));
        assert_ok(payload_put_string(&p, text_view("\xf0\x9f\x98\x80\n")));
    }
    shared_len = p.len;
    assert_int_equal(pthread_create(&thread, NULL, rewrite, NULL), 0);
    for (int round = 0; round < 3000; round++) {
        AUTO_BUF struct buf out = {0};
        err_t e = answer(&d, shared, shared_len, 1 << 20, &out, NULL);
        if (e != OK)
            continue;
        yyjson_doc *doc = yyjson_read((const char *)out.data, out.len, 0);
        assert_non_null(doc);
        yyjson_doc_free(doc);
        answered++;
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(answered > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(writes_many_outputs),
        cmocka_unit_test(refuses_hostile_payloads),
        cmocka_unit_test(bounds_empty_rows),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(survives_an_area_that_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
