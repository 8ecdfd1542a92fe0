/* What a node says about itself, read back by a JSON parser that did not write it. */
#include "front/about.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include <cmocka.h>

static const char node_text[] = "body-max = 67108864\nlisten = 127.0.0.1:8000\nlisten = [::1]:8000\nready = a \"b\\\n";
static const char policy_text[] = "alias = digits QmYzvh6h8oQ5khcxHWn8n32FQpRfm1tyjEqeQ1iiKW42Ej\nmodels = any\n";

static struct conf *conf;
static struct identity identity;
static struct about about;

static int set_up(void **state)
{
    size_t node = strlen(node_text), policy = strlen(policy_text);
    (void)state;
    conf = calloc(1, sizeof(*conf) + node + policy);
    assert_non_null(conf);
    conf->node_text_len = (uint32_t)node;
    conf->policy_text_len = (uint32_t)policy;
    memcpy(conf + 1, node_text, node);
    memcpy((char *)(conf + 1) + node, policy_text, policy);
    identity = (struct identity){.kind = 2,
                                 .locked = 1U << 0 | 1U << 16 | 1U << 31,
                                 .not_after = 1800000000,
                                 .made_ms = 1790000000123,
                                 .module_version = {1, 22, 333},
                                 .module_id = "sim-0123",
                                 .certificate_len = 2,
                                 .keyset_len = 6,
                                 .rsa_len = 294,
                                 .document_len = 1};
    memset(identity.checks, CHECK_HOLDS, sizeof(identity.checks));
    identity.checks[CHECK_HARDWARE_CLOCK] = CHECK_NOT_MADE;
    identity.checks[CHECK_IMAGE] = CHECK_DEBUG;
    memcpy(identity.keyset, "foobar", 6);
    memcpy(identity.rsa, "key", 3);
    identity.document[0] = 'f';
    identity.pcr[16][0] = 0xab;
    identity.user_data[0] = 0x12;
    assert_int_equal(about_make(conf, &identity, &about), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    about_done(&about);
    free(conf);
    return 0;
}

static yyjson_doc *read_json(const struct buf *text)
{
    yyjson_doc *doc = yyjson_read((const char *)text->data, text->len, 0);
    assert_non_null(doc);
    assert_int_equal(text->data[text->len - 1], '\n');
    return doc;
}

static void expect_text(yyjson_doc *doc, const char *pointer, const char *text)
{
    yyjson_val *v = yyjson_doc_ptr_get(doc, pointer);
    if (!yyjson_equals_str(v, text))
        fail_msg("%s: %s", pointer, yyjson_is_str(v) ? yyjson_get_str(v) : "no string");
}

static void test_node(void **state)
{
    (void)state;
    yyjson_doc *doc = read_json(&about.node);
    assert_true(yyjson_is_true(yyjson_doc_ptr_get(doc, "/simulated")));
    expect_text(doc, "/kind", "simulated");
    expect_text(doc, "/versions/veronnx", VERONNX_VERSION);
    expect_text(doc, "/versions/module", "1.22.333");
    expect_text(doc, "/module_id", "sim-0123");
    expect_text(doc, "/keyset", "Zm9vYmFy"); /* RFC 4648 §10 */
    expect_text(doc, "/document", "Zg==");
    expect_text(doc, "/certificate", "AAA=");
    expect_text(doc, "/configuration", node_text);
    expect_text(doc, "/policy", policy_text);
    assert_int_equal(yyjson_get_uint(yyjson_doc_ptr_get(doc, "/made_ms")), 1790000000123);
    assert_int_equal(yyjson_get_uint(yyjson_doc_ptr_get(doc, "/not_after")), 1800000000);
    assert_int_equal(yyjson_get_len(yyjson_doc_ptr_get(doc, "/user_data")), 2 * 68);
    assert_int_equal(yyjson_obj_size(yyjson_doc_ptr_get(doc, "/pcrs")), 3);
    assert_int_equal(yyjson_get_len(yyjson_doc_ptr_get(doc, "/pcrs/PCR31")), 96);
    assert_memory_equal(yyjson_get_str(yyjson_doc_ptr_get(doc, "/pcrs/PCR16")), "ab00", 4);
    yyjson_doc_free(doc);
}

static void test_checks(void **state)
{
    static const char *const words[] = {"holds", "not made", "holds", "debug"}; /* the others hold */
    char pointer[32];
    (void)state;
    yyjson_doc *doc = read_json(&about.node);
    assert_int_equal(yyjson_arr_size(yyjson_doc_ptr_get(doc, "/checks")), CHECKS_);
    expect_text(doc, "/checks/1/name", "hardware-clock");
    expect_text(doc, "/checks/3/what", "PCR0 to PCR2 are locked and not zero");
    for (unsigned n = 0; n < CHECKS_; n++) {
        (void)snprintf(pointer, sizeof(pointer), "/checks/%u/result", n);
        expect_text(doc, pointer, n < COUNT_OF(words) ? words[n] : "holds");
    }
    yyjson_doc_free(doc);
}

static void test_config(void **state)
{
    static const char text[] = "{\n  \"node\": {\n    \"body-max\": \"67108864\",\n"
                               "    \"listen\": [\"127.0.0.1:8000\", \"[::1]:8000\"],\n"
                               "    \"ready\": \"a \\\"b\\\\\"\n  },\n"
                               "  \"policy\": {\n"
                               "    \"alias\": [\"digits QmYzvh6h8oQ5khcxHWn8n32FQpRfm1tyjEqeQ1iiKW42Ej\"],\n"
                               "    \"models\": \"any\"\n  }\n}\n";
    (void)state;
    assert_int_equal(about.config.len, strlen(text));
    assert_memory_equal(about.config.data, text, strlen(text));
}

static void test_list_at_the_end(void **state)
{
    static const char text[] = "{\n  \"node\": {\n    \"listen\": [\"a:1\"]\n  },\n  \"policy\": {}\n}\n";
    struct about other = {0};
    (void)state;
    memcpy(conf + 1, "listen = a:1\n", 13);
    conf->node_text_len = 13;
    conf->policy_text_len = 0;
    assert_int_equal(about_make(conf, &identity, &other), OK);
    assert_int_equal(other.config.len, strlen(text));
    assert_memory_equal(other.config.data, text, strlen(text));
    about_done(&other);
}

static void test_signing_key(void **state)
{
    char decoded[600] = "";
    AUTO_BUF struct buf der = BUF_WITH(IDENTITY_RSA);
    (void)state;
    yyjson_doc *doc = read_json(&about.signing_key);
    expect_text(doc, "/enclave_info/platform", "simulated");
    assert_int_equal(yyjson_get_len(yyjson_doc_ptr_get(doc, "/tee_id")), 66);
    const char *pem = yyjson_get_str(yyjson_doc_ptr_get(doc, "/public_key"));
    assert_memory_equal(pem, "-----BEGIN PUBLIC KEY-----\n", 27);
    const char *line = pem + 27;
    for (; strncmp(line, "-----END", 8) != 0; line = strchr(line, '\n') + 1) {
        assert_in_range(strcspn(line, "\n"), 1, 64);
        (void)strncat(decoded, line, strcspn(line, "\n"));
    }
    assert_string_equal(line, "-----END PUBLIC KEY-----\n");
    assert_int_equal(base64_decode(view_of(decoded, strlen(decoded)), &der), OK);
    assert_true(view_equal(buf_view(&der), identity_rsa(&identity)));
    yyjson_doc_free(doc);
}

/* Keccak-256 of the three bytes "key", by a second implementation. */
static void test_tee_id(void **state)
{
    struct about other = {0};
    (void)state;
    identity.rsa_len = 3;
    identity.kind = 1;
    assert_int_equal(about_make(conf, &identity, &other), OK);
    yyjson_doc *doc = read_json(&other.signing_key);
    expect_text(doc, "/tee_id", "0x07855b46a623a8ecabac76ed697aa4e13631e3b6718c8a0d342860c13c30d2fc");
    expect_text(doc, "/enclave_info/platform", "nitro");
    yyjson_doc_free(doc);
    about_done(&other);
}

static void test_not_utf8(void **state)
{
    struct about other = {0};
    (void)state;
    ((char *)(conf + 1))[0] = '\xff';
    assert_int_equal(about_make(conf, &identity, &other), ERR_MALFORMED);
    assert_null(other.node.data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_node),        TEST(test_checks), TEST(test_config),   TEST(test_list_at_the_end),
        TEST(test_signing_key), TEST(test_tee_id), TEST(test_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
