/* The form of documents: the two encodings, every limit, and payloads that are wrong in one way each, rightly signed.
 */
#include "attest/document.h"
#include "attest/verify.h"
#include "forge.h"

static struct forge forge;

static int start(void **state UNUSED)
{
    forge_chain(&forge, forge_good);
    return 0;
}

static int finish(void **state UNUSED)
{
    forge_done(&forge);
    return 0;
}

static void assert_same(struct view a, struct view b)
{
    assert_true(view_equal(a, b) && (a.data == NULL) == (b.data == NULL));
}

static void round_trip(void **state UNUSED)
{
    for (enum document_map map = DOCUMENT_MAP_SIZED; map <= DOCUMENT_MAP_OPEN; map++) {
        AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
        struct document d = forge_document(&forge), read;
        d.user_data = text_view("");
        d.public_key = text_view("key");
        d.pcr[7] = view_of(NULL, 0);
        forge_sign(&forge, &d, map, &bytes);
        assert_ok(document_read(buf_view(&bytes), &read, NULL));
        assert_int_equal(read.payload.data[0], map == DOCUMENT_MAP_OPEN ? 0xBF : 0xA9);
        assert_same(read.module_id, d.module_id);
        assert_true(read.timestamp_ms == d.timestamp_ms);
        assert_int_equal(read.n_certs, d.n_certs);
        for (size_t i = 0; i < d.n_certs; i++)
            assert_same(read.certs[i], d.certs[i]);
        for (size_t i = 0; i < PCR_COUNT; i++)
            assert_same(read.pcr[i], d.pcr[i]);
        assert_same(read.user_data, d.user_data);
        assert_same(read.public_key, d.public_key);
        assert_same(read.nonce, d.nonce);
    }
}

/* ── payloads from parts ── */

/* Every part is CBOR; those that a row replaces are given in hexadecimal. */
enum part {
    HEAD,
    MODULE_ID,
    DIGEST,
    TIMESTAMP,
    PCRS,
    CERTIFICATE,
    CABUNDLE,
    PUBLIC_KEY,
    USER_DATA,
    NONCE,
    TAIL,
    PARTS_
};

#define KEY_MODULE_ID   "696d6f64756c655f6964"
#define KEY_DIGEST      "66646967657374"
#define KEY_TIMESTAMP   "6974696d657374616d70"
#define KEY_PCRS        "6470637273"
#define KEY_CERTIFICATE "6b6365727469666963617465"
#define KEY_CABUNDLE    "68636162756e646c65"
#define KEY_PUBLIC_KEY  "6a7075626c69635f6b6579"
#define KEY_USER_DATA   "69757365725f64617461"
#define KEY_NONCE       "656e6f6e6365"
#define PCR_VALUE       "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"

static const char *const good_parts[PARTS_] = {
    [HEAD] = "a9",
    [MODULE_ID] = KEY_MODULE_ID "6169",
    [DIGEST] = KEY_DIGEST "66534841333834",
    [TIMESTAMP] = KEY_TIMESTAMP "01",
    [PCRS] = KEY_PCRS "a1005830" PCR_VALUE,
    [CERTIFICATE] = KEY_CERTIFICATE "41aa",
    [CABUNDLE] = KEY_CABUNDLE "8141bb",
    [PUBLIC_KEY] = KEY_PUBLIC_KEY "f6",
    [USER_DATA] = KEY_USER_DATA "f6",
    [NONCE] = KEY_NONCE "f6",
    [TAIL] = "",
};

static struct view assemble(const char *const parts[PARTS_], uint8_t *bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < PARTS_; i++)
        n += hex_view(parts[i] != NULL ? parts[i] : good_parts[i], bytes + n).len;
    return view_of(bytes, n);
}

static err_t read_parts(const char *const parts[PARTS_])
{
    uint8_t payload[8 * KIB];
    AUTO_BUF struct buf bytes = BUF_WITH(2 * DOCUMENT_MAX);
    struct document d;
    forge_sign_payload(&forge, assemble(parts, payload), &bytes);
    return document_read(buf_view(&bytes), &d, NULL);
}

#define MALFORMED ERR_DOC_MALFORMED
#define FIELD     ERR_DOC_FIELD

static const struct {
    const char *what;
    err_t verdict;
    const char *parts[PARTS_];
} rows[] = {
    {"as it is", OK, {0}},
    {"open map", OK, {[HEAD] = "bf", [TAIL] = "ff"}},
    {"another order", OK, {[MODULE_ID] = KEY_DIGEST "66534841333834", [DIGEST] = KEY_MODULE_ID "6169"}},
    {"optional fields absent", OK, {[HEAD] = "a6", [PUBLIC_KEY] = "", [USER_DATA] = "", [NONCE] = ""}},
    {"the same in an open map", OK, {[HEAD] = "bf", [PUBLIC_KEY] = "", [USER_DATA] = "", [NONCE] = "", [TAIL] = "ff"}},
    {"empty user data", OK, {[USER_DATA] = KEY_USER_DATA "40"}},
    {"empty nonce", OK, {[NONCE] = KEY_NONCE "40"}},
    {"PCRs in another order", OK, {[PCRS] = KEY_PCRS "a2181f5830" PCR_VALUE "005830" PCR_VALUE}},

    {"empty map",
     FIELD,
     {[HEAD] = "a0",
      [MODULE_ID] = "",
      [DIGEST] = "",
      [TIMESTAMP] = "",
      [PCRS] = "",
      [CERTIFICATE] = "",
      [CABUNDLE] = "",
      [PUBLIC_KEY] = "",
      [USER_DATA] = "",
      [NONCE] = ""}},
    {"nothing",
     MALFORMED,
     {[HEAD] = "",
      [MODULE_ID] = "",
      [DIGEST] = "",
      [TIMESTAMP] = "",
      [PCRS] = "",
      [CERTIFICATE] = "",
      [CABUNDLE] = "",
      [PUBLIC_KEY] = "",
      [USER_DATA] = "",
      [NONCE] = ""}},
    {"no map", MALFORMED, {[HEAD] = "89"}},
    {"ten pairs", MALFORMED, {[HEAD] = "aa", [TAIL] = "60f6"}},
    {"fewer pairs than said", MALFORMED, {[HEAD] = "a9", [NONCE] = ""}},
    {"more pairs than said", MALFORMED, {[HEAD] = "a8"}},
    {"length not shortest", MALFORMED, {[HEAD] = "b809"}},
    {"no break", MALFORMED, {[HEAD] = "bf"}},
    {"break in a sized map", MALFORMED, {[TAIL] = "ff"}},
    {"two breaks", MALFORMED, {[HEAD] = "bf", [TAIL] = "ffff"}},
    {"a byte behind the map", MALFORMED, {[TAIL] = "00"}},
    {"break in the place of a value", FIELD, {[HEAD] = "bf", [NONCE] = KEY_NONCE "ff", [TAIL] = "ff"}},
    {"a tag in front", MALFORMED, {[HEAD] = "c1a9"}},
    {"key that is a number", MALFORMED, {[NONCE] = "01f6"}},
    {"key that is bytes", MALFORMED, {[NONCE] = "456e6f6e6365f6"}},
    {"key in pieces", MALFORMED, {[NONCE] = "7f656e6f6e6365fff6"}},
    {"key length not shortest", MALFORMED, {[NONCE] = "78056e6f6e6365f6"}},
    {"unknown key", FIELD, {[NONCE] = "656e6f6e6366f6"}},
    {"unknown key in an open map", FIELD, {[HEAD] = "bf", [TAIL] = "6178f6ff"}},
    {"registers of a NitroTPM", FIELD, {[PCRS] = "6d6e6974726f74706d5f70637273a1005830" PCR_VALUE}},
    {"nonce twice", FIELD, {[USER_DATA] = KEY_NONCE "f6"}},
    {"nonce twice in an open map", FIELD, {[HEAD] = "bf", [TAIL] = KEY_NONCE "f6ff"}},

    {"no module_id", FIELD, {[HEAD] = "a8", [MODULE_ID] = ""}},
    {"no digest", FIELD, {[HEAD] = "a8", [DIGEST] = ""}},
    {"no timestamp", FIELD, {[HEAD] = "a8", [TIMESTAMP] = ""}},
    {"no pcrs", FIELD, {[HEAD] = "a8", [PCRS] = ""}},
    {"no certificate", FIELD, {[HEAD] = "a8", [CERTIFICATE] = ""}},
    {"no cabundle", FIELD, {[HEAD] = "a8", [CABUNDLE] = ""}},
    {"no pcrs in an open map", FIELD, {[HEAD] = "bf", [PCRS] = "", [TAIL] = "ff"}},

    {"empty module_id", FIELD, {[MODULE_ID] = KEY_MODULE_ID "60"}},
    {"module_id of bytes", FIELD, {[MODULE_ID] = KEY_MODULE_ID "4169"}},
    {"module_id not UTF-8", FIELD, {[MODULE_ID] = KEY_MODULE_ID "61ff"}},
    {"module_id null", FIELD, {[MODULE_ID] = KEY_MODULE_ID "f6"}},
    {"digest SHA256", FIELD, {[DIGEST] = KEY_DIGEST "66534841323536"}},
    {"digest sha384", FIELD, {[DIGEST] = KEY_DIGEST "66736861333834"}},
    {"timestamp 0", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "00"}},
    {"timestamp negative", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "20"}},
    {"timestamp text", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "6131"}},
    {"timestamp float", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "f93c00"}},
    {"timestamp not shortest", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "1801"}},
    {"timestamp beyond year 9999", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "1b0000e677d21fdc00"}},
    {"timestamp of all ones", FIELD, {[TIMESTAMP] = KEY_TIMESTAMP "1bffffffffffffffff"}},

    {"no PCR", FIELD, {[PCRS] = KEY_PCRS "a0"}},
    {"PCR32", FIELD, {[PCRS] = KEY_PCRS "a118205830" PCR_VALUE}},
    {"PCR256", FIELD, {[PCRS] = KEY_PCRS "a11901005830" PCR_VALUE}},
    {"PCR-1", FIELD, {[PCRS] = KEY_PCRS "a1205830" PCR_VALUE}},
    {"PCR \"0\"", FIELD, {[PCRS] = KEY_PCRS "a161305830" PCR_VALUE}},
    {"PCR0 twice", FIELD, {[PCRS] = KEY_PCRS "a2005830" PCR_VALUE "005830" PCR_VALUE}},
    {"PCR of 47 bytes",
     FIELD,
     {[PCRS] = KEY_PCRS
      "a100582f1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"}},
    {"PCR of 32 bytes",
     FIELD,
     {[PCRS] = KEY_PCRS "a10058201111111111111111111111111111111111111111111111111111111111111111"}},
    {"PCR of 49 bytes", FIELD, {[PCRS] = KEY_PCRS "a1005831" PCR_VALUE "11"}},
    {"PCR null", FIELD, {[PCRS] = KEY_PCRS "a100f6"}},
    {"33 PCRs said", FIELD, {[PCRS] = KEY_PCRS "b821005830" PCR_VALUE}},
    {"2^64 PCRs said", FIELD, {[PCRS] = KEY_PCRS "bbffffffffffffffff005830" PCR_VALUE}},
    {"PCRs in an open map", FIELD, {[PCRS] = KEY_PCRS "bf005830" PCR_VALUE "ff"}},
    {"PCRs in an array", FIELD, {[PCRS] = KEY_PCRS "815830" PCR_VALUE}},

    {"empty certificate", FIELD, {[CERTIFICATE] = KEY_CERTIFICATE "40"}},
    {"certificate text", FIELD, {[CERTIFICATE] = KEY_CERTIFICATE "6161"}},
    {"certificate in pieces", FIELD, {[CERTIFICATE] = KEY_CERTIFICATE "5f41aaff"}},
    {"empty cabundle", FIELD, {[CABUNDLE] = KEY_CABUNDLE "80"}},
    {"cabundle of an empty one", FIELD, {[CABUNDLE] = KEY_CABUNDLE "8140"}},
    {"cabundle that is no array", FIELD, {[CABUNDLE] = KEY_CABUNDLE "41bb"}},
    {"cabundle with an open end", FIELD, {[CABUNDLE] = KEY_CABUNDLE "9f41bbff"}},
    {"nine in cabundle", FIELD, {[CABUNDLE] = KEY_CABUNDLE "8941bb41bb41bb41bb41bb41bb41bb41bb41bb"}},
    {"eight in cabundle", OK, {[CABUNDLE] = KEY_CABUNDLE "8841bb41bb41bb41bb41bb41bb41bb41bb"}},
    {"cabundle of 2^32", FIELD, {[CABUNDLE] = KEY_CABUNDLE "9b000000010000000041bb"}},

    {"empty public key", FIELD, {[PUBLIC_KEY] = KEY_PUBLIC_KEY "40"}},
    {"public key undefined", FIELD, {[PUBLIC_KEY] = KEY_PUBLIC_KEY "f7"}},
    {"public key false", FIELD, {[PUBLIC_KEY] = KEY_PUBLIC_KEY "f4"}},
    {"user data undefined", FIELD, {[USER_DATA] = KEY_USER_DATA "f7"}},
    {"user data text", FIELD, {[USER_DATA] = KEY_USER_DATA "6161"}},
    {"user data tagged", FIELD, {[USER_DATA] = KEY_USER_DATA "c241aa"}},
    {"nonce a number", FIELD, {[NONCE] = KEY_NONCE "01"}},
    {"nonce with a reserved length", FIELD, {[NONCE] = KEY_NONCE "5c41aa"}},
    {"nonce of 2^63 bytes", FIELD, {[NONCE] = KEY_NONCE "5b8000000000000000"}},
};

static void payloads(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        err_t e = read_parts(rows[i].parts);
        if (e != rows[i].verdict)
            fail_msg("%s: %s, wanted %s", rows[i].what, err_name(e), err_name(rows[i].verdict));
    }
}

/* ── limits ── */

static void limits(void **state UNUSED)
{
    static const uint8_t bytes[ATTEST_CERT_MAX + 1];
    static const struct {
        size_t at;
        size_t max;
    } fields[] = {
        {offsetof(struct document, public_key), 1024}, {offsetof(struct document, user_data), 1024},
        {offsetof(struct document, nonce), 1024},      {offsetof(struct document, certs[0]), 1024},
        {offsetof(struct document, certs[2]), 1024},
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        for (size_t over = 0; over < 2; over++) {
            AUTO_BUF struct buf signed_bytes = BUF_WITH(DOCUMENT_MAX);
            struct document d = forge_document(&forge), read;
            *(struct view *)(void *)((char *)&d + fields[i].at) = view_of(bytes, fields[i].max + over);
            forge_sign(&forge, &d, DOCUMENT_MAP_SIZED, &signed_bytes);
            assert_err(document_read(buf_view(&signed_bytes), &read, NULL), over != 0 ? ERR_DOC_FIELD : OK);
        }
}

static void too_long(void **state UNUSED)
{
    static uint8_t payload[DOCUMENT_MAX - 200];
    AUTO_BUF struct buf bytes = BUF_WITH(2 * DOCUMENT_MAX);
    struct document d;
    forge_sign_payload(&forge, view_of(payload, sizeof(payload)), &bytes);
    assert_ok(buf_put(&bytes, payload, DOCUMENT_MAX + 1 - bytes.len));
    assert_err(document_read(buf_view(&bytes), &d, NULL), ERR_DOC_MALFORMED);
}

/* ── the envelope ── */

/* `head` in the place of the bytes from the start to the payload, `tail` in the place of the signature with its head.
 */
static const struct {
    const char *what;
    err_t verdict;
    const char *head;
    const char *tail; /* NULL: as it is */
} envelopes[] = {
    {"as it is", OK, "8444a1013822a0", NULL},
    {"tagged", OK, "d28444a1013822a0", NULL},
    {"tagged twice", MALFORMED, "d2d28444a1013822a0", NULL},
    {"tag of COSE_Mac0", MALFORMED, "d18444a1013822a0", NULL},
    {"self-described", MALFORMED, "d9d9f78444a1013822a0", NULL},
    {"five items", MALFORMED, "8544a1013822a0", NULL},
    {"three items", MALFORMED, "8344a1013822a0", NULL},
    {"open array", MALFORMED, "9f44a1013822a0", NULL},
    {"ES256", ERR_DOC_ALGORITHM, "8443a10126a0", NULL},
    {"ES512", ERR_DOC_ALGORITHM, "8444a1013823a0", NULL},
    {"algorithm as text", ERR_DOC_ALGORITHM, "8448a101654553333834a0", NULL},
    {"no algorithm", ERR_DOC_ALGORITHM, "8441a0a0", NULL},
    {"empty protected header", ERR_DOC_ALGORITHM, "8440a0", NULL},
    {"something beside the algorithm", ERR_DOC_ALGORITHM, "8446a20138220401a0", NULL},
    {"algorithm not shortest", ERR_DOC_ALGORITHM, "8445a101390022a0", NULL},
    {"protected header not in bytes", MALFORMED, "84a1013822a0", NULL},
    {"something unprotected", MALFORMED, "8444a1013822a10126", NULL},
    {"unprotected header open", MALFORMED, "8444a1013822bfff", NULL},
    {"unprotected header null", MALFORMED, "8444a1013822f6", NULL},
    {"no signature", MALFORMED, "8444a1013822a0", ""},
    {"empty signature", ERR_DOC_ALGORITHM, "8444a1013822a0", "40"},
    {"signature null", MALFORMED, "8444a1013822a0", "f6"},
    {"short signature", ERR_DOC_ALGORITHM, "8444a1013822a0", "4111"},
    {"signature of 64", ERR_DOC_ALGORITHM, "8444a1013822a0",
     "5840"
     "1111111111111111111111111111111111111111111111111111111111111111"
     "1111111111111111111111111111111111111111111111111111111111111111"},
    {"something behind", MALFORMED, "8444a1013822a0", "4000"},
};

static void envelope(void **state UNUSED)
{
    uint8_t payload[8 * KIB];
    const char *const parts[PARTS_] = {0};
    AUTO_BUF struct buf good = BUF_WITH(DOCUMENT_MAX);
    forge_sign_payload(&forge, assemble(parts, payload), &good);
    for (size_t i = 0; i < COUNT_OF(envelopes); i++) {
        uint8_t part[256];
        AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
        struct document d;
        size_t middle = good.len - 7 - 98;
        assert_ok(buf_put_view(&bytes, hex_view(envelopes[i].head, part)));
        assert_ok(buf_put(&bytes, good.data + 7, middle));
        if (envelopes[i].tail != NULL)
            assert_ok(buf_put_view(&bytes, hex_view(envelopes[i].tail, part)));
        else
            assert_ok(buf_put(&bytes, good.data + 7 + middle, 98));
        err_t e = document_read(buf_view(&bytes), &d, NULL);
        if (e != envelopes[i].verdict)
            fail_msg("%s: %s, wanted %s", envelopes[i].what, err_name(e), err_name(envelopes[i].verdict));
    }
}

static void detached(void **state UNUSED)
{
    uint8_t bytes[128] = {0};
    struct document d;
    struct view v = hex_view("8444a1013822a0f65860", bytes);
    assert_err(document_read(view_of(bytes, v.len + 96), &d, NULL), ERR_DOC_MALFORMED);
}

/* ── bytes ── */

/* Every byte of the one encoding, every eighth of the other, one bit of it. */
static void flipped(void **state UNUSED)
{
    uint8_t root[SHA256_LEN];
    struct attest_policy policy = {.root = root, .any_image = true, .archived = true, .allow_debug = true};
    assert_ok(sha256_of(forge.der[0].data, forge.der[0].len, root));
    for (enum document_map map = DOCUMENT_MAP_SIZED; map <= DOCUMENT_MAP_OPEN; map++) {
        AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
        struct document d = forge_document(&forge), read;
        struct attest_report report;
        d.nonce = text_view("nonce");
        forge_sign(&forge, &d, map, &bytes);
        for (size_t i = 0; i < bytes.len; i += map == DOCUMENT_MAP_OPEN ? 1 : 8) {
            bytes.data[i] ^= (uint8_t)(1 << (i + i / 8) % 8);
            if (document_read(buf_view(&bytes), &read, NULL) == OK)
                assert_int_not_equal(attest_verify(&read, &policy, &report), OK);
            bytes.data[i] ^= (uint8_t)(1 << (i + i / 8) % 8);
        }
        assert_ok(document_read(buf_view(&bytes), &read, NULL));
        assert_ok(attest_verify(&read, &policy, &report));
        for (size_t n = 0; n < bytes.len; n++)
            assert_err(document_read(view_of(bytes.data, n), &read, NULL), ERR_DOC_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(payloads), cmocka_unit_test(limits),  cmocka_unit_test(too_long),
        cmocka_unit_test(envelope),   cmocka_unit_test(detached), cmocka_unit_test(flipped),
    };
    return cmocka_run_group_tests_name("attest document", tests, start, finish);
}
