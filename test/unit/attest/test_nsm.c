/* NSM messages: what AWS's client sends and takes, written out by hand, and everything near it that is refused. */
#include "attest/nsm.h"
#include "unit.h"

#define ZERO_PCR     "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define DESCRIBE_NSM "6b44657363726962654e534d"
#define DESCRIBE_PCR "6b4465736372696265504352"
#define EXTEND_PCR   "69457874656e64504352"
#define LOCK_PCR     "674c6f636b504352"
#define LOCK_PCRS    "684c6f636b50435273"
#define ATTESTATION  "6b4174746573746174696f6e"
#define GET_RANDOM   "6947657452616e646f6d"
#define USER_DATA    "69757365725f64617461"
#define NONCE        "656e6f6e6365"
#define PUBLIC_KEY   "6a7075626c69635f6b6579"
#define INDEX        "65696e646578"
#define DATA         "6464617461"
#define LOCK         "646c6f636b"

static const struct {
    struct nsm_request q;
    const char *hex;
} requests[] = {
    {{.op = NSM_DESCRIBE_NSM}, DESCRIBE_NSM},
    {{.op = NSM_GET_RANDOM}, GET_RANDOM},
    {{.op = NSM_DESCRIBE_PCR, .index = 31}, "a1" DESCRIBE_PCR "a1" INDEX "181f"},
    {{.op = NSM_EXTEND_PCR, .index = 16, .data = {(const uint8_t *)"\1\2\3", 3}},
     "a1" EXTEND_PCR "a2" INDEX "10" DATA "43010203"},
    {{.op = NSM_LOCK_PCR, .index = 16}, "a1" LOCK_PCR "a1" INDEX "10"},
    {{.op = NSM_LOCK_PCRS, .index = 32},
     "a1" LOCK_PCRS "a1"
     "6572616e6765"
     "1820"},
    {{.op = NSM_ATTESTATION}, "a1" ATTESTATION "a3" USER_DATA "f6" NONCE "f6" PUBLIC_KEY "f6"},
    {{.op = NSM_ATTESTATION,
      .user_data = {(const uint8_t *)"\xAA", 1},
      .nonce = {(const uint8_t *)"\xBB\xBB", 2},
      .public_key = {(const uint8_t *)"\xCC\xCC\xCC", 3}},
     "a1" ATTESTATION "a3" USER_DATA "41aa" NONCE "42bbbb" PUBLIC_KEY "43cccccc"},
};

static void assert_equal_views(struct view a, struct view b)
{
    assert_true(view_equal(a, b) && (a.data == NULL) == (b.data == NULL));
}

static void test_requests(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        const struct nsm_request *q = &requests[i].q;
        uint8_t room[256], bytes[256];
        struct view written = {0}, want = hex_view(requests[i].hex, bytes);
        struct cbor_writer w = cbor_writer_on(room, sizeof(room));
        struct nsm_request read;
        assert_ok(nsm_request_write(q, &w));
        assert_ok(cbor_written(&w, &written));
        assert_equal_views(written, want);
        assert_ok(nsm_request_read(want, &read));
        assert_true(read.op == q->op && read.index == q->index);
        assert_equal_views(read.data, q->data);
        assert_equal_views(read.user_data, q->user_data);
        assert_equal_views(read.nonce, q->nonce);
        assert_equal_views(read.public_key, q->public_key);
        for (size_t n = 0; n < want.len; n++)
            assert_int_not_equal(nsm_request_read(view_of(bytes, n), &read), OK);
    }
}

static const char *const bad_requests[] = {
    "",
    "6b44657363726962654e534d00",          /* something behind */
    "a16b44657363726962654e534df6",        /* a map where the name alone stands */
    "a1" GET_RANDOM "a0",                  /* the same with a map in it */
    LOCK_PCR,                              /* a name where a map stands */
    "a1" LOCK_PCR "10",                    /* no map of fields */
    "a1" LOCK_PCR "a0",                    /* none in it */
    "a1" LOCK_PCR "a1" INDEX "20",         /* negative */
    "a1" LOCK_PCR "a1" INDEX "1a00010000", /* no u16 */
    "a1" LOCK_PCR "a1" INDEX "10"
    "00",                            /* something behind */
    "a1" LOCK_PCR "a1" INDEX "1801", /* not shortest */
    "a1" LOCK_PCR "a1"
    "6572616e6765"
    "10",                                     /* another's field */
    "a1" LOCK_PCR "a2" INDEX "10" INDEX "10", /* twice */
    "a1" LOCK_PCR "a2" INDEX "10" DATA "40",  /* one too many */
    "a1" LOCK_PCR "bf" INDEX "10"
    "ff", /* open */
    "bf" LOCK_PCR "a1" INDEX "10"
    "ff",                                                            /* the same outside */
    "a2" LOCK_PCR "a1" INDEX "10" LOCK_PCR "a1" INDEX "10",          /* two requests */
    "a0",                                                            /* none */
    "81" GET_RANDOM,                                                 /* in an array */
    "d2" GET_RANDOM,                                                 /* tagged */
    "6944657363726962654e",                                          /* unknown */
    "a1" EXTEND_PCR "a1" INDEX "10",                                 /* no data */
    "a1" EXTEND_PCR "a2" INDEX "10" DATA "f6",                       /* null data */
    "a1" EXTEND_PCR "a2" INDEX "10" DATA "6161",                     /* text */
    "a1" EXTEND_PCR "a2" INDEX "10" DATA "5f4161ff",                 /* in pieces */
    "a1" ATTESTATION "a2" USER_DATA "f6" NONCE "f6",                 /* all three are always there */
    "a1" ATTESTATION "a3" USER_DATA "f7" NONCE "f6" PUBLIC_KEY "f6", /* undefined */
    "a1" ATTESTATION "a3" USER_DATA "f6" NONCE "f6" PUBLIC_KEY "40", /* empty key */
    "a1654572726f726f496e76616c6964417267756d656e74",                /* a response */
};

static void test_bad_requests(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(bad_requests); i++) {
        uint8_t bytes[256];
        struct nsm_request q;
        if (nsm_request_read(hex_view(bad_requests[i], bytes), &q) == OK)
            fail_msg("%s", bad_requests[i]);
    }
}

static void test_any_order(void **state UNUSED)
{
    uint8_t bytes[256];
    struct nsm_request q;
    assert_ok(nsm_request_read(hex_view("a1" EXTEND_PCR "a2" DATA "40" INDEX "10", bytes), &q));
    assert_true(q.index == 16 && q.data.len == 0);
}

static const struct {
    struct nsm_response p;
    const char *hex;
} responses[] = {
    {{.op = NSM_LOCK_PCR}, LOCK_PCR},
    {{.op = NSM_LOCK_PCRS}, LOCK_PCRS},
    {{.op = NSM_GET_RANDOM, .bytes = {(const uint8_t *)"\1\2\3\4", 4}},
     "a1" GET_RANDOM "a1"
     "6672616e646f6d"
     "4401020304"},
    {{.op = NSM_ATTESTATION, .bytes = {(const uint8_t *)"\x84", 1}},
     "a1" ATTESTATION "a1"
     "68646f63756d656e74"
     "4184"},
    {{.op = NSM_DESCRIBE_PCR, .locked = true, .bytes = {(const uint8_t[PCR_LEN]){0}, PCR_LEN}},
     "a1" DESCRIBE_PCR "a2" LOCK "f5" DATA "5830" ZERO_PCR},
    {{.op = NSM_DESCRIBE_PCR, .bytes = {(const uint8_t[PCR_LEN]){0}, PCR_LEN}},
     "a1" DESCRIBE_PCR "a2" LOCK "f4" DATA "5830" ZERO_PCR},
    {{.op = NSM_EXTEND_PCR, .bytes = {(const uint8_t[PCR_LEN]){0}, PCR_LEN}},
     "a1" EXTEND_PCR "a1" DATA "5830" ZERO_PCR},
    {{.op = NSM_DESCRIBE_NSM,
      .version = {1, 2, 300},
      .module_id = {(const uint8_t *)"i-1234-enc5678", 14},
      .max_pcrs = 32,
      .locked_pcrs = 0x8000FFFF},
     "a1" DESCRIBE_NSM "a7"
     "6d76657273696f6e5f6d616a6f72"
     "01"
     "6d76657273696f6e5f6d696e6f72"
     "02"
     "6d76657273696f6e5f7061746368"
     "19012c"
     "696d6f64756c655f6964"
     "6e692d313233342d656e6335363738"
     "686d61785f70637273"
     "1820"
     "6b6c6f636b65645f70637273"
     "91000102030405060708090a0b0c0d0e0f181f"
     "66646967657374"
     "66534841333834"},
    {{.op = NSM_LOCK_PCR, .error = NSM_READ_ONLY_INDEX},
     "a1"
     "654572726f72"
     "6d526561644f6e6c79496e646578"},
    {{.op = NSM_EXTEND_PCR, .error = NSM_INVALID_INDEX},
     "a1"
     "654572726f72"
     "6c496e76616c6964496e646578"},
    {{.op = NSM_GET_RANDOM, .error = NSM_INTERNAL_ERROR},
     "a1"
     "654572726f72"
     "6d496e7465726e616c4572726f72"},
};

static void test_responses(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(responses); i++) {
        const struct nsm_response *p = &responses[i].p;
        uint8_t room[256], bytes[256];
        struct view written = {0}, want = hex_view(responses[i].hex, bytes);
        struct cbor_writer w = cbor_writer_on(room, sizeof(room));
        struct nsm_response read;
        assert_ok(nsm_response_write(p, &w));
        assert_ok(cbor_written(&w, &written));
        assert_equal_views(written, want);
        assert_ok(nsm_response_read(want, p->op, &read));
        assert_true(read.op == p->op && read.error == p->error && read.locked == p->locked);
        assert_true(read.max_pcrs == p->max_pcrs && read.locked_pcrs == p->locked_pcrs);
        assert_memory_equal(read.version, p->version, sizeof(p->version));
        assert_equal_views(read.bytes, p->bytes);
        assert_equal_views(read.module_id, p->module_id);
        for (size_t n = 0; n < want.len; n++)
            assert_int_not_equal(nsm_response_read(view_of(bytes, n), p->op, &read), OK);
        enum nsm_op other = (p->op + 1) % NSM_OPS_;
        assert_int_equal(nsm_response_read(want, other, &read), p->error != NSM_SUCCESS ? OK : ERR_MALFORMED);
    }
}

/* Other orders and open maps, as QEMU and newer modules may answer. */
static const struct {
    enum nsm_op op;
    err_t verdict;
    const char *hex;
} answers[] = {
    {NSM_DESCRIBE_PCR, OK, "a1" DESCRIBE_PCR "a2" DATA "5830" ZERO_PCR LOCK "f5"},
    {NSM_DESCRIBE_PCR, OK,
     "bf" DESCRIBE_PCR "bf" DATA "5830" ZERO_PCR LOCK "f5"
     "ffff"},
    {NSM_DESCRIBE_PCR, OK,
     "a1" DESCRIBE_PCR "bf" DATA "5830" ZERO_PCR LOCK "f5"
     "ff"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED, "bf" DESCRIBE_PCR "a2" DATA "5830" ZERO_PCR LOCK "f5"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED,
     "bf" DESCRIBE_PCR "a2" DATA "5830" ZERO_PCR LOCK "f5"
     "f6ff"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED, "a1" DESCRIBE_PCR "a2" DATA "5830" ZERO_PCR LOCK "01"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED, "a1" DESCRIBE_PCR "a2" DATA "5830" ZERO_PCR LOCK "f6"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED, "a1" DESCRIBE_PCR "a1" DATA "5830" ZERO_PCR},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED, "a1" DESCRIBE_PCR "a2" LOCK "f5" LOCK "f5"},
    {NSM_DESCRIBE_PCR, ERR_TOO_LARGE, "a1" DESCRIBE_PCR "a2" DATA "5831" ZERO_PCR "00" LOCK "f5"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED,
     "a1" DESCRIBE_PCR "a2" DATA "44"
     "00000000" LOCK "f5"},
    {NSM_DESCRIBE_PCR, ERR_TOO_LARGE,
     "a1" DESCRIBE_PCR "a3" DATA "5830" ZERO_PCR LOCK "f5"
     "6178"
     "f6"},
    {NSM_DESCRIBE_PCR, ERR_MALFORMED,
     "bf" DESCRIBE_PCR "bf" DATA "5830" ZERO_PCR LOCK "f5"
     "6178"
     "f6"
     "ffff"},
    {NSM_LOCK_PCR, ERR_MALFORMED, "a1" LOCK_PCR "a0"},
    {NSM_LOCK_PCR, ERR_MALFORMED, LOCK_PCRS},
    {NSM_LOCK_PCR, ERR_MALFORMED, LOCK_PCR "00"},
    {NSM_LOCK_PCR, ERR_MALFORMED, "654572726f72"},
    {NSM_LOCK_PCR, ERR_MALFORMED,
     "a1"
     "654572726f72"
     "60"},
    {NSM_LOCK_PCR, ERR_MALFORMED,
     "a1"
     "654572726f72"
     "04"},
    {NSM_LOCK_PCR, ERR_MALFORMED,
     "a1"
     "654572726f72"
     "6753756363657373"}, /* Success is no error */
    {NSM_LOCK_PCR, OK,
     "bf"
     "654572726f72"
     "6d526561644f6e6c79496e646578"
     "ff"},
    {NSM_GET_RANDOM, ERR_MALFORMED,
     "a1" GET_RANDOM "a1"
     "6672616e646f6d"
     "40"},
    {NSM_GET_RANDOM, ERR_TOO_LARGE,
     "a1" GET_RANDOM "a1"
     "6672616e646f6d"
     "590101"},
    {NSM_GET_RANDOM, ERR_MALFORMED, GET_RANDOM},
    {NSM_ATTESTATION, ERR_MALFORMED,
     "a1" ATTESTATION "a1"
     "68646f63756d656e74"
     "40"},
    {NSM_ATTESTATION, ERR_TOO_LARGE,
     "a1" ATTESTATION "a1"
     "68646f63756d656e74"
     "593001"},
};

static void test_answers(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        uint8_t bytes[256];
        struct nsm_response p;
        err_t e = nsm_response_read(hex_view(answers[i].hex, bytes), answers[i].op, &p);
        if (e != answers[i].verdict)
            fail_msg("%s: %s, wanted %s", answers[i].hex, err_name(e), err_name(answers[i].verdict));
    }
}

/* A description whose list of locked registers is this. */
static err_t locked_list(const char *list)
{
    char hex[512];
    uint8_t bytes[256];
    struct nsm_response p;
    (void)snprintf(hex, sizeof(hex),
                   "a1" DESCRIBE_NSM "a7"
                   "6d76657273696f6e5f6d616a6f72"
                   "01"
                   "6d76657273696f6e5f6d696e6f72"
                   "00"
                   "6d76657273696f6e5f7061746368"
                   "00"
                   "696d6f64756c655f6964"
                   "6169"
                   "686d61785f70637273"
                   "1820"
                   "66646967657374"
                   "66534841333834"
                   "6b6c6f636b65645f70637273"
                   "%s",
                   list);
    return nsm_response_read(hex_view(hex, bytes), NSM_DESCRIBE_NSM, &p);
}

static void test_locked_lists(void **state UNUSED)
{
    assert_ok(locked_list("80"));
    assert_ok(locked_list("82181f00"));
    assert_err(locked_list("820000"), ERR_MALFORMED);
    assert_err(locked_list("811820"), ERR_TOO_LARGE);
    assert_err(locked_list("8120"), ERR_MALFORMED);
    assert_err(locked_list("9821"
                           "000102030405060708090a0b0c0d0e0f1011121314151617"),
               ERR_TOO_LARGE);
    assert_err(locked_list("f6"), ERR_MALFORMED);
}

static void test_limits(void **state UNUSED)
{
    static const uint8_t bytes[NSM_REQUEST_MAX + 1];
    static uint8_t room[2 * NSM_RESPONSE_MAX];
    const struct {
        struct nsm_request q;
        err_t verdict;
    } rows[] = {
        {{.op = NSM_ATTESTATION,
          .user_data = view_of(bytes, 512),
          .nonce = view_of(bytes, 512),
          .public_key = view_of(bytes, 1024)},
         OK},
        {{.op = NSM_ATTESTATION, .user_data = view_of(bytes, 513)}, ERR_TOO_LARGE},
        {{.op = NSM_ATTESTATION, .nonce = view_of(bytes, 513)}, ERR_TOO_LARGE},
        {{.op = NSM_ATTESTATION, .public_key = view_of(bytes, 1025)}, ERR_TOO_LARGE},
        {{.op = NSM_ATTESTATION, .public_key = view_of(bytes, 0)}, ERR_TOO_LARGE},
        {{.op = NSM_EXTEND_PCR, .data = view_of(bytes, NSM_REQUEST_MAX + 1)}, ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cbor_writer w = cbor_writer_on(room, sizeof(room));
        assert_err(nsm_request_write(&rows[i].q, &w), rows[i].verdict);
    }
    struct nsm_request q;
    struct nsm_response p;
    assert_err(nsm_request_read(view_of(room, NSM_REQUEST_MAX + 1), &q), ERR_TOO_LARGE);
    assert_err(nsm_response_read(view_of(room, NSM_RESPONSE_MAX + 1), NSM_LOCK_PCR, &p), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),  cmocka_unit_test(test_bad_requests), cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_responses), cmocka_unit_test(test_answers),      cmocka_unit_test(test_locked_lists),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("attest nsm", tests, NULL, NULL);
}
