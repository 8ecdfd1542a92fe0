/* The configuration as a hostile writer could leave it. */
#include "least.h"

#include "base/fd.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

static struct conf conf;
static const char texts[] = "nodepolicy";

static err_t map_with(const char *text, size_t text_len, int seals)
{
    AUTO_FD int fd = -1;
    AUTO(map_done) struct map m = {0};
    const struct conf *got = NULL;
    assert_int_equal(memfd_new("conf", 0, &fd), OK);
    assert_int_equal(fd_write_all(fd, &conf, sizeof(conf)), OK);
    assert_int_equal(fd_write_all(fd, text, text_len), OK);
    assert_int_equal(memfd_seal(fd, seals), OK);
    err_t e = conf_map(fd, &m, &got);
    if (e == OK)
        assert_memory_equal(got, &conf, sizeof(conf));
    return e;
}

static err_t map_sealed(size_t text_len, int seals)
{
    return map_with(texts, text_len, seals);
}

static err_t map_it(void)
{
    return map_sealed(0, SEALS_FILE);
}

static void test_whole(void **state)
{
    (void)state;
    conf_least(&conf);
    assert_int_equal(map_it(), OK);
    conf.node_text_len = 4;
    conf.policy_text_len = 6;
    assert_int_equal(map_sealed(10, SEALS_FILE), OK);
    assert_int_equal(map_sealed(9, SEALS_FILE), ERR_PROTOCOL);
    assert_int_equal(map_sealed(11, SEALS_FILE), ERR_PROTOCOL);
    assert_int_not_equal(map_sealed(10, F_SEAL_SHRINK), OK);
    conf.node_text_len = conf.policy_text_len = UINT32_MAX;
    assert_int_equal(map_sealed(10, SEALS_FILE), ERR_PROTOCOL);
}

/* A text that had the room of both would fit into no bundle. */
static void test_one_text_too_long(void **state)
{
    static const char none[CONF_TEXT_MAX + 1];
    (void)state;
    conf_least(&conf);
    for (uint32_t more = 0; more <= 1; more++)
        for (size_t which = 0; which < 2; which++) {
            err_t wanted = more == 0 ? OK : ERR_PROTOCOL;
            conf.node_text_len = which == 0 ? CONF_TEXT_MAX + more : 0;
            conf.policy_text_len = which == 1 ? CONF_TEXT_MAX + more : 0;
            assert_int_equal(map_with(none, CONF_TEXT_MAX + more, SEALS_FILE), wanted);
        }
}

static err_t with_number(const struct option *o, size_t size, uint64_t n)
{
    conf_least(&conf);
    put_number(&conf, o, size, n);
    return map_it();
}

/* Of each number that can be written the limits hold here as well. */
static void test_numbers(void **state)
{
    unsigned numbers = 0;
    (void)state;
    for (size_t i = 0; i < options_count; i++) {
        const struct option *o = &options[i];
        uint64_t min = 0, max = 0;
        size_t size = option_number(o, &min, &max);
        if (size == 0)
            continue;
        numbers++;
        assert_int_equal(with_number(o, size, max), OK);
        assert_int_equal(with_number(o, size, max + 1), ERR_PROTOCOL);
        assert_int_equal(with_number(o, size, size == 4 ? UINT32_MAX : UINT64_MAX), ERR_PROTOCOL);
        if (min > 0)
            assert_int_equal(with_number(o, size, min - 1), ERR_PROTOCOL);
    }
    assert_in_range(numbers, 25, options_count);
}

static void test_choices(void **state)
{
    uint64_t min = 0, max = 0;
    (void)state;
    assert_int_equal(option_number(option_find(view_of("prepared", 8)), &min, &max), 4);
    assert_int_equal(max, PREPARED_NEVER);
    assert_int_equal(option_number(option_find(view_of("models", 6)), &min, &max), 4);
    assert_int_equal(max, MODELS_LIST);
    assert_int_equal(option_number(option_find(view_of("isolation", 9)), &min, &max), 4);
    assert_int_equal(max, ISOLATION_SHARED);
    assert_int_equal(option_number(option_find(view_of("store", 5)), &min, &max), 0);
}

static void check_count(uint32_t *count, uint32_t most)
{
    *count = most + 1;
    assert_int_equal(map_it(), ERR_PROTOCOL);
    *count = UINT32_MAX;
    assert_int_equal(map_it(), ERR_PROTOCOL);
    *count = 0;
    assert_int_equal(map_it(), OK);
}

static void test_counts(void **state)
{
    (void)state;
    conf_least(&conf);
    check_count(&conf.n_listen, CONF_LISTEN_MAX);
    check_count(&conf.n_aliases, CONF_ALIAS_MAX);
    check_count(&conf.n_allow, CONF_ALLOW_MAX);
    check_count(&conf.n_preload, CONF_PRELOAD_MAX);
    check_count(&conf.n_domains, CONF_DOMAIN_MAX);
    check_count(&conf.n_sources, CONF_SOURCE_MAX);
}

static void check_text(char *text, size_t size)
{
    memset(text, 'x', size);
    assert_int_equal(map_it(), ERR_PROTOCOL);
    memset(text, 0, size);
    assert_int_equal(map_it(), OK);
}

static void test_texts_end(void **state)
{
    (void)state;
    conf_least(&conf);
    check_text(conf.store, sizeof(conf.store));
    check_text(conf.state, sizeof(conf.state));
    check_text(conf.ready_file, sizeof(conf.ready_file));
    check_text(conf.cache, sizeof(conf.cache));
    check_text(conf.source_ca, sizeof(conf.source_ca));
    conf.n_domains = conf.n_sources = 1;
    check_text(conf.domains[0], sizeof(conf.domains[0]));
    check_text(conf.sources[0].url, sizeof(conf.sources[0].url));
    conf.sources[0].kind = SOURCE_KINDS_;
    assert_int_equal(map_it(), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_one_text_too_long),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_choices),
        cmocka_unit_test(test_counts),  cmocka_unit_test(test_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
