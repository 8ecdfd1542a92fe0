/* The configuration: every key, every refusal with its line, and the committed text. */
#include "base/mem.h"
#include "config/parse.h"
#include "config/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define assert_ok(call)         assert_int_equal((int)(call), 0)
#define assert_err(call, error) assert_int_equal((int)(call), (int)(error))

#define CID_A "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define CID_B "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"

static int setup(void **state)
{
    struct config *c = mem_alloc(1, sizeof(*c));
    assert_non_null(c);
    assert_ok(config_init(c, "/home/me", NULL));
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static err_t read_text(struct config *c, const char *text, uint32_t *ret_line, struct why *why)
{
    return config_text(c, view_of(text, strlen(text)), ret_line, why);
}

static void test_defaults(void **state)
{
    struct config *c = *state;
    assert_int_equal(c->conf.n_listen, 1);
    assert_int_equal(c->conf.listen[0].port, 8000);
    assert_int_equal(c->conf.body_max, 64 * MIB);
    assert_int_equal(c->conf.run_ms, 30000);
    assert_int_equal(c->conf.threads, 1);
    assert_int_equal(c->conf.receipts, 1);
    assert_int_equal(c->conf.models, MODELS_ANY);
    assert_ok(config_finish(c, NULL));
}

static void test_a_whole_file(void **state)
{
    struct config *c = *state;
    struct why why = {0};
    uint32_t line = 0;
    static const char text[] = "# a comment\n\n[node]\r\nlisten = 0.0.0.0:443\nlisten=[::1]:8000\n  threads\t=  4 \n"
                               "body-max = 1M\nrun-time = 1500ms\nstate = here\nstore-unknown\n";
    assert_err(read_text(c, text, &line, &why), ERR_USAGE);
    assert_int_equal(line, 10);
    assert_int_equal(c->conf.n_listen, 2);
    assert_int_equal(c->conf.listen[1].family, AF_INET6);
    assert_string_equal(c->conf.listen_name[0], "");
    assert_string_equal(c->conf.listen_name[1], "::1");
    assert_int_equal(c->conf.threads, 4);
    assert_int_equal(c->conf.body_max, MIB);
    assert_int_equal(c->conf.run_ms, 1500);
    assert_string_equal(c->conf.state, "/home/me/here");
}

static void test_policy(void **state)
{
    struct config *c = *state;
    uint32_t line = 0;
    assert_ok(read_text(c,
                        "[policy]\nmodels = list\nalias = digits " CID_A "/a/model.onnx\nalias = other/name " CID_B
                        "\nallow = " CID_B "\noperator-domain = com.example\n[fetch]\nstore = /var/blocks\n",
                        &line, NULL));
    assert_int_equal(c->conf.n_aliases, 2);
    assert_string_equal(c->conf.aliases[0].name, "digits");
    assert_int_equal(c->conf.aliases[0].model.path_len, strlen("a/model.onnx"));
    assert_memory_equal(c->conf.aliases[0].model.path, "a/model.onnx", strlen("a/model.onnx"));
    assert_int_equal(c->conf.aliases[1].model.cid_len, 36);
    assert_int_equal(c->conf.n_allow, 1);
    assert_string_equal(c->conf.domains[0], "com.example");
    assert_string_equal(c->conf.store, "/var/blocks");
    assert_ok(config_finish(c, NULL));
}

static void test_refused_lines(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "threads = 1",
        "[nodes]",
        "[node",
        "[node]\nthreads",
        "[node]\nno-such-key = 1",
        "[policy]\nthreads = 1",
        "[node]\nthreads = 0",
        "[node]\nthreads = 65",
        "[node]\nthreads = 1k",
        "[node]\nthreads = -1",
        "[node]\nthreads = ",
        "[node]\nthreads = 1\nthreads = 1",
        "[node]\nbody-max = 64X",
        "[node]\nbody-max = 99999999999999999999",
        "[node]\nrun-time = 30",
        "[node]\nrun-time = 2h",
        "[node]\nsimulate = yes",
        "[node]\nlisten = 8000",
        "[node]\nlisten = host.example:8000",
        "[node]\nlisten = 1.2.3.4:65536",
        "[node]\nlisten = 1.2.3.4:",
        "[node]\nlisten = :80",
        "[node]\nlisten = vsock:3:80",
        "[node]\nlisten = vhost:/x:80",
        "[node]\nblocks-from = vsock:80",
        "[node]\nblocks-from = 127.0.0.1:80",
        "[node]\nlog-to = somewhere",
        "[node]\nstate = a\"b",
        "[policy]\nmodels = some",
        "[policy]\nalias = name",
        "[policy]\nalias = name not-a-cid",
        "[policy]\nalias = " CID_A " " CID_A,
        "[policy]\nalias = a " CID_A "\nalias = a " CID_A,
        "[policy]\nallow = " CID_A "/../x",
        "[policy]\nallow = " CID_A "x",
        "[fetch]\nsource = http://h",
        "[fetch]\nsource = gateway",
        "[fetch]\nsource = gateway ",
        "[fetch]\nsource = store /x",
        "[fetch]\nsource = Gateway http://h",
        "[fetch]\nsource = gateway h",
        "[fetch]\nsource = gateway http://user:pass@h",
        "[fetch]\nsource = gateway http://h/?x",
        "[fetch]\nsource = gateway http://h x",
        "[fetch]\nsource = gateway http://h token-file",
        "[fetch]\nsource = gateway http://h token-file a\\b",
        "[fetch]\nsource = gateway http://h token /x",
        "[fetch]\ncache-size = -1",
        "[node]\nsource = gateway http://h",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_MEM struct config *c = mem_alloc(1, sizeof(*c));
        struct why why = {0};
        uint32_t line = 0;
        assert_ok(config_init(c, "/", NULL));
        if (read_text(c, bad[i], &line, &why) != ERR_USAGE)
            fail_msg("accepted: %s", bad[i]);
        assert_true(strlen(why.text) > 0);
        unsigned lines = 1;
        for (const char *p = bad[i]; *p != '\0'; p++)
            lines += *p == '\n';
        assert_int_equal(line, lines);
    }
}

static void test_sources(void **state)
{
    struct config *c = *state;
    struct why why = {0};
    uint32_t line = 0;
    assert_int_equal(c->conf.n_sources, 0); /* nothing goes out unless it is said where */
    assert_int_equal(c->conf.cache_size, 20 * GIB);
    assert_ok(read_text(c,
                        "[fetch]\nsource = kubo http://127.0.0.1:5001\nsource =  gateway   https://g.example/x  token-file  "
                        "a token \nsource = files http://h token-file /t\ncache = blocks\ncache-size = 1G\nsource-ca = /ca\n",
                        &line, &why));
    assert_int_equal(c->conf.n_sources, 3);
    assert_int_equal(c->conf.sources[0].kind, SOURCE_KUBO);
    assert_string_equal(c->conf.sources[0].url, "http://127.0.0.1:5001");
    assert_string_equal(c->conf.sources[0].token_file, "");
    assert_int_equal(c->conf.sources[1].kind, SOURCE_GATEWAY);
    assert_string_equal(c->conf.sources[1].url, "https://g.example/x");
    assert_string_equal(c->conf.sources[1].token_file, "/home/me/a token");
    assert_string_equal(c->conf.sources[2].token_file, "/t");
    assert_string_equal(c->conf.cache, "/home/me/blocks");
    assert_int_equal(c->conf.cache_size, GIB);
    assert_string_equal(c->conf.source_ca, "/ca");
    const struct option *source = option_find(view_of("source", 6));
    for (unsigned i = 3; i < CONF_SOURCE_MAX; i++)
        assert_ok(config_set(c, source, view_of("files http://h", 14), &why));
    assert_err(config_set(c, source, view_of("files http://h", 14), &why), ERR_USAGE);
}

static void test_limits(void **state)
{
    struct config *c = *state;
    struct why why = {0};
    static char big[CONFIG_FILE_MAX + 2];
    uint32_t line = 0;
    memset(big, '#', sizeof(big) - 1);
    assert_err(read_text(c, big, &line, &why), ERR_USAGE);
    const struct option *listen = option_find(view_of("listen", 6));
    for (unsigned i = 0; i < CONF_LISTEN_MAX; i++)
        assert_ok(config_set(c, listen, view_of("127.0.0.1:0", 11), &why));
    assert_err(config_set(c, listen, view_of("127.0.0.1:0", 11), &why), ERR_USAGE);
}

static void test_command_line_replaces_the_file(void **state)
{
    struct config *c = *state;
    uint32_t line = 0;
    const struct option *threads = option_find(view_of("threads", 7));
    const struct option *listen = option_find(view_of("listen", 6));
    assert_ok(read_text(c, "[node]\nthreads = 2\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n", &line, NULL));
    config_forget(c, threads);
    assert_ok(config_set(c, threads, view_of("3", 1), NULL));
    config_forget(c, listen);
    assert_ok(config_set(c, listen, view_of("127.0.0.1:3", 11), NULL));
    assert_int_equal(c->conf.threads, 3);
    assert_int_equal(c->conf.n_listen, 1);
    assert_int_equal(c->conf.listen[0].port, 3);
}

static void test_canonical_text(void **state)
{
    struct config *c = *state;
    AUTO_BUF struct buf out = BUF_WITH(CONF_TEXT_MAX);
    uint32_t line = 0;
    assert_ok(read_text(c, "[policy]\nmodels = list\nalias = b " CID_A "\nalias = a " CID_A "/m\nallow = " CID_B "\n", &line, NULL));
    assert_ok(config_canonical(c, SECTION_POLICY, &out));
    assert_true(view_is(buf_view(&out), "alias = a " CID_A "/m\nalias = b " CID_A "\nallow = " CID_B
                                        "\nisolation = shared\nmodels = list\n"));
    buf_clear(&out);
    assert_ok(config_canonical(c, SECTION_NODE, &out));
    assert_ok(buf_put_u8(&out, 0));
    assert_non_null(strstr((const char *)out.data, "\nbody-max = 67108864\n"));
    assert_non_null(strstr((const char *)out.data, "\nrun-time = 30000ms\n"));
    assert_null(strstr((const char *)out.data, "/home/me")); /* what is only of this machine stays out */
}

/* In the order in which they stand, and with models = list only what is in it. */
static void test_preload(void **state)
{
    struct config *c = *state;
    struct why why = {0};
    uint32_t line = 0;
    AUTO_BUF struct buf out = BUF_WITH(CONF_TEXT_MAX);
    assert_ok(read_text(c, "[node]\npreload = " CID_B "\npreload = " CID_A "/m.onnx\n", &line, NULL));
    assert_int_equal(c->conf.n_preload, 2);
    assert_int_equal(c->conf.preload[0].cid_len, 36);
    assert_int_equal(c->conf.preload[1].path_len, 6);
    assert_ok(config_finish(c, NULL));
    assert_ok(config_canonical(c, SECTION_NODE, &out));
    assert_ok(buf_put_u8(&out, 0));
    assert_non_null(strstr((const char *)out.data, "\npreload = " CID_A "/m.onnx\npreload = " CID_B "\n"));
    assert_ok(read_text(c, "[policy]\nmodels = list\nallow = " CID_B "\nalias = a " CID_A "\n", &line, NULL));
    assert_err(config_finish(c, &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "preload: "));
    assert_ok(read_text(c, "[policy]\nallow = " CID_A "/m.onnx\n", &line, NULL));
    assert_ok(config_finish(c, NULL));
    while (c->conf.n_preload < CONF_PRELOAD_MAX)
        assert_ok(read_text(c, "[node]\npreload = " CID_B "\n", &line, NULL));
    assert_err(read_text(c, "[node]\npreload = " CID_B "\n", &line, &why), ERR_USAGE);
    assert_err(read_text(c, "[node]\npreload = digits\n", &line, &why), ERR_USAGE);
}

/* What a client may call a model that the configuration could pin; a list of its own beside value_alias. */
static void test_names(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{"", 0}, {"a", 1}, {"hJD2Ja3akZFt1A2LT-D_1oxOCz_OtuGYw4V9eE1m39M", 43}, {"a/b.c_d-0", 9},
                {"a b", 1}, {" a", 0}, {"a=b", 1}, {"\xc3\xa4", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(conf_name_len(view_of(rows[i].text, strlen(rows[i].text))), rows[i].len);
}

static void test_no_memory(void **state)
{
    struct config *c = *state;
    uint32_t line = 0;
    assert_ok(read_text(c, "[policy]\nmodels = list\nalias = a " CID_A "\nallow = " CID_B "\n", &line, NULL));
    for (enum option_section section = SECTION_NODE; section <= SECTION_POLICY; section++) {
        err_t e = ERR_NOMEM;
        long n = 0;
        for (; e == ERR_NOMEM; n++) {
            AUTO_BUF struct buf out = BUF_WITH(CONF_TEXT_MAX);
            mem_fail_after(n);
            e = config_canonical(c, section, &out);
            mem_fail_after(-1);
        }
        assert_ok(e);
        assert_true(n > 1);
    }
}

/* ── delivered to an enclave ── */

static err_t read_delivered(const char *text, struct why *why)
{
    AUTO_MEM struct config *c = mem_alloc(1, sizeof(*c));
    uint32_t line = 0;
    assert_non_null(c);
    assert_ok(config_init(c, "/", NULL));
    c->delivered = true;
    TRY(read_text(c, text, &line, why));
    return config_finish(c, why);
}

static void test_delivered(void **state UNUSED)
{
    struct why why = {0};
    assert_ok(read_delivered("[node]\nthreads = 2\n[policy]\nmodels = any\nisolation = shared\n", &why));
}

static void test_delivered_refusals(void **state UNUSED)
{
    static const struct {
        const char *text;
        const char *key; /* that the sentence begins with */
    } rows[] = {
        {"", "models: "},
        {"[policy]\nmodels = any\n", "isolation: "},
        {"[policy]\nisolation = shared\n", "models: "},
        {"[node]\nstate = /x\n", "state: "},
        {"[node]\nready-file = /x\n", "ready-file: "},
        {"[node]\nblocks-from = vsock:3:1\n", "blocks-from: "},
        {"[node]\nlog-to = vsock:3:1\n", "log-to: "},
        {"[fetch]\nstore = /x\n", "store: "},
        {"[fetch]\nsource = gateway http://127.0.0.1:1\n", "source: "},
        {"[fetch]\ncache-size = 0\n", "cache-size: "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct why why = {0};
        assert_err(read_delivered(rows[i].text, &why), ERR_USAGE);
        assert_memory_equal(why.text, rows[i].key, strlen(rows[i].key));
    }
}

static void test_addresses_of_an_enclave(void **state)
{
    struct config *c = *state;
    struct why why = {0};
    uint32_t line = 0;
    assert_ok(read_text(c, "[node]\nlisten = vsock:443\nlisten = unix:/run/n\nadmin-listen = vsock:9001\n"
                           "blocks-from = vsock:3:9002\nlog-to = unix:/run/l\n", &line, &why));
    assert_int_equal(c->conf.listen[0].family, AF_VSOCK);
    assert_int_equal(c->conf.listen[1].family, AF_UNIX);
    assert_string_equal(c->conf.listen_name[0], "");
    assert_string_equal(c->conf.listen_name[1], "");
    assert_int_equal(c->conf.blocks_from.cid, 3);
    assert_int_equal(c->conf.log_to.family, AF_UNIX);
    assert_ok(config_finish(c, &why));
    assert_ok(read_text(c, "[fetch]\nsource = gateway http://127.0.0.1:1\n", &line, &why));
    assert_err(config_finish(c, &why), ERR_USAGE); /* who has the sources then? */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
        cmocka_unit_test(test_refused_lines),
        cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_command_line_replaces_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_canonical_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preload, setup, teardown),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_delivered),
        cmocka_unit_test(test_delivered_refusals),
        cmocka_unit_test_setup_teardown(test_addresses_of_an_enclave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
