/* Archives written by hand, read whole, in pieces, and broken in every place. */
#include "ipld/car.h"
#include "unit.h"

#define RAW_START  "\x01\x55\x12\x20"
#define DIGEST_ONE "0123456789abcdefghijklmnopqrstuv"
#define DIGEST_TWO "vutsrqponmlkjihgfedcba9876543210"
/* The headers that the format's own description spells out. */
#define HEADER_NONE "\x11\xa2\x65roots\x80\x67version\x01"
#define HEADER_V1   "\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" RAW_START DIGEST_ONE "\x67version\x01"
#define HEADER_V0   "\x38\xa2\x65roots\x81\xd8\x2a\x58\x23\x00\x12\x20" DIGEST_ONE "\x67version\x01"
#define SECTION_HI  "\x26" RAW_START DIGEST_ONE "hi"
#define SECTION_V0  "\x25\x12\x20" DIGEST_TWO "you"
#define SECTION_NIL "\x24" RAW_START DIGEST_TWO

#define BYTES(literal) view_of(literal, sizeof(literal) - 1)

/* Writes down what it is given: roots as R, sections as S, each with the CID's kind, and the bytes. */
static err_t note_root(void *user, const struct cid_ref *root)
{
    return buf_printf(user, "R%d%.*s ", root->kind, root->kind == CID_BLOCK ? 4 : 0,
                      (const char *)cid_digest(&root->cid));
}

static err_t note_section(void *user, const struct car_section *s)
{
    TRY(buf_printf(user, "S%d@%zu:", s->cid.kind, (size_t)s->offset));
    TRY(buf_put_view(user, s->bytes));
    return buf_put_text(user, " ");
}

/* Reads `car` in pieces of `step` bytes. */
static err_t read_car(struct view car, size_t step, struct buf *notes, struct why *why)
{
    AUTO(car_reader_done) struct car_reader r = {0};
    struct view piece = {0};
    car_reader_init(&r, &(struct car_sink){notes, note_root, note_section});
    while (view_take(&car, MIN(step, car.len), &piece) == OK && piece.len > 0)
        TRY(car_push(&r, piece, why));
    return car_finish(&r, why);
}

static void expect(struct view car, const char *expected)
{
    for (size_t step = 1; step <= car.len; step++) {
        AUTO_BUF struct buf notes = BUF_WITH(4 * KIB);
        struct why why = {{0}};
        assert_ok(read_car(car, step, &notes, &why));
        assert_string_equal(why.text, "");
        assert_ok(buf_put_u8(&notes, 0));
        assert_string_equal((const char *)notes.data, expected);
    }
}

static void roots_and_sections(void **state UNUSED)
{
    expect(BYTES(HEADER_NONE), "");
    expect(BYTES(HEADER_V1), "R00123 ");
    expect(BYTES(HEADER_V0), "R00123 ");
    expect(BYTES(HEADER_NONE SECTION_HI), "S0@55:hi ");
    expect(BYTES(HEADER_NONE SECTION_HI SECTION_V0 SECTION_NIL), "S0@55:hi S0@92:you S0@132: ");
    expect(BYTES("\x19\xa2\x65roots\x81\xd8\x2a\x45\x00\x01\x55\x00\x00\x67version\x01"),
           "R1 "); /* identity, as some gateways write */
    expect(BYTES(HEADER_NONE "\x06\x01\x55\x00\x01xy"), "S1@24:y ");
    expect(BYTES(HEADER_NONE "\x08\x01\x71\x13\x02xyzz"), "S2@25:zz "); /* another codec and hash */
}

static void many_roots(void **state UNUSED)
{
    AUTO_BUF struct buf car = BUF_WITH(8 * KIB), notes = BUF_WITH(4 * KIB), expected = BUF_WITH(4 * KIB);
    struct cid roots[300];
    static const size_t counts[] = {0, 1, 23, 24, 99};
    for (size_t i = 0; i < COUNT_OF(roots); i++)
        roots[i] = cid_make(i % 2, CID_DAG_PB, (const uint8_t *)DIGEST_ONE);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        car.len = notes.len = expected.len = 0;
        assert_ok(car_put_header(&car, roots, counts[i]));
        for (size_t n = 0; n < counts[i]; n++)
            assert_ok(buf_put_text(&expected, "R00123 "));
        assert_ok(read_car(buf_view(&car), 7, &notes, NULL));
        assert_true(view_equal(buf_view(&notes), buf_view(&expected)));
    }
    assert_err(car_put_header(&car, roots, COUNT_OF(roots)), ERR_TOO_LARGE);
}

static void writes_these_bytes(void **state UNUSED)
{
    AUTO_BUF struct buf car = BUF_WITH(4 * KIB);
    const struct cid one = cid_make(1, CID_RAW, (const uint8_t *)DIGEST_ONE);
    const struct cid two = cid_make(0, CID_DAG_PB, (const uint8_t *)DIGEST_TWO);
    assert_ok(car_put_header(&car, &one, 1));
    assert_ok(car_put_section(&car, &one, 2));
    assert_ok(buf_put_text(&car, "hi"));
    assert_ok(car_put_section(&car, &two, 3));
    assert_ok(buf_put_text(&car, "you"));
    assert_true(view_equal(buf_view(&car), BYTES(HEADER_V1 SECTION_HI SECTION_V0)));
    assert_err(car_put_section(&car, &one, BLOCK_MAX + 1), ERR_BLOCK_TOO_LARGE);
    assert_ok(car_put_section(&car, &one, BLOCK_MAX));
}

/* ── what is refused ── */

#define ROW(bytes, error, reason)                                                                                      \
    {                                                                                                                  \
        bytes, sizeof(bytes) - 1, error, reason                                                                        \
    }

static void refuses_with_its_reason(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
        err_t error;
        const char *reason;
    } rows[] = {
        ROW("\x00", ERR_CAR_MALFORMED, "header at byte 0: is empty"),
        ROW("\x80\x00", ERR_CAR_MALFORMED, "header at byte 0: its length is not a minimal varint"),
        ROW("\x81\x20", ERR_CAR_MALFORMED, "header: longer than 4096 bytes"),
        ROW("\xff\xff\xff\xff\xff\xff\xff\xff\x7f", ERR_CAR_MALFORMED, "header: longer than 4096 bytes"),
        ROW("\xff\xff\xff\xff\xff\xff\xff\xff\xff", ERR_CAR_MALFORMED,
            "header at byte 0: its length is not a minimal varint"),
        ROW("\x0a\xa1\x67version\x02", ERR_CAR_VERSION, "header: version 2, only 1 is read"),
        ROW("\x0b\xa1\x67version\x18\x2a", ERR_CAR_VERSION, "header: version 42, only 1 is read"),
        ROW("\x0a\xa1\x67version\x01", ERR_CAR_MALFORMED, "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x11\xa2\x65roots\x80\x67version\x02", ERR_CAR_VERSION, "header: version 2, only 1 is read"),
        ROW("\x11\xa2\x67version\x01\x65roots\x80", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x12\xa2\x65roots\x80\x67version\x18\x01", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x12\xa2\x65roots\x98\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x13\xa2\x65roots\x99\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x15\xa2\x65roots\x9a\x00\x00\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x12\xa2\x65roots\x9f\xff\x67version\x01", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x12\xa2\x65roots\x80\x67version\x01\x00", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x10\xa2\x65roots\x80\x67version", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x12\xa3\x65roots\x80\x67version\x01\x60", ERR_CAR_MALFORMED,
            "header: not dag-cbor of {roots: [...], version: 1}"),
        ROW("\x11\xa2\x65roots\x81\x67version\x01", ERR_CAR_MALFORMED, "header: root 0 is not a CID"),
        /* tag 43, no leading zero, one byte too many, length not in its shortest form */
        ROW("\x19\xa2\x65roots\x81\xd8\x2b\x45\x00\x01\x55\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: root 0 is not a CID"),
        ROW("\x19\xa2\x65roots\x81\xd8\x2a\x45\x01\x01\x55\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: root 0 is not a CID"),
        ROW("\x1a\xa2\x65roots\x81\xd8\x2a\x46\x00\x01\x55\x00\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: root 0 is not a CID"),
        ROW("\x1a\xa2\x65roots\x81\xd8\x2a\x58\x05\x00\x01\x55\x00\x00\x67version\x01", ERR_CAR_MALFORMED,
            "header: root 0 is not a CID"),
        ROW("\x15\xa2\x65roots\x81\xd8\x2a\x41\x00\x67version\x01", ERR_CAR_MALFORMED, "header: root 0 is not a CID"),
        ROW(HEADER_NONE "\x00", ERR_CAR_MALFORMED, "section at byte 18: is empty"),
        ROW(HEADER_NONE SECTION_HI "\x00" SECTION_HI, ERR_CAR_MALFORMED, "section at byte 57: is empty"),
        ROW(HEADER_NONE "\xa6\x00", ERR_CAR_MALFORMED, "section at byte 18: its length is not a minimal varint"),
        ROW(HEADER_NONE "\xff\xff\xff\xff\xff\xff\xff\xff\x3f", ERR_BLOCK_TOO_LARGE,
            "section at byte 18: a block of over 2 MiB"),
        ROW(HEADER_NONE "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ERR_CAR_MALFORMED,
            "section at byte 18: its length is not a minimal varint"),
        ROW(HEADER_NONE "\xa9\x81\x80\x01", ERR_BLOCK_TOO_LARGE,
            "section at byte 18: a block of over 2 MiB"), /* 2 MiB + 169 */
        ROW(HEADER_NONE "\x02hi", ERR_CAR_MALFORMED, "section at byte 18: does not begin with a CID"),
        ROW(HEADER_NONE "\x23" RAW_START DIGEST_ONE, ERR_CAR_MALFORMED,
            "section at byte 18: does not begin with a CID"),
        ROW(HEADER_NONE "\x04\x02\x55\x00\x00", ERR_CAR_MALFORMED,
            "section at byte 18: does not begin with a CID"), /* version 2 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t step = 1; step <= rows[i].len; step++) {
            AUTO_BUF struct buf notes = BUF_WITH(4 * KIB);
            struct why why = {{0}};
            assert_err(read_car(view_of(rows[i].bytes, rows[i].len), step, &notes, &why), rows[i].error);
            assert_string_equal(why.text, rows[i].reason);
        }
}

/* Between two sections an end is an end. */
static void an_early_end_is_noticed(void **state UNUSED)
{
    static const char car[] = HEADER_V1 SECTION_HI SECTION_V0;
    const size_t header = sizeof(HEADER_V1) - 1, hi = header + sizeof(SECTION_HI) - 1, all = sizeof(car) - 1;
    for (size_t cut = 0; cut < all; cut++) {
        AUTO_BUF struct buf notes = BUF_WITH(4 * KIB);
        struct why why = {{0}};
        char expected[80];
        err_t e = read_car(view_of(car, cut), 16, &notes, &why);
        if (cut == header || cut == hi) {
            assert_ok(e);
            continue;
        }
        assert_err(e, ERR_CAR_TRUNCATED);
        (void)snprintf(expected, sizeof(expected), "ends inside the %s that begins at byte %zu",
                       cut < header ? "header" : "section",
                       cut < header ? 0
                       : cut < hi   ? header
                                    : hi);
        assert_string_equal(why.text, expected);
    }
}

/* Of a header that is wrong at its end nothing is reported. */
static void roots_of_a_broken_header_stay_unsaid(void **state UNUSED)
{
    AUTO_BUF struct buf notes = BUF_WITH(4 * KIB);
    assert_err(read_car(BYTES("\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" RAW_START DIGEST_ONE "\x67version\x03"), 100,
                        &notes, NULL),
               ERR_CAR_VERSION);
    assert_int_equal(notes.len, 0);
}

static void the_largest_block_fits(void **state UNUSED)
{
    const struct cid cid = cid_make(1, CID_RAW, (const uint8_t *)DIGEST_ONE);
    for (size_t over = 0; over < 2; over++) {
        AUTO_BUF struct buf car = BUF_WITH(3 * MIB), notes = BUF_WITH(3 * MIB);
        uint8_t *room = NULL;
        assert_ok(car_put_header(&car, NULL, 0));
        assert_ok(varint_put(&car, CID_MAX_LEN + BLOCK_MAX + over));
        assert_ok(buf_put_view(&car, cid_view(&cid)));
        assert_ok(buf_reserve(&car, BLOCK_MAX + over, &room));
        memset(room, 'x', BLOCK_MAX + over);
        buf_commit(&car, BLOCK_MAX + over);
        assert_err(read_car(buf_view(&car), 100000, &notes, NULL), over > 0 ? ERR_BLOCK_TOO_LARGE : OK);
        assert_int_equal(notes.len > BLOCK_MAX, over == 0);
    }
}

static err_t stop(void *user UNUSED, const struct cid_ref *root UNUSED)
{
    return ERR_CLOSED;
}

static err_t stop_section(void *user UNUSED, const struct car_section *s UNUSED)
{
    return ERR_TRUNCATED;
}

static void the_sink_ends_it(void **state UNUSED)
{
    AUTO(car_reader_done) struct car_reader r = {0};
    car_reader_init(&r, &(struct car_sink){NULL, stop, stop_section});
    assert_err(car_push(&r, BYTES(HEADER_V1), NULL), ERR_CLOSED);
    car_reader_init(&r, &(struct car_sink){NULL, NULL, stop_section});
    assert_err(car_push(&r, BYTES(HEADER_V1 SECTION_HI), NULL), ERR_TRUNCATED);
}

/* A length alone costs no more than the largest section. */
static void memory_stays_small(void **state UNUSED)
{
    AUTO(car_reader_done) struct car_reader r = {0};
    car_reader_init(&r, &(struct car_sink){NULL, NULL, stop_section});
    assert_ok(car_push(&r, BYTES(HEADER_NONE "\xa8\x81\x80\x01x"), NULL)); /* 2 MiB + 168 */
    assert_true(r.in.cap <= 2 * CAR_SECTION_MAX);
    mem_fail_after(0);
    AUTO(car_reader_done) struct car_reader poor = {0};
    car_reader_init(&poor, &(struct car_sink){NULL, NULL, stop_section});
    err_t e = car_push(&poor, BYTES(HEADER_NONE "\x7fx"), NULL);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_and_sections),      cmocka_unit_test(many_roots),
        cmocka_unit_test(writes_these_bytes),      cmocka_unit_test(refuses_with_its_reason),
        cmocka_unit_test(an_early_end_is_noticed), cmocka_unit_test(roots_of_a_broken_header_stay_unsaid),
        cmocka_unit_test(the_largest_block_fits),  cmocka_unit_test(the_sink_ends_it),
        cmocka_unit_test(memory_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
