/* Bodies: limits, memory, decompression. The compressed data comes from zlib's own deflate. */
#include "front/body.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define TEXT_LEN 300000

static uint8_t text[TEXT_LEN];

struct packed {
    uint8_t bytes[TEXT_LEN + 1000];
    size_t len;
};

/* Half of it compresses well, half of it does not. */
static int make_text(void **state)
{
    uint32_t x = 1;
    (void)state;
    for (size_t i = 0; i < TEXT_LEN; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = i < TEXT_LEN / 2 ? (uint8_t)(i / 100) : (uint8_t)(x >> 24);
    }
    return 0;
}

static void compress_text(enum coding coding, size_t n, struct packed *ret)
{
    z_stream z = {0};
    int bits = coding == CODING_GZIP ? 15 + 16 : 15;
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = text;
    z.avail_in = (unsigned)n;
    z.next_out = ret->bytes;
    z.avail_out = sizeof(ret->bytes);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    ret->len = z.total_out;
    (void)deflateEnd(&z);
}

/* Receives `len` bytes in pieces; on success `out` has the body. */
static err_t receive(struct body *b, struct buf *out, size_t max, struct budget *budget, const struct body_frame *frame,
                     const uint8_t *bytes, size_t len, size_t piece)
{
    TRY(body_begin(b, out, max, budget, frame));
    for (size_t i = 0; i < len; i += piece)
        TRY(body_put(b, out, view_of(bytes + i, MIN(piece, len - i))));
    return body_end(b);
}

struct attempt {
    enum coding coding;
    bool sized;
    size_t len;   /* of the text */
    size_t max;   /* for the body */
    size_t limit; /* of the budget */
    err_t result;
};

static void check_attempt(const struct attempt *a, size_t piece)
{
    static struct packed packed;
    struct budget budget = {.limit = a->limit};
    struct body b = {0};
    struct buf out = {0};
    if (a->coding == CODING_NONE) {
        memcpy(packed.bytes, text, a->len);
        packed.len = a->len;
    } else {
        compress_text(a->coding, a->len, &packed);
    }
    struct body_frame frame = {.coding = a->coding, .sized = a->sized, .length = packed.len};
    assert_int_equal(receive(&b, &out, a->max, &budget, &frame, packed.bytes, packed.len, piece), a->result);
    if (a->result == OK) {
        assert_true(view_equal(buf_view(&out), view_of(text, a->len)));
        assert_int_equal(budget.used, out.cap);
    }
    assert_true(budget.used <= a->limit && out.len <= a->max);
    body_done(&b, &out);
    assert_int_equal(budget.used, 0);
}

static void test_attempts(void **state)
{
    static const struct attempt attempts[] = {
        {CODING_NONE, true, 0, 100, 0, OK},
        {CODING_NONE, true, 1, 1, 1, OK},
        {CODING_NONE, true, 2, 1, 100, ERR_BODY_TOO_LARGE},
        {CODING_NONE, true, 200000, TEXT_LEN, 200000, OK},
        {CODING_NONE, true, 200000, TEXT_LEN, 199999, ERR_OVERLOADED},
        {CODING_NONE, false, 0, 100, 0, OK},
        {CODING_NONE, false, 100, 100, 100, OK},
        {CODING_NONE, false, 100, 99, 100, ERR_BODY_TOO_LARGE},
        {CODING_NONE, false, 200000, 200000, 200000, OK},
        {CODING_NONE, false, 200000, TEXT_LEN, 262143, ERR_OVERLOADED},
        {CODING_NONE, false, 200000, TEXT_LEN, 262144, OK},
        {CODING_GZIP, true, 0, 100, 16384, OK},
        {CODING_GZIP, true, TEXT_LEN, TEXT_LEN, TEXT_LEN, OK},
        {CODING_GZIP, true, TEXT_LEN, TEXT_LEN - 1, TEXT_LEN, ERR_BODY_TOO_LARGE},
        {CODING_GZIP, true, TEXT_LEN, TEXT_LEN, TEXT_LEN - 1, ERR_OVERLOADED},
        {CODING_GZIP, false, 16384, 16384, 16384, OK},
        {CODING_GZIP, false, 16385, 16384, TEXT_LEN, ERR_BODY_TOO_LARGE},
        {CODING_DEFLATE, true, TEXT_LEN, TEXT_LEN, TEXT_LEN, OK},
        {CODING_DEFLATE, false, 100000, 99999, TEXT_LEN, ERR_BODY_TOO_LARGE},
    };
    static const size_t pieces[] = {1, 3, 1000, 65536, SIZE_MAX / 2};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(attempts); i++)
        for (size_t k = 0; k < COUNT_OF(pieces); k++)
            check_attempt(&attempts[i], pieces[k]);
}

/* Every single byte of a small stream is damaged in turn, and every end is cut. None may be taken for the text. */
static void test_damage(void **state)
{
    static struct packed packed;
    (void)state;
    for (enum coding coding = CODING_GZIP; coding <= CODING_DEFLATE; coding++) {
        compress_text(coding, 5000, &packed);
        struct body_frame frame = {.coding = coding};
        for (size_t i = 0; i < 2 * packed.len; i++) {
            struct budget budget = {.limit = TEXT_LEN};
            struct body b = {0};
            struct buf out = {0};
            size_t at = i / 2;
            uint8_t old = packed.bytes[at];
            if (i % 2 == 0)
                packed.bytes[at] ^= 0x10;
            err_t e = receive(&b, &out, 10000, &budget, &frame, packed.bytes, i % 2 == 0 ? packed.len : at, 100);
            packed.bytes[at] = old;
            /* of a gzip head, time and system (RFC 1952 §2.3.1) say nothing about the content */
            bool idle = coding == CODING_GZIP && at >= 4 && at < 10 && i % 2 == 0;
            assert_true(e == OK ? idle : e == ERR_BAD_ENCODING || e == ERR_BODY_TOO_LARGE);
            body_done(&b, &out);
            assert_int_equal(budget.used, 0);
        }
    }
}

static void test_lent(void **state)
{
    uint8_t area[100];
    struct budget budget = {.limit = 0};
    struct body_frame frame = {.coding = CODING_NONE};
    (void)state;
    for (size_t len = 99; len <= 101; len++) {
        struct body b = {.lent = true};
        struct buf out = {.data = area, .cap = sizeof(area), .max = sizeof(area)};
        err_t e = receive(&b, &out, sizeof(area), &budget, &frame, text, len, 50);
        assert_int_equal(e, len > sizeof(area) ? ERR_BODY_TOO_LARGE : OK);
        if (e == OK)
            assert_int_equal(memcmp(area, text, len), 0);
        body_done(&b, &out);
    }
}

static void test_codings(void **state)
{
    static const struct {
        const char *name;
        err_t result;
        enum coding coding;
    } names[] = {
        {"gzip", OK, CODING_GZIP},
        {"GZip", OK, CODING_GZIP},
        {"x-gzip", OK, CODING_GZIP},
        {"deflate", OK, CODING_DEFLATE},
        {"identity", OK, CODING_NONE},
        {"", ERR_MEDIA_TYPE, CODING_NONE},
        {"gzi", ERR_MEDIA_TYPE, CODING_NONE},
        {"gzip ", ERR_MEDIA_TYPE, CODING_NONE},
        {"gzip,deflate", ERR_MEDIA_TYPE, CODING_NONE},
        {"br", ERR_MEDIA_TYPE, CODING_NONE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum coding coding = CODING_NONE;
        assert_int_equal(coding_parse(view_of(names[i].name, strlen(names[i].name)), &coding), names[i].result);
        assert_int_equal(coding, names[i].coding);
    }
}

static void test_no_memory(void **state)
{
    static struct packed packed;
    (void)state;
    compress_text(CODING_GZIP, TEXT_LEN, &packed);
    struct body_frame frame = {.coding = CODING_GZIP};
    err_t e = ERR_NOMEM;
    for (long n = 0; e != OK; n++) {
        struct budget budget = {.limit = 2 * TEXT_LEN};
        struct body b = {0};
        struct buf out = {0};
        mem_fail_after(n);
        e = receive(&b, &out, TEXT_LEN, &budget, &frame, packed.bytes, packed.len, 1000);
        mem_fail_after(-1);
        assert_true(e == OK || e == ERR_NOMEM);
        body_done(&b, &out);
        assert_int_equal(budget.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts), cmocka_unit_test(test_damage),    cmocka_unit_test(test_lent),
        cmocka_unit_test(test_codings),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_text, NULL);
}
