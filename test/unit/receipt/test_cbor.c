/* The CBOR writer against the examples of RFC 8949 Appendix A, the reader against the same and against what is not
   ours. */
#include "receipt/cbor.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct view from_hex(const char *hex, uint8_t *bytes)
{
    size_t n = strlen(hex) / 2;
    assert_int_equal(hex_decode(view_of(hex, 2 * n), bytes, n), OK);
    return view_of(bytes, n);
}

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

static void assert_written(const struct cbor_writer *w, const char *hex)
{
    uint8_t bytes[64];
    struct view written = {0};
    assert_int_equal(cbor_written(w, &written), OK);
    assert_true(view_equal(written, from_hex(hex, bytes)));
}

static const struct {
    int64_t n;
    const char *hex;
} integers[] = {
    {0, "00"},
    {1, "01"},
    {10, "0a"},
    {23, "17"},
    {24, "1818"},
    {25, "1819"},
    {100, "1864"},
    {255, "18ff"},
    {256, "190100"},
    {1000, "1903e8"},
    {65535, "19ffff"},
    {65536, "1a00010000"},
    {1000000, "1a000f4240"},
    {4294967295, "1affffffff"},
    {4294967296, "1b0000000100000000"},
    {1000000000000, "1b000000e8d4a51000"},
    {INT64_MAX, "1b7fffffffffffffff"},
    {-1, "20"},
    {-10, "29"},
    {-24, "37"},
    {-25, "3818"},
    {-100, "3863"},
    {-256, "38ff"},
    {-257, "390100"},
    {-1000, "3903e7"},
    {-65537, "3a00010000"},
    {INT64_MIN, "3b7fffffffffffffff"},
};

static void test_integers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(integers); i++) {
        uint8_t room[16];
        uint8_t bytes[16];
        int64_t n = 0;
        struct cbor_writer w = cbor_writer_on(room, sizeof(room));
        cbor_put_int(&w, integers[i].n);
        assert_written(&w, integers[i].hex);
        struct cbor_reader r = cbor_reader_on(from_hex(integers[i].hex, bytes), CBOR_DETERMINISTIC);
        assert_int_equal(cbor_get_int(&r, &n), OK);
        assert_int_equal(n, integers[i].n);
        assert_int_equal(cbor_end(&r), OK);
    }
}

static void test_uint(void **state)
{
    (void)state;
    uint8_t bytes[16];
    uint64_t n = 7;
    struct cbor_reader r = cbor_reader_on(from_hex("1bffffffffffffffff", bytes), CBOR_DETERMINISTIC);
    assert_true(cbor_at_uint(&r, UINT64_MAX));
    assert_false(cbor_at_uint(&r, 0));
    assert_int_equal(cbor_get_uint(&r, UINT64_MAX, &n), OK);
    assert_true(n == UINT64_MAX);
    struct cbor_writer w = cbor_writer_on(bytes, sizeof(bytes));
    cbor_put_uint(&w, UINT64_MAX);
    assert_written(&w, "1bffffffffffffffff");

    r = cbor_reader_on(from_hex("1bffffffffffffffff", bytes), CBOR_DETERMINISTIC);
    assert_int_equal(cbor_get_uint(&r, UINT64_MAX - 1, &n), ERR_TOO_LARGE);
    int64_t i = 0;
    r = cbor_reader_on(from_hex("1b8000000000000000", bytes), CBOR_DETERMINISTIC);
    assert_int_equal(cbor_get_int(&r, &i), ERR_TOO_LARGE);
    r = cbor_reader_on(from_hex("3b8000000000000000", bytes), CBOR_DETERMINISTIC);
    assert_int_equal(cbor_get_int(&r, &i), ERR_TOO_LARGE);
}

static void test_strings(void **state)
{
    (void)state;
    static const char text_24[] = "abcdefghijklmnopqrstuvwx";
    uint8_t room[64];
    uint8_t bytes[64];
    struct view part = {0};
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    cbor_put_array(&w, 5);
    cbor_put_bytes(&w, view_of("", 0));
    cbor_put_bytes(&w, view_of("\x01\x02\x03\x04", 4));
    cbor_put_text(&w, text_of("IETF"));
    cbor_put_text(&w, text_of("\xe6\xb0\xb4"));
    cbor_put_text(&w, text_of(text_24));
    static const char hex[] = "8540440102030464494554466"
                              "3e6b0b47818"
                              "6162636465666768696a6b6c6d6e6f707172737475767778";
    assert_written(&w, hex);

    struct cbor_reader r = cbor_reader_on(from_hex(hex, bytes), CBOR_DETERMINISTIC);
    assert_int_equal(cbor_enter_array(&r, 5), OK);
    assert_int_equal(cbor_get_bytes(&r, 0, &part), OK);
    assert_int_equal(part.len, 0);
    uint8_t four[4];
    assert_int_equal(cbor_get_fixed(&r, four, sizeof(four)), OK);
    assert_memory_equal(four, "\x01\x02\x03\x04", 4);
    assert_int_equal(cbor_get_text(&r, 4, &part), OK);
    assert_true(view_is(part, "IETF"));
    assert_int_equal(cbor_get_text(&r, 4, &part), OK);
    assert_true(view_is(part, "\xe6\xb0\xb4"));
    assert_true(cbor_more(&r));
    assert_int_equal(cbor_get_text(&r, 24, &part), OK);
    assert_true(view_is(part, text_24));
    assert_false(cbor_more(&r));
    assert_int_equal(cbor_leave(&r), OK);
    assert_int_equal(cbor_end(&r), OK);
}

/* {1: [null], -1: 18(h''), "a": {}}: keys of three types in ascending order of their encodings. */
static void test_containers(void **state)
{
    (void)state;
    static const char hex[] = "a30181f620d2406161a0";
    uint8_t room[64];
    uint8_t bytes[64];
    uint64_t n = 0;
    int64_t i = 0;
    struct view part = {0};
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    cbor_put_map(&w, 3);
    cbor_put_uint(&w, 1);
    cbor_put_array(&w, 1);
    cbor_put_null(&w);
    cbor_put_int(&w, -1);
    cbor_put_tag(&w, 18);
    cbor_put_encoded(&w, view_of("\x40", 1));
    cbor_put_text(&w, text_of("a"));
    cbor_put_map(&w, 0);
    assert_written(&w, hex);

    struct cbor_reader r = cbor_reader_on(from_hex(hex, bytes), CBOR_DETERMINISTIC);
    assert_true(cbor_at(&r, CBOR_MAP));
    assert_int_equal(cbor_enter_map(&r, 3), OK);
    assert_int_equal(cbor_get_uint(&r, 1, &n), OK);
    assert_int_equal(cbor_enter_array(&r, 1), OK);
    assert_true(cbor_at(&r, CBOR_SIMPLE));
    assert_int_equal(cbor_get_null(&r), OK);
    assert_int_equal(cbor_leave(&r), OK);
    assert_int_equal(cbor_get_int(&r, &i), OK);
    assert_int_equal(i, -1);
    assert_int_equal(cbor_get_tag(&r, 18), OK);
    assert_int_equal(cbor_get_bytes(&r, 0, &part), OK);
    assert_int_equal(cbor_get_text(&r, 1, &part), OK);
    assert_int_equal(cbor_enter_map(&r, 0), OK);
    assert_int_equal(cbor_leave(&r), OK);
    assert_int_equal(cbor_leave(&r), OK);
    assert_int_equal(cbor_end(&r), OK);
}

/* Reads one item of any kind with the matching getters. */
static err_t walk(struct cbor_reader *r)
{
    int64_t i = 0;
    uint64_t n = 0;
    struct view part = {0};
    if (cbor_at(r, CBOR_UINT))
        return cbor_get_uint(r, UINT64_MAX, &n);
    if (cbor_at(r, CBOR_NINT))
        return cbor_get_int(r, &i);
    if (cbor_at(r, CBOR_BYTES))
        return cbor_get_bytes(r, SIZE_MAX, &part);
    if (cbor_at(r, CBOR_TEXT))
        return cbor_get_text(r, SIZE_MAX, &part);
    if (cbor_at(r, CBOR_TAG)) {
        TRY(cbor_get_tag(r, 18));
        return walk(r);
    }
    if (!cbor_at(r, CBOR_ARRAY) && !cbor_at(r, CBOR_MAP))
        return cbor_get_null(r);
    TRY(cbor_at(r, CBOR_ARRAY) ? cbor_enter_array(r, UINT64_MAX) : cbor_enter_map(r, UINT64_MAX));
    while (cbor_more(r))
        TRY(walk(r));
    return cbor_leave(r);
}

static err_t walk_all(struct view bytes, unsigned allow)
{
    struct cbor_reader r = cbor_reader_on(bytes, allow);
    TRY(walk(&r));
    return cbor_end(&r);
}

static const struct {
    const char *name;
    const char *hex;
    unsigned allow;
    err_t result;
} wholes[] = {
    {"eight arrays", "8181818181818180", CBOR_DETERMINISTIC, OK},
    {"nine arrays", "818181818181818180", CBOR_DETERMINISTIC, ERR_TOO_LARGE},
    {"nine containers, the last a map", "8181818181818181a0", CBOR_DETERMINISTIC, ERR_TOO_LARGE},
    {"two deep items one after the other", "828181818181818081818181818180", CBOR_DETERMINISTIC, OK},
    {"keys ascend", "a3010061610062616100", CBOR_DETERMINISTIC, OK},
    {"a key is longer",
     "a2616100"
     "62616100",
     CBOR_DETERMINISTIC, OK},
    {"keys of three types", "a4010020004161006161f6", CBOR_DETERMINISTIC, OK},
    {"keys descend", "a202000100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"keys descend by type", "a261610001f6", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"keys descend by length",
     "a262616100"
     "616200",
     CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"same key twice", "a201000100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"same text key twice", "a2616100616100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"same key in the outer map", "a101a10100", CBOR_DETERMINISTIC, OK},
    {"keys behind an inner map descend", "a202a1030001f6", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"array as key", "a18000", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"map as key", "a1a000", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"null as key", "a1f600", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"tagged key", "a1d20100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"map without its last value", "a101", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"array of two with one", "8200", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"array of 2^64 - 1", "9bffffffffffffffff00", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"map of 2^63", "bb800000000000000000", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"map of 2^64 - 1", "bbffffffffffffffff00", CBOR_ALLOW_INDEFINITE_MAPS, ERR_TRUNCATED},
    {"string of 2^64 - 1", "5bffffffffffffffff00", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"text cut", "6261", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"head cut", "19ff", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"nothing", "", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"two items", "0000", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"break alone", "ff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"break in an array", "81ff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"int not shortest in 1", "1817", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"int not shortest in 2", "1900ff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"int not shortest in 4", "1a0000ffff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"int not shortest in 8", "1b00000000ffffffff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"negative not shortest", "3817", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"string length not shortest", "580100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"text length not shortest", "780161", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"array length not shortest", "9800", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"map length not shortest", "b800", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"tag not shortest", "d81200", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"additional information 28", "1c", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"additional information 29", "5d", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"additional information 30", "9e", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"integer of indefinite length", "1f", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"bytes of indefinite length", "5f4100ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"text of indefinite length", "7f6161ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"array of indefinite length", "9f00ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"tag of indefinite length", "df00", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"false", "f4", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"true", "f5", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"undefined", "f7", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"simple value 255", "f8ff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"null in two bytes", "f816", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"half float", "f93c00", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"float", "fa47c35000", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"double", "fb3ff199999999999a", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"another tag", "c100", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"tag without content", "81d2", CBOR_DETERMINISTIC, ERR_TRUNCATED},
    {"text of a lone continuation", "6180", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"map of indefinite length", "bf0100ff", CBOR_DETERMINISTIC, ERR_MALFORMED},
    {"the same, allowed", "bf0100ff", CBOR_ALLOW_INDEFINITE_MAPS, OK},
    {"empty, allowed", "bfff", CBOR_ALLOW_INDEFINITE_MAPS, OK},
    {"two nested, allowed", "bf01bf0200ff0300ff", CBOR_ALLOW_INDEFINITE_MAPS, OK},
    {"allowed, in an array", "82bfff00", CBOR_ALLOW_INDEFINITE_MAPS, OK},
    {"allowed, without break", "bf0100", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"allowed, ends before a value", "bf01", CBOR_ALLOW_INDEFINITE_MAPS, ERR_TRUNCATED},
    {"allowed, break for a value", "bf01ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"allowed, keys descend", "bf02000100ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"allowed, keys twice", "bf01000100ff", CBOR_ALLOW_INDEFINITE_MAPS, ERR_MALFORMED},
    {"any order", "a202000100", CBOR_ALLOW_ANY_KEY_ORDER, OK},
    {"any order, but a key is an array", "a18000", CBOR_ALLOW_ANY_KEY_ORDER, ERR_MALFORMED},
    {"any order does not allow indefinite maps", "bf02000100ff", CBOR_ALLOW_ANY_KEY_ORDER, ERR_MALFORMED},
    {"both", "bf02000100ff", CBOR_ALLOW_ANY_KEY_ORDER | CBOR_ALLOW_INDEFINITE_MAPS, OK},
};

static void test_wholes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wholes); i++) {
        uint8_t bytes[32];
        err_t e = walk_all(from_hex(wholes[i].hex, bytes), wholes[i].allow);
        if (e != wholes[i].result)
            fail_msg("%s: %s", wholes[i].name, err_name(e));
    }
}

/* The getters' own limits, and the wrong getter for what comes. */
static void test_getters(void **state)
{
    (void)state;
    uint8_t bytes[16];
    uint8_t two[2];
    int64_t i = 0;
    uint64_t n = 0;
    struct view part = {0};
#define ON(hex) (r = cbor_reader_on(from_hex(hex, bytes), CBOR_DETERMINISTIC), &r)
    struct cbor_reader r;
    assert_int_equal(cbor_get_bytes(ON("430102ff"), 2, &part), ERR_TOO_LARGE);
    assert_int_equal(cbor_get_text(ON("63616263"), 2, &part), ERR_TOO_LARGE);
    assert_int_equal(cbor_get_fixed(ON("4101"), two, sizeof(two)), ERR_MALFORMED);
    assert_int_equal(cbor_get_fixed(ON("43010203"), two, sizeof(two)), ERR_TOO_LARGE);
    assert_int_equal(cbor_enter_array(ON("83000000"), 2), ERR_TOO_LARGE);
    assert_int_equal(cbor_enter_map(ON("a201000200"), 1), ERR_TOO_LARGE);
    assert_int_equal(cbor_enter_map(ON("8101"), 1), ERR_MALFORMED);
    assert_int_equal(cbor_enter_array(ON("a10101"), 1), ERR_MALFORMED);
    assert_int_equal(cbor_get_uint(ON("20"), 9, &n), ERR_MALFORMED);
    assert_int_equal(cbor_get_int(ON("40"), &i), ERR_MALFORMED);
    assert_int_equal(cbor_get_bytes(ON("6161"), 9, &part), ERR_MALFORMED);
    assert_int_equal(cbor_get_text(ON("4161"), 9, &part), ERR_MALFORMED);
    assert_int_equal(cbor_get_null(ON("00")), ERR_MALFORMED);
    assert_int_equal(cbor_get_tag(ON("d8ff00"), 254), ERR_MALFORMED);
    assert_int_equal(cbor_enter_array(ON("820000"), 2), OK);
    assert_int_equal(cbor_end(&r), ERR_MALFORMED);
    assert_int_equal(cbor_leave(&r), ERR_MALFORMED);
    assert_false(cbor_at(ON(""), CBOR_UINT));
    assert_int_equal(cbor_end(ON("")), ERR_MALFORMED);
#undef ON
}

static void test_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 8; cap++) {
        uint8_t room[9];
        struct view written = {0};
        memset(room, 0xEE, sizeof(room));
        struct cbor_writer w = cbor_writer_on(room, cap);
        cbor_put_array(&w, 2);
        cbor_put_bytes(&w, view_of("abcd", 4));
        cbor_put_uint(&w, 1);
        assert_int_equal(w.len, 7);
        assert_int_equal(cbor_written(&w, &written), cap < 7 ? ERR_TOO_LARGE : OK);
        assert_int_equal(room[cap], 0xEE);
    }
}

static const struct {
    const char *text;
    bool good;
} utf8_texts[] = {
    {"", true},
    {"ascii\x7f", true},
    {"\xc2\x80", true},
    {"\xdf\xbf", true},
    {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x90\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xbf", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xe0\x9f\xbf", false},
    {"\xed\xa0\x80", false},
    {"\xed\xbf\xbf", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xf8\x88\x80\x80\x80", false},
    {"\xff", false},
    {"\xc2", false},
    {"\xe2\x82", false},
    {"\xf0\x90\x80", false},
    {"\xe2\x28\xa1", false},
    {"\xe2\x82\x28", false},
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(utf8_texts); i++) {
        uint8_t item[16];
        struct view text = text_of(utf8_texts[i].text);
        struct cbor_writer w = cbor_writer_on(item, sizeof(item));
        struct view part = {0};
        cbor_put_text(&w, text);
        struct cbor_reader r = cbor_reader_on(view_of(item, w.len), CBOR_DETERMINISTIC);
        assert_int_equal(cbor_get_text(&r, text.len, &part), utf8_texts[i].good ? OK : ERR_MALFORMED);
    }
}

/* What foreign formats have beyond ours: simple values and a map with an open end. */
static void test_foreign_values(void **state)
{
    (void)state;
    uint8_t room[64];
    uint8_t bytes[16];
    bool value = false;
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    cbor_put_map_open(&w);
    cbor_put_uint(&w, 1);
    cbor_put_bool(&w, true);
    cbor_put_uint(&w, 0);
    cbor_put_bool(&w, false);
    cbor_put_break(&w);
    assert_written(&w, "bf01f500f4ff");
    struct cbor_reader r =
        cbor_reader_on(from_hex("bf01f500f4ff", bytes), CBOR_ALLOW_INDEFINITE_MAPS | CBOR_ALLOW_ANY_KEY_ORDER);
    uint64_t key = 0;
    assert_int_equal(cbor_enter_map(&r, 0), OK);
    assert_int_equal(cbor_get_uint(&r, 1, &key), OK);
    assert_int_equal(cbor_get_bool(&r, &value), OK);
    assert_true(value);
    assert_int_equal(cbor_get_uint(&r, 1, &key), OK);
    assert_int_equal(cbor_get_bool(&r, &value), OK);
    assert_false(value);
    assert_int_equal(cbor_leave(&r), OK);
    assert_int_equal(cbor_end(&r), OK);

    static const char *const no_booleans[] = {"f6", "f7", "f3", "01", "f814", "f815", "e0"};
    for (size_t i = 0; i < COUNT_OF(no_booleans); i++) {
        r = cbor_reader_on(from_hex(no_booleans[i], bytes), CBOR_DETERMINISTIC);
        assert_int_equal(cbor_get_bool(&r, &value), ERR_MALFORMED);
    }
    r = cbor_reader_on(from_hex("a1f501", bytes), CBOR_DETERMINISTIC); /* no key */
    assert_int_equal(cbor_enter_map(&r, 1), OK);
    assert_int_equal(cbor_get_bool(&r, &value), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_uint),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_containers), cmocka_unit_test(test_wholes), cmocka_unit_test(test_getters),
        cmocka_unit_test(test_room),       cmocka_unit_test(test_utf8), cmocka_unit_test(test_foreign_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
