/* The command line of the host. */
#include "host/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#define FORWARD "--forward", "tcp:127.0.0.1:443=vsock:16:443"

static err_t parse(const char *const *words, struct host_options *ret, struct why *why)
{
    int argc = 0;
    while (words[argc] != NULL)
        argc++;
    return host_options_parse(argc, (char **)(uintptr_t)words, ret, why);
}

static void test_defaults(void **state UNUSED)
{
    static const char *const words[] = {"host", FORWARD, NULL};
    struct host_options o;
    struct why why = {0};
    assert_int_equal((int)parse(words, &o, &why), OK);
    assert_int_equal(o.n_forwards, 1);
    assert_int_equal(o.forwards[0].from.port, 443);
    assert_int_equal(o.forwards[0].to.cid, 16);
    assert_int_equal(o.at[SERVICE_CONFIG].port, 9002);
    assert_int_equal(o.at[SERVICE_BLOCKS].port, 9003);
    assert_int_equal(o.at[SERVICE_LOG].port, 9004);
    assert_int_equal(o.at[SERVICE_BOOT].family, 0);
    assert_int_equal(o.connections, 8192);
    assert_int_equal(o.idle_s, 300);
    assert_null(o.config_args[0]);
}

static void test_all_of_them(void **state UNUSED)
{
    static const char *const words[] = {"host",       FORWARD,           "--forward=tcp:[::1]:0=unix:/run/n",
                                        "--config",   "f.conf",          "--config-at",
                                        "unix:/c",    "--log-at=none",   "--boot-at",
                                        "vsock:9000", "--connections=5", "--idle-time",
                                        "7",          "--store=/s",      NULL};
    struct host_options o;
    struct why why = {0};
    assert_int_equal((int)parse(words, &o, &why), OK);
    assert_int_equal(o.n_forwards, 2);
    assert_int_equal(o.forwards[1].from.family, AF_INET6);
    assert_int_equal(o.forwards[1].to.family, AF_UNIX);
    assert_int_equal(o.at[SERVICE_CONFIG].family, AF_UNIX);
    assert_int_equal(o.at[SERVICE_LOG].family, 0);
    assert_int_equal(o.at[SERVICE_BOOT].port, 9000);
    assert_int_equal(o.connections, 5);
    assert_int_equal(o.idle_s, 7);
    assert_int_equal(o.n_config_args, 3);
    assert_string_equal(o.config_args[0], "--config");
    assert_string_equal(o.config_args[1], "f.conf");
    assert_string_equal(o.config_args[2], "--store=/s");
    assert_null(o.config_args[3]);
}

static void test_refusals(void **state UNUSED)
{
    static const struct {
        const char *words[6];
        const char *option;
    } rows[] = {
        {{"host", NULL}, "--forward"},
        {{"host", "--forward", NULL}, "--forward"},
        {{"host", "--forward", "", NULL}, "--forward"},
        {{"host", "--forward", "tcp:127.0.0.1:1", NULL}, "--forward"},
        {{"host", "--forward", "127.0.0.1:1=vsock:3:1", NULL}, "--forward"},
        {{"host", "--forward", "tcp:127.0.0.1:1=vsock:1", NULL}, "--forward"},
        {{"host", "--forward", "tcp:127.0.0.1:1=127.0.0.1:2", NULL}, "--forward"},
        {{"host", "--forward", "tcp:vsock:5=vsock:3:1", NULL}, "--forward"},
        {{"host", "--forward", "tcp:name:1=vsock:3:1", NULL}, "--forward"},
        {{"host", FORWARD, "--log-at", "vsock:3:1", NULL}, "--log-at"},
        {{"host", FORWARD, "--config-at", "127.0.0.1:5", NULL}, "--config-at"},
        {{"host", FORWARD, "--control-at", "vsock:1", NULL}, "--control-at"},
        {{"host", FORWARD, "--connections", "0", NULL}, "--connections"},
        {{"host", FORWARD, "--connections", "30001", NULL}, "--connections"},
        {{"host", FORWARD, "--idle-time", "x", NULL}, "--idle-time"},
        {{"host", FORWARD, "--idle-time", NULL}, "--idle-time"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct host_options o;
        struct why why = {0};
        assert_int_equal((int)parse(rows[i].words, &o, &why), ERR_USAGE);
        assert_memory_equal(why.text, rows[i].option, strlen(rows[i].option));
    }
}

static void test_too_many(void **state UNUSED)
{
    const char *words[2 * FORWARD_MAX + 4] = {"host"};
    struct host_options o;
    struct why why = {0};
    for (size_t i = 0; i <= FORWARD_MAX; i++) {
        words[1 + 2 * i] = "--forward";
        words[2 + 2 * i] = "tcp:127.0.0.1:0=vsock:3:1";
    }
    assert_int_equal((int)parse(words, &o, &why), ERR_USAGE);
    const char *many[HOST_ARGS_MAX + 8] = {"host", FORWARD};
    for (size_t i = 3; i < HOST_ARGS_MAX + 7; i++)
        many[i] = "--threads=1";
    assert_int_equal((int)parse(many, &o, &why), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_of_them),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
