/* Whole receipts: the vectors both ways, everything that must be refused with its code, every flipped bit, every cut.
   */
#include "receipt/verify.h"

#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELD(array) view_of((array), sizeof(array))

static struct es256 key; /* of the vectors */

static const struct receipt_expect simulated = {.allow_simulated = true};

static err_t verify_text(struct view text, const struct receipt_expect *expect, struct why *why)
{
    AUTO_BUF struct buf bytes = {0};
    struct receipt receipt;
    TRY(receipt_unpack(text, &bytes, &receipt, why));
    return receipt_verify(&receipt, &key, expect, why);
}

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

/* The value of the receipt with this name, copied. The caller frees it. */
static char *vector_value(const char *name)
{
    struct vectors file;
    struct vector v;
    vectors_open(&file);
    do
        assert_true(vectors_next(&file, "receipt", &v));
    while (!view_is(vector_text(&v, "receipt"), name));
    struct view value = vector_text(&v, "value");
    char *text = strndup((const char *)value.data, value.len);
    vectors_close(&file);
    assert_non_null(text);
    return text;
}

/* ── good ones ── */

/* Encodes all that was decoded again, down to the same text. */
static void check_again(const struct receipt *r, struct view text)
{
    static char packed[RECEIPT_TEXT_MAX + 1];
    uint8_t statement[STATEMENT_MAX];
    uint8_t cose[COSE_MAX];
    size_t len = 0;
    struct cbor_writer w = cbor_writer_on(cose, sizeof(cose));
    assert_int_equal(statement_encode(&r->statement, statement, &len, NULL), OK);
    cose_write(&w, &r->proof);
    struct receipt_parts parts = {
        .statement = view_of(statement, len),
        .in_descriptors = r->in_descriptors,
        .out_descriptors = r->out_descriptors,
    };
    assert_int_equal(cbor_written(&w, &parts.cose), OK);
    assert_int_equal(receipt_pack(&parts, packed), OK);
    assert_true(view_equal(text_of(packed), text));
}

static void check_digests(const struct receipt *r, const struct vector *v)
{
    AUTO(sha256_done) struct sha256 h = {0};
    uint8_t bytes[VECTORS_BYTES_MAX];
    uint8_t digest[SHA256_LEN];
    uint8_t root[SHA256_LEN];
    uint8_t expected[SHA256_LEN];
    assert_int_equal(sha256_init(&h), OK);
    assert_int_equal(receipt_digest(r->statement_bytes, digest), OK);
    assert_true(view_equal(FIELD(digest), vector_bytes(v, "digest", 0, bytes)));
    assert_int_equal(tree_climb(&h, digest, r->proof.leaf_index, r->proof.tree_size, &r->proof.path, root), OK);
    assert_true(view_equal(FIELD(root), vector_bytes(v, "root", 0, bytes)));
    struct view text = vector_bytes(v, "signed", 0, bytes);
    assert_int_equal(sha256_of(text.data, text.len, expected), OK);
    assert_int_equal(cose_digest(&h, r->proof.tree_size, root, digest), OK);
    assert_memory_equal(digest, expected, SHA256_LEN);
}

static void test_vectors(void **state)
{
    (void)state;
    struct vectors file;
    struct vector v;
    size_t longest = 0;
    size_t count = 0;
    vectors_open(&file);
    for (; vectors_next(&file, "receipt", &v); count++) {
        AUTO_BUF struct buf bytes = {0};
        struct receipt receipt;
        struct view text = vector_text(&v, "value");
        assert_int_equal(receipt_unpack(text, &bytes, &receipt, NULL), OK);
        assert_int_equal(receipt_verify(&receipt, &key, &simulated, NULL), OK);
        check_digests(&receipt, &v);
        check_again(&receipt, text);
        longest = MAX(longest, text.len);
    }
    vectors_close(&file);
    assert_int_equal(count, 1 + 2 + 3 + 7 + 3);
    assert_int_equal(longest, RECEIPT_TEXT_MAX); /* the maximum is exact */
}

/* ── refused ones ── */

static const struct {
    err_t code;
    const char *wrong;
    const char *text;
} refused[] = {
#include "refused.inc"
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct why why = {0};
        err_t e = verify_text(text_of(refused[i].text), &simulated, &why);
        if (e != refused[i].code || why.text[0] == '\0')
            fail_msg("%s: %s (%s)", refused[i].wrong, err_name(e), why.text);
    }
}

static void test_expected(void **state)
{
    (void)state;
    AUTO_BUF struct buf bytes = {0};
    struct receipt r;
    char *text = vector_value("nitro");
    static const uint8_t other[SHA256_LEN];
    assert_int_equal(receipt_unpack(text_of(text), &bytes, &r, NULL), OK);
    const struct statement *s = &r.statement;
    const struct receipt_expect all = {
        .nonce = s->nonce,
        .image = FIELD(s->image),
        .keyset = FIELD(s->keyset),
        .node = FIELD(s->node),
        .policy = FIELD(s->policy),
        .asked_cid = s->asked_cid,
        .asked_path = s->asked_path,
        .file_cid = s->file_cid,
        .model = FIELD(s->model),
        .in_descriptors = FIELD(s->input.descriptors),
        .in_tensors = FIELD(s->input.tensors),
        .out_descriptors = FIELD(s->output.descriptors),
        .out_tensors = FIELD(s->output.tensors),
    };
    assert_int_equal(receipt_verify(&r, &key, &all, NULL), OK);
    const size_t offsets[] = {
        offsetof(struct receipt_expect, nonce),          offsetof(struct receipt_expect, image),
        offsetof(struct receipt_expect, keyset),         offsetof(struct receipt_expect, node),
        offsetof(struct receipt_expect, policy),         offsetof(struct receipt_expect, asked_cid),
        offsetof(struct receipt_expect, asked_path),     offsetof(struct receipt_expect, file_cid),
        offsetof(struct receipt_expect, model),          offsetof(struct receipt_expect, in_descriptors),
        offsetof(struct receipt_expect, in_tensors),     offsetof(struct receipt_expect, out_descriptors),
        offsetof(struct receipt_expect, out_tensors),
    };
    const struct view wrong[] = {FIELD(other), view_of("", 0)};
    for (size_t i = 0; i < COUNT_OF(offsets); i++)
        for (size_t j = 0; j < COUNT_OF(wrong); j++) {
            struct receipt_expect expect = all;
            struct why why = {0};
            memcpy((char *)&expect + offsets[i], &wrong[j], sizeof(wrong[j]));
            assert_int_equal(receipt_verify(&r, &key, &expect, &why), ERR_RECEIPT_MISMATCH);
            assert_non_null(strstr(why.text, "not the expected one"));
        }
    free(text);
}

static void test_absent_fields(void **state)
{
    (void)state;
    char *text = vector_value("shortest");
    static const uint8_t nonce[STATEMENT_NONCE_MIN];
    static const uint8_t image[SHA256_LEN];
    const struct receipt_expect no_nonce = {.allow_simulated = true, .nonce = view_of("", 0)};
    const struct receipt_expect a_nonce = {.allow_simulated = true, .nonce = FIELD(nonce)};
    const struct receipt_expect an_image = {.allow_simulated = true, .image = FIELD(image)};
    const struct receipt_expect genuine = {0};
    assert_int_equal(verify_text(text_of(text), &no_nonce, NULL), OK);
    assert_int_equal(verify_text(text_of(text), &a_nonce, NULL), ERR_RECEIPT_MISMATCH);
    assert_int_equal(verify_text(text_of(text), &an_image, NULL), ERR_RECEIPT_MISMATCH);
    assert_int_equal(verify_text(text_of(text), &genuine, NULL), ERR_RECEIPT_MISMATCH);
    free(text);
}

/* ── every bit, every cut ── */

static void assert_refused(struct view text)
{
    err_t e = verify_text(text, &simulated, NULL);
    assert_true(e == ERR_RECEIPT_MALFORMED || e == ERR_RECEIPT_PROOF || e == ERR_RECEIPT_SIGNATURE ||
                e == ERR_RECEIPT_MISMATCH);
}

static void flip_text(char *text, size_t step)
{
    size_t len = strlen(text);
    for (size_t bit = 0; bit < 8 * len; bit += step) {
        text[bit / 8] ^= (char)(1U << bit % 8);
        assert_refused(view_of(text, len));
        text[bit / 8] ^= (char)(1U << bit % 8);
    }
    assert_int_equal(verify_text(view_of(text, len), &simulated, NULL), OK);
}

static void flip_bytes(const char *text, size_t step)
{
    static char flipped[RECEIPT_TEXT_MAX + 1];
    struct buf bytes;
    buf_init(&bytes, RECEIPT_BYTES_MAX + 2);
    assert_int_equal(base64url_decode(text_of(text), &bytes), OK);
    for (size_t bit = 0; bit < 8 * bytes.len; bit += step) {
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        base64url_encode(bytes.data, bytes.len, flipped);
        assert_refused(text_of(flipped));
        bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    buf_done(&bytes);
}

static void test_flips(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t step; /* 1: every bit */
    } rows[] = {
        {"tree-1-leaf-0", 1}, {"tree-3-leaf-2", 1}, {"tree-7-leaf-3", 1},
        {"nitro", 1},         {"shortest", 1},      {"largest", 7},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = vector_value(rows[i].name);
        flip_text(text, rows[i].step);
        flip_bytes(text, rows[i].step);
        free(text);
    }
}

static void test_cuts(void **state)
{
    (void)state;
    static const char *const names[] = {"tree-1-leaf-0", "tree-7-leaf-6", "nitro", "shortest", "largest"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *text = vector_value(names[i]);
        size_t len = strlen(text);
        for (size_t n = 0; n < len; n++) {
            assert_refused(view_of(text, n));
            assert_refused(view_of(text + len - n, n));
        }
        free(text);
    }
}

/* No other receipt's parts fit: statement, COSE_Sign1 and descriptors are of one receipt or refused. */
static void test_mixed(void **state)
{
    (void)state;
    static const char *const names[] = {"tree-1-leaf-0", "tree-2-leaf-0", "tree-7-leaf-0", "tree-7-leaf-1", "nitro"};
    struct buf bytes[COUNT_OF(names)];
    struct receipt receipts[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *text = vector_value(names[i]);
        assert_int_equal(receipt_unpack(text_of(text), &bytes[i], &receipts[i], NULL), OK);
        free(text);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            struct receipt mixed = receipts[i];
            mixed.proof = receipts[j].proof;
            bool twin = i < 3 && j < 3; /* the first three are one statement, the first leaf of three trees */
            err_t expected = i == j || twin ? OK : ERR_RECEIPT_SIGNATURE;
            assert_int_equal(receipt_verify(&mixed, &key, &simulated, NULL), expected);
        }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        buf_done(&bytes[i]);
}

/* ── limits ── */

static void test_pack_limits(void **state)
{
    (void)state;
    static char packed[RECEIPT_TEXT_MAX + 1];
    static const uint8_t room[RECEIPT_BYTES_MAX];
    const struct receipt_parts fits = {view_of(room, STATEMENT_MAX), view_of(room, COSE_MAX),
                                       view_of(room, RECEIPT_DESCRIPTORS_MAX), view_of(room, RECEIPT_DESCRIPTORS_MAX)};
    struct receipt_parts too_long = fits;
    assert_int_equal(receipt_pack(&fits, packed), OK);
    assert_int_equal(strlen(packed), RECEIPT_TEXT_MAX);
    too_long.statement.len++;
    assert_int_equal(receipt_pack(&too_long, packed), ERR_TOO_LARGE);
    struct receipt_parts left_out = fits;
    left_out.in_descriptors.len++;
    assert_int_equal(receipt_pack(&left_out, packed), OK);
    assert_int_equal(strlen(packed), BASE64URL_LEN(RECEIPT_BYTES_MAX - RECEIPT_DESCRIPTORS_MAX - 2));
}

static void open_key(void)
{
    uint8_t bytes[VECTORS_BYTES_MAX];
    struct vectors file;
    struct vector v;
    vectors_open(&file);
    assert_true(vectors_next(&file, "private-key", &v));
    assert_int_equal(vector_bytes(&v, "public-key", 0, bytes).len, ES256_POINT_LEN);
    assert_int_equal(es256_verifier_init(&key, bytes), OK);
    vectors_close(&file);
}

static int setup(void **state)
{
    (void)state;
    open_key();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    es256_done(&key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_refused), cmocka_unit_test(test_expected),
        cmocka_unit_test(test_absent_fields), cmocka_unit_test(test_flips),   cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_mixed),         cmocka_unit_test(test_pack_limits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
