/* Known names: "hello world\n" as a raw block, and the empty directory. */
#include "ipld/cid.h"

#include "base/text.h"
#include "unit.h"

#define HELLO_DIGEST "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"
#define HELLO_RAW    "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
#define EMPTY_DIR    "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define ZEROS        "0000000000000000000000000000000000000000000000000000000000000000"

static struct cid hello(void)
{
    uint8_t digest[SHA256_LEN];
    assert_ok(hex_decode(text_view(HELLO_DIGEST), digest, sizeof(digest)));
    return cid_make(1, CID_RAW, digest);
}

static void prints_version_1(void **state UNUSED)
{
    struct cid c = hello();
    char text[CID_TEXT_SIZE];
    cid_to_text(&c, text);
    assert_string_equal(text, HELLO_RAW);
}

static void version_0_comes_back(void **state UNUSED)
{
    struct cid c;
    char text[CID_TEXT_SIZE];
    assert_ok(cid_from_text(text_view(EMPTY_DIR), &c, NULL));
    assert_int_equal(cid_version(&c), 0);
    assert_int_equal(cid_codec(&c), CID_DAG_PB);
    assert_int_equal(c.len, 34);
    cid_to_text(&c, text);
    assert_string_equal(text, EMPTY_DIR);
}

static void digest_decides_a_block(void **state UNUSED)
{
    struct cid c = hello();
    assert_ok(cid_check(&c, text_view("hello world\n")));
    assert_err(cid_check(&c, text_view("hello world")), ERR_BLOCK_MISMATCH);
    assert_err(cid_check(&c, text_view("")), ERR_BLOCK_MISMATCH);
}

static void versions_are_different_names(void **state UNUSED)
{
    struct cid c = hello(), v0 = cid_make(0, CID_DAG_PB, cid_digest(&c)), v1 = cid_make(1, CID_DAG_PB, cid_digest(&c));
    assert_false(cid_equal(&v0, &v1));
    assert_false(cid_equal(&v1, &c));
    assert_memory_equal(cid_digest(&v0), cid_digest(&v1), SHA256_LEN);
    assert_int_equal(cid_codec(&c), CID_RAW);
    assert_int_equal(cid_codec(&v1), CID_DAG_PB);
}

/* One block, one CID, five spellings; what is kept is always the same bytes. */
static void all_bases_give_the_same_bytes(void **state UNUSED)
{
    static const char *const spellings[] = {
        HELLO_RAW,
        ("f01551220" HELLO_DIGEST),
        "uAVUSIKlIkE8vD0ebj4GXaUswGEsNLtHBzSoewPuF0pmhkqRH",
    };
    struct cid want = hello();
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        struct cid c;
        assert_ok(cid_from_text(text_view(spellings[i]), &c, NULL));
        assert_memory_equal(&c, &want, sizeof(c));
    }
}

static void refuses_texts(void **state UNUSED)
{
    static const struct {
        const char *text;
        err_t expected;
    } rows[] = {
        {"", ERR_CID_MALFORMED},
        {"b", ERR_CID_MALFORMED},
        {"hello", ERR_CID_MALFORMED},
        {"Qm", ERR_CID_MALFORMED},
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N", ERR_CID_MALFORMED},   /* one short */
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn1", ERR_CID_MALFORMED}, /* one long */
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0", ERR_CID_MALFORMED},  /* 0 is no base58 digit */
        {"zQmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", ERR_CID_MALFORMED}, /* version 0 with a prefix */
        {"f1220" HELLO_DIGEST, ERR_CID_MALFORMED},
        {"BAFKREIFJJCIE6LYPI6NY7AMXNFFTAGCLBUXNDQONFIPMB64F2KM2DEVEI4", ERR_CID_MALFORMED},
        {HELLO_RAW "=", ERR_CID_MALFORMED},
        {HELLO_RAW "a", ERR_CID_MALFORMED},
        {HELLO_RAW "aa", ERR_CID_MALFORMED},
        {HELLO_RAW "\n", ERR_CID_MALFORMED},
        {" " HELLO_RAW, ERR_CID_MALFORMED},
        {"/ipfs/" HELLO_RAW, ERR_CID_MALFORMED},
        {"bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei5", ERR_CID_MALFORMED}, /* spare bits */
        {"bafkqaaa", ERR_CID_IDENTITY},
        {"f0155001a" "6d6f64656c73206d617920626520736d616c6c2e2e2e2e2e2e2e", ERR_CID_IDENTITY},
        {"f01711220" ZEROS, ERR_CID_UNSUPPORTED},         /* dag-cbor */
        {"f01551120" ZEROS, ERR_CID_UNSUPPORTED},         /* sha1 with 32 bytes */
        {"f01551340" ZEROS "00000000", ERR_CID_MALFORMED}, /* sha2-512 cut short */
        {"f01551214" "0000000000000000000000000000000000000000", ERR_CID_UNSUPPORTED}, /* sha2-256 cut to 20 */
        {"f02551220" ZEROS, ERR_CID_MALFORMED},           /* version 2 */
        {"f00551220" ZEROS, ERR_CID_MALFORMED},           /* version 0 in the form of version 1 */
        {"f01d5001220" ZEROS, ERR_CID_MALFORMED},         /* padded codec */
        {"f01551220" ZEROS "00", ERR_CID_MALFORMED},      /* a byte more */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cid c = {.len = 7};
        struct why why = {0};
        assert_err(cid_from_text(text_view(rows[i].text), &c, &why), rows[i].expected);
        assert_int_equal(c.len, 7);
        assert_memory_equal(why.text, "CID: ", 5);
    }
}

static void refuses_long_texts_at_once(void **state UNUSED)
{
    char text[CID_TEXT_MAX + 1];
    struct cid c;
    struct why why;
    memset(text, 'z', sizeof(text));
    assert_err(cid_from_text(view_of(text, sizeof(text)), &c, &why), ERR_CID_MALFORMED);
    assert_string_equal(why.text, "CID: longer than 128 characters");
}

static void takes_from_the_front(void **state UNUSED)
{
    uint8_t bytes[34 + 36 + 4 + 1] = {0x12, 0x20};
    struct cid c = hello();
    memcpy(bytes + 34, c.bytes, 36);
    memcpy(bytes + 70, "\x01\x55\x00\x01!", 5);
    struct view v = view_of(bytes, sizeof(bytes));
    struct cid_ref ref;
    assert_ok(cid_take(&v, &ref));
    assert_true(ref.kind == CID_BLOCK && cid_version(&ref.cid) == 0);
    assert_ok(cid_take(&v, &ref));
    assert_true(ref.kind == CID_BLOCK && cid_equal(&ref.cid, &c));
    assert_ok(cid_take(&v, &ref));
    assert_true(ref.kind == CID_INLINE && ref.codec == CID_RAW && view_is(ref.content, "!"));
    assert_int_equal(v.len, 0);
    assert_err(cid_take(&v, &ref), ERR_CID_MALFORMED);
}

static void every_cut_is_refused(void **state UNUSED)
{
    struct cid c = hello(), v0 = cid_make(0, CID_DAG_PB, cid_digest(&c)), out;
    for (size_t n = 0; n < c.len; n++)
        assert_err(cid_from_bytes(view_of(c.bytes, n), &out), ERR_CID_MALFORMED);
    for (size_t n = 0; n < v0.len; n++)
        assert_err(cid_from_bytes(view_of(v0.bytes, n), &out), ERR_CID_MALFORMED);
}

static void inline_content_ends_at_128(void **state UNUSED)
{
    uint8_t bytes[5 + 129] = {0x01, 0x55, 0x00, 0x80, 0x01};
    struct view v = view_of(bytes, 5 + 128);
    struct cid_ref ref;
    assert_ok(cid_take(&v, &ref));
    assert_true(ref.kind == CID_INLINE && ref.content.len == CID_INLINE_MAX);
    bytes[3] = 0x81;
    v = view_of(bytes, sizeof(bytes));
    assert_err(cid_take(&v, &ref), ERR_CID_MALFORMED);
    assert_int_equal(v.len, sizeof(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_version_1),
        cmocka_unit_test(version_0_comes_back),
        cmocka_unit_test(digest_decides_a_block),
        cmocka_unit_test(versions_are_different_names),
        cmocka_unit_test(all_bases_give_the_same_bytes),
        cmocka_unit_test(refuses_texts),
        cmocka_unit_test(refuses_long_texts_at_once),
        cmocka_unit_test(takes_from_the_front),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(inline_content_ends_at_128),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
