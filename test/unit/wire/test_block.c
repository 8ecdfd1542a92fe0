/* Frames of the block protocol, byte by byte. */
#include "wire/block.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CID36 "0123456789abcdefghijklmnopqrstuvwxyz"

static struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

static void has_these_bytes(void **state UNUSED)
{
    static const struct {
        struct block_frame frame;
        const char *bytes;
        size_t len;
    } rows[] = {
        {{.type = BLOCK_WANT, .flags = BLOCK_FLAG_WHOLE_DAG, .cid = {(const uint8_t *)"abc", 3}},
         "\x05\x00\x00\x00\x01\x01" "abc", 9},
        {{.type = BLOCK_CANCEL, .cid = {(const uint8_t *)"abc", 3}}, "\x04\x00\x00\x00\x02" "abc", 8},
        {{.type = BLOCK_BLOCK, .source = 0x01020304, .cid = {(const uint8_t *)"abc", 3}, .bytes = {NULL, 0x1ff}},
         "\x08\x02\x00\x00\x03\x04\x03\x02\x01\x03" "abc", 13},
        {{.type = BLOCK_NOT_FOUND, .cid = {(const uint8_t *)"abc", 3}}, "\x04\x00\x00\x00\x04" "abc", 8},
        {{.type = BLOCK_SOURCE_DEAD}, "\x01\x00\x00\x00\x05", 5},
        {{.type = BLOCK_REFUSED, .source = 0x01020304, .cid = {(const uint8_t *)"abc", 3}},
         "\x08\x00\x00\x00\x06\x04\x03\x02\x01" "abc", 12},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
        assert_int_equal(block_encode_head(&out, &rows[i].frame), OK);
        assert_true(view_equal(buf_view(&out), view_of(rows[i].bytes, rows[i].len)));
    }
}

/* Encodes whole. */
static void put_frame(struct buf *out, const struct block_frame *f)
{
    assert_int_equal(block_encode_head(out, f), OK);
    assert_int_equal(buf_put_view(out, f->bytes), OK);
}

static void comes_back_in_order(void **state UNUSED)
{
    AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
    struct block_frame f;
    put_frame(&out, &(struct block_frame){
                        .type = BLOCK_BLOCK, .source = 7, .cid = text_view(CID36), .bytes = text_view("data")});
    put_frame(&out, &(struct block_frame){.type = BLOCK_NOT_FOUND, .cid = text_view("x")});
    put_frame(&out, &(struct block_frame){.type = BLOCK_SOURCE_DEAD});
    struct view in = buf_view(&out);
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &f), OK);
    assert_true(f.type == BLOCK_BLOCK && f.source == 7 && view_is(f.cid, CID36) && view_is(f.bytes, "data"));
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &f), OK);
    assert_true(f.type == BLOCK_NOT_FOUND && view_is(f.cid, "x"));
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &f), OK);
    assert_true(f.type == BLOCK_SOURCE_DEAD && f.cid.len == 0);
    assert_int_equal(in.len, 0);
}

/* However the stream is cut, block_missing says how to go on. */
static void arrives_in_pieces(void **state UNUSED)
{
    AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
    struct block_frame f;
    put_frame(&out, &(struct block_frame){
                        .type = BLOCK_BLOCK, .cid = text_view("cid"), .bytes = text_view("0123456789")});
    size_t have = 0, reads = 0;
    for (;; reads++) {
        struct view in = view_of(out.data, have);
        err_t e = block_decode(&in, BLOCK_FROM_FETCH, &f);
        if (e == OK)
            break;
        assert_int_equal(e, ERR_TRUNCATED);
        assert_int_equal(in.len, have);
        assert_true(block_missing(in) > 0);
        have += block_missing(in);
        assert_true(have <= out.len);
    }
    assert_int_equal(have, out.len);
    assert_int_equal(reads, 2);
    for (size_t cut = 0; cut < out.len; cut++) {
        struct view in = view_of(out.data, cut);
        assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &f), ERR_TRUNCATED);
    }
}

static void the_largest_block_fits(void **state UNUSED)
{
    AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
    char cid[BLOCK_CID_MAX] = {1};
    uint8_t *bytes = calloc(1, BLOCK_DATA_MAX);
    struct block_frame back, f = {.type = BLOCK_BLOCK,
                                  .cid = {(uint8_t *)cid, sizeof(cid)},
                                  .bytes = {bytes, BLOCK_DATA_MAX}};
    assert_non_null(bytes);
    put_frame(&out, &f);
    struct view in = buf_view(&out);
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &back), OK);
    assert_true(view_equal(back.bytes, f.bytes) && view_equal(back.cid, f.cid));
    out.len = 0;
    f.bytes.len++;
    assert_int_equal(block_encode_head(&out, &f), ERR_TOO_LARGE);
    f.bytes.len = 0;
    f.cid.len = BLOCK_CID_MAX + 1;
    assert_int_equal(block_encode_head(&out, &f), ERR_TOO_LARGE);
    free(bytes);
}

#define ROW(from, bytes) {from, bytes, sizeof(bytes) - 1}
#define CID45 CID36 "123456789"

static void cuts_off(void **state UNUSED)
{
    static const struct {
        enum block_sender from;
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW(BLOCK_FROM_INFER, "\x01\x00\x00\x00\x00"),                      /* type 0 */
        ROW(BLOCK_FROM_INFER, "\x01\x00\x00\x00\x07"),                      /* type 7 */
        ROW(BLOCK_FROM_INFER, "\x00\x00\x00\x00\x01"),                      /* not even a type */
        ROW(BLOCK_FROM_INFER, "\x02\x00\x00\x00\x01\x00"),                  /* WANT without a CID */
        ROW(BLOCK_FROM_INFER, "\x03\x00\x00\x00\x01\x02x"),                 /* unknown flag */
        ROW(BLOCK_FROM_INFER, "\x2f\x00\x00\x00\x01\x00" CID45),            /* 45 bytes of CID */
        ROW(BLOCK_FROM_INFER, "\x2f\x00\x00\x00\x01"),                      /* the same, at its first byte */
        ROW(BLOCK_FROM_INFER, "\x01\x00\x00\x00\x02"),                      /* CANCEL without a CID */
        ROW(BLOCK_FROM_INFER, "\x2e\x00\x00\x00\x02" CID45),                /* CANCEL with 45 bytes */
        ROW(BLOCK_FROM_INFER, "\x08\x00\x00\x00\x03\x00\x00\x00\x00\x01xy"), /* BLOCK from the wrong side */
        ROW(BLOCK_FROM_INFER, "\x05\x00\x00\x00\x06\x01\x00\x00\x00"),      /* REFUSED without a CID */
        ROW(BLOCK_FROM_INFER, "\x32\x00\x00\x00\x06\x01\x00\x00\x00" CID45), /* REFUSED with 45 bytes */
        ROW(BLOCK_FROM_INFER, "\x02\x00\x00\x00\x04x"),
        ROW(BLOCK_FROM_INFER, "\x01\x00\x00\x00\x05"),
        ROW(BLOCK_FROM_FETCH, "\x03\x00\x00\x00\x01\x00x"),
        ROW(BLOCK_FROM_FETCH, "\x02\x00\x00\x00\x02x"),
        ROW(BLOCK_FROM_FETCH, "\x06\x00\x00\x00\x06\x01\x00\x00\x00x"),
        ROW(BLOCK_FROM_FETCH, "\x06\x00\x00\x00\x03\x00\x00\x00\x00\x00"),   /* BLOCK without a CID */
        ROW(BLOCK_FROM_FETCH, "\x07\x00\x00\x00\x03\x00\x00\x00\x00\x00x"),  /* CID of no bytes */
        ROW(BLOCK_FROM_FETCH, "\x08\x00\x00\x00\x03\x00\x00\x00\x00\x03xy"), /* CID past the end */
        ROW(BLOCK_FROM_FETCH, "\x33\x00\x00\x00\x03\x00\x00\x00\x00\x2d" CID45),
        ROW(BLOCK_FROM_FETCH, "\x33\x00\x20\x00\x03"),                       /* one byte over the largest frame */
        ROW(BLOCK_FROM_FETCH, "\xff\xff\xff\xff\x03"),                       /* 4 GiB */
        ROW(BLOCK_FROM_FETCH, "\x01\x00\x00\x00\x04"),                       /* NOT_FOUND without a CID */
        ROW(BLOCK_FROM_FETCH, "\x02\x00\x00\x00\x05x"),                      /* SOURCE_DEAD with a body */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct block_frame f = {.flags = 99};
        struct view in = view_of(rows[i].bytes, rows[i].len);
        assert_int_equal(block_decode(&in, rows[i].from, &f), ERR_PROTOCOL);
        assert_int_equal(in.len, rows[i].len);
        assert_int_equal(f.flags, 99);
    }
}

/* A head may allow a CID of 44 bytes and 2 MiB together, never more than 2 MiB of block. */
static void a_short_cid_gives_no_room_to_the_block(void **state UNUSED)
{
    size_t len = 1 + 4 + 1 + 1 + BLOCK_DATA_MAX + 1;
    uint8_t *frame = calloc(1, 4 + len);
    assert_non_null(frame);
    memcpy(frame, "\x08\x00\x20\x00\x03\x00\x00\x00\x00\x01", 10);
    struct view in = view_of(frame, 4 + len);
    struct block_frame f;
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &f), ERR_PROTOCOL);
    free(frame);
}

static void a_want_has_its_length(void **state UNUSED)
{
    for (size_t n = 1; n <= BLOCK_CID_MAX; n++) {
        AUTO_BUF struct buf out = {.max = KIB};
        uint8_t cid[BLOCK_CID_MAX] = {0};
        assert_int_equal(block_encode_head(&out, &(struct block_frame){.type = BLOCK_WANT, .cid = {cid, n}}), OK);
        assert_int_equal(out.len, block_want_len(n));
    }
}

static void memory_can_be_refused(void **state UNUSED)
{
    AUTO_BUF struct buf out = {.max = KIB};
    mem_fail_after(0);
    err_t e = block_encode_head(&out, &(struct block_frame){.type = BLOCK_SOURCE_DEAD});
    mem_fail_after(-1);
    assert_int_equal(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_these_bytes),
        cmocka_unit_test(comes_back_in_order),
        cmocka_unit_test(arrives_in_pieces),
        cmocka_unit_test(the_largest_block_fits),
        cmocka_unit_test(cuts_off),
        cmocka_unit_test(a_short_cid_gives_no_room_to_the_block),
        cmocka_unit_test(a_want_has_its_length),
        cmocka_unit_test(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
