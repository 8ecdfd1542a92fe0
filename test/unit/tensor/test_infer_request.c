/* The outer parts of /infer requests: three forms, everything that is refused, bounded memory. */
#include "model.h"

#include <yyjson.h>

#define NONCE16 "00112233445566778899aabbccddeeff"

static void tells_the_forms_apart(void **state UNUSED)
{
    static const struct {
        const char *body;
        enum infer_form form;
        size_t numbers;
        size_t strings;
    } rows[] = {
        {"{\"ipfs_hash\":\"Qm/a\",\"model_inputs\":\"{\\\"numbers\\\":[1,2],\\\"strings\\\":[3]}\"}", INFER_FORM_TEXT,
         2, 1},
        {"{\"ipfs_hash\":\"Qm/a\",\"model_inputs\":\"{}\"}", INFER_FORM_TEXT, 0, 0},
        {"{\"model_inputs\":\"{}\",\"ipfs_hash\":\"Qm/a\"}", INFER_FORM_TEXT, 0, 0},
        {"{\"ipfs_hash\":\"Qm/a\",\"model_inputs\":\" {\\u0022numbers\\u0022 : [ 1 ]}\\n\",\"x\":[[]]}",
         INFER_FORM_TEXT, 1, 0},
        {"{\"ipfs_hash\":\"Qm/a\",\"model_inputs\":{\"jsons\":1,\"numbers\":[]},\"other\":null}", INFER_FORM_OBJECT, 0,
         0},
        {"{\"ipfs_hash\":\"Qm/a\",\"model_inputs\":{\"strings\":[0]}}", INFER_FORM_OBJECT, 0, 1},
        {"{\"ipfs_hash\":\"Qm/a\",\"num_inputs\":[1],\"string_inputs\":[]}", INFER_FORM_LISTS, 1, 0},
        {"{\"string_inputs\":[1],\"ipfs_hash\":\"Qm/a\"}", INFER_FORM_LISTS, 0, 1},
        {"{\"\\u0069pfs_hash\":\"Qm\\/a\",\"num_inputs\":[]}", INFER_FORM_LISTS, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(trip_done) struct trip t = {0};
        err_t e = trip_parse(&t, text_view(rows[i].body), &default_limits);
        if (e != OK)
            fail_msg("%s: %s", rows[i].body, t.why.text);
        assert_int_equal(t.request.form, rows[i].form);
        assert_view(view_of(t.request.model_id, t.request.model_id_len), text_view("Qm/a"));
        assert_int_equal(yyjson_arr_size(t.request.numbers), rows[i].numbers);
        assert_int_equal(yyjson_arr_size(t.request.strings), rows[i].strings);
        assert_int_equal(t.request.nonce_len, 0);
    }
}

static void takes_a_nonce(void **state UNUSED)
{
    AUTO(trip_done) struct trip t = {0};
    static const char body[] = "{\"ipfs_hash\":\"Qm\",\"nonce\":\"" NONCE16 "AB\",\"model_inputs\":\"{}\"}";
    assert_ok(trip_parse(&t, text_view(body), &default_limits));
    assert_int_equal(t.request.nonce_len, 17);
    assert_memory_equal(t.request.nonce, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\xab", 17);
}

#define ID    "\"ipfs_hash\":\"Qm\""
#define DEEP8 "[[[[[[[["

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *body;
        err_t code;
        const char *why;
    } rows[] = {
        {"", ERR_BAD_JSON, "body: not valid JSON"},
        {"{", ERR_BAD_JSON, "body: not valid JSON"},
        {"[]", ERR_FIELD_TYPE, "body: an object"},
        {"7", ERR_FIELD_TYPE, "body: an object"},
        {"{}", ERR_FIELD_MISSING, "ipfs_hash: missing"},
        {"{\"ipfs_hash\":1,\"num_inputs\":[]}", ERR_FIELD_TYPE, "ipfs_hash: a string"},
        {"{\"ipfs_hash\":null,\"num_inputs\":[]}", ERR_FIELD_TYPE, "ipfs_hash: a string"},
        {"{\"ipfs_hash\":\"\",\"num_inputs\":[]}", ERR_MODEL_ID_INVALID, "ipfs_hash: 1 to 512 bytes"},
        {"{" ID "," ID ",\"num_inputs\":[]}", ERR_FIELD_DUPLICATE, "ipfs_hash: stands twice"},
        {"{" ID "}", ERR_FIELD_MISSING, "model_inputs: missing"},
        {"{" ID ",\"model_inputs\":null}", ERR_FIELD_TYPE, "model_inputs: an object"},
        {"{" ID ",\"model_inputs\":[]}", ERR_FIELD_TYPE, "model_inputs: an object"},
        {"{" ID ",\"model_inputs\":\"\"}", ERR_BAD_JSON, "model_inputs: not valid JSON"},
        {"{" ID ",\"model_inputs\":\"[]\"}", ERR_FIELD_TYPE, "model_inputs: an object"},
        {"{" ID ",\"model_inputs\":\"{}}\"}", ERR_BAD_JSON, "model_inputs: not valid JSON"},
        {"{" ID ",\"model_inputs\":\"\\\"{}\\\"\"}", ERR_FIELD_TYPE, "model_inputs: an object"},
        {"{" ID ",\"model_inputs\":\"{}\",\"num_inputs\":[]}", ERR_FIELD_VALUE,
         "model_inputs: not together with num_inputs or string_inputs"},
        {"{" ID ",\"model_inputs\":{\"numbers\":null}}", ERR_FIELD_TYPE, "numbers: an array"},
        {"{" ID ",\"model_inputs\":{\"strings\":{}}}", ERR_FIELD_TYPE, "strings: an array"},
        {"{" ID ",\"model_inputs\":{\"numbers\":[],\"numbers\":[]}}", ERR_FIELD_DUPLICATE, "numbers: stands twice"},
        {"{" ID ",\"num_inputs\":{}}", ERR_FIELD_TYPE, "num_inputs: an array"},
        {"{" ID ",\"string_inputs\":\"\"}", ERR_FIELD_TYPE, "string_inputs: an array"},
        {"{" ID ",\"nonce\":7,\"num_inputs\":[]}", ERR_FIELD_TYPE, "nonce: a string"},
        {"{" ID ",\"nonce\":\"00112233445566778899aabbccddee\",\"num_inputs\":[]}", ERR_NONCE_INVALID,
         "nonce: 16 to 64 bytes in hexadecimal"},
        {"{" ID ",\"nonce\":\"" NONCE16 NONCE16 NONCE16 NONCE16 "00\",\"num_inputs\":[]}", ERR_NONCE_INVALID, NULL},
        {"{" ID ",\"nonce\":\"" NONCE16 "0\",\"num_inputs\":[]}", ERR_NONCE_INVALID, NULL},
        {"{" ID ",\"nonce\":\"" NONCE16 "0g\",\"num_inputs\":[]}", ERR_NONCE_INVALID, NULL},
        {"{" ID ",\"x\":" DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8, ERR_JSON_TOO_DEEP,
         "body: more than 64 levels of arrays and objects"},
        {"{" ID ",\"model_inputs\":\"[" DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 "\"}", ERR_JSON_TOO_DEEP,
         "model_inputs: more than 64 levels of arrays and objects"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(trip_done) struct trip t = {0};
        err_t e = trip_parse(&t, text_view(rows[i].body), &default_limits);
        if (e != rows[i].code)
            fail_msg("%s: %s", rows[i].body, err_name(e));
        if (rows[i].why != NULL)
            assert_string_equal(t.why.text, rows[i].why);
        assert_null(t.request.doc);
    }
}

/* A string that ends where what json_read overwrites behind it could do the most harm. */
static void leaves_the_rest_of_the_body_alone(void **state UNUSED)
{
    static const char body[] = "{\"model_inputs\":\"{}\",\"nonce\":\"" NONCE16 "\",\"ipfs_hash\":\"Qm\"}";
    AUTO(trip_done) struct trip t = {0};
    assert_ok(trip_parse(&t, text_view(body), &default_limits));
    assert_view(view_of(t.request.model_id, t.request.model_id_len), text_view("Qm"));
    assert_int_equal(t.request.nonce_len, 16);
    AUTO_BUF struct buf full = {.max = sizeof(body) - 1 + INFER_BODY_PAD - 1};
    struct infer_request r = {0};
    assert_ok(buf_put(&full, body, sizeof(body) - 1));
    assert_err(infer_request_parse(&full, &default_limits, &r, NULL), ERR_TOO_LARGE);
}

static void fill(struct buf *body, const char *head, const char *piece, size_t count, const char *tail)
{
    assert_ok(buf_put_text(body, head));
    for (size_t i = 0; i < count; i++)
        assert_ok(buf_put_text(body, piece));
    assert_ok(buf_put_text(body, tail));
}

/* What is large is refused or taken within the memory that was allowed. */
static void bounds_large_bodies(void **state UNUSED)
{
    static const struct {
        const char *head;
        const char *piece;
        size_t count;
        const char *tail;
        size_t memory;
        err_t code;
    } rows[] = {
        {"", "[", 8000000, "", 1, ERR_JSON_TOO_DEEP},
        {"", "{\"\":", 2000000, "", 1, ERR_JSON_TOO_DEEP},
        {"{" ID ",\"num_inputs\":[", "1,", 4000000, "1]}", 32000000, ERR_TOO_LARGE},
        {"{" ID ",\"num_inputs\":[", "[],", 2000000, "[]]}", 80000000, OK},
        {"{" ID ",\"num_inputs\":[]", ",\"k\":1", 1000000, "}", 40000000, OK},
        {"{" ID ",\"num_inputs\":[]", ",\"ipfs_hash\":1", 1000000, "}", 80000000, ERR_FIELD_DUPLICATE},
        {"{" ID ",\"num_inputs\":[\"", "x", 8000000, "\"]}", 30000000, OK},
        {"{\"ipfs_hash\":\"", "x", 8000000, "\",\"num_inputs\":[]}", 30000000, ERR_MODEL_ID_INVALID},
        {"{" ID ",\"model_inputs\":\"", "[", 8000000, "\"}", 30000000, ERR_JSON_TOO_DEEP},
        {"{" ID ",\"model_inputs\":\"", "\\\\", 4000000, "\"}", 30000000, ERR_BAD_JSON},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf body = {.max = 20000000};
        AUTO(infer_request_done) struct infer_request r = {0};
        const struct infer_limits limits = {.json_depth = 64, .json_memory = rows[i].memory};
        fill(&body, rows[i].head, rows[i].piece, rows[i].count, rows[i].tail);
        err_t e = infer_request_parse(&body, &limits, &r, NULL);
        if (e != rows[i].code)
            fail_msg("row %zu: %s", i, err_name(e));
    }
}

static void survives_every_failed_allocation(void **state UNUSED)
{
    static const char body[] = "{" ID ",\"model_inputs\":\"{\\\"numbers\\\":[]}\"}";
    err_t e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        AUTO(trip_done) struct trip t = {0};
        mem_fail_after(n);
        e = trip_parse(&t, text_view(body), &default_limits);
        mem_fail_after(-1);
    }
    assert_ok(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_forms_apart),
        cmocka_unit_test(takes_a_nonce),
        cmocka_unit_test(refuses),
        cmocka_unit_test(leaves_the_rest_of_the_body_alone),
        cmocka_unit_test(bounds_large_bodies),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
