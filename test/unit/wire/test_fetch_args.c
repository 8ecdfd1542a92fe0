/* From the configuration to the command line of veronnx-fetch. */
#include "wire/fetch_args.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const struct fetch_args *a, const char *const *words)
{
    size_t n = 0;
    for (; words[n] != NULL && a->list[n] != NULL; n++)
        assert_string_equal(a->list[n], words[n]);
    assert_true(words[n] == NULL && a->list[n] == NULL);
}

static void only_the_store(void **state)
{
    AUTO_MEM struct conf *c = mem_alloc(1, sizeof(*c));
    struct fetch_args a;
    (void)state;
    assert_non_null(c);
    c->cache_size = GIB; /* of nothing */
    fetch_args_make(c, "/the/store", "/the/cache", &a);
    expect(&a, (const char *const[]){"--source", "store=/the/store", NULL});
}

static void everything(void **state)
{
    AUTO_MEM struct conf *c = mem_alloc(1, sizeof(*c));
    struct fetch_args a;
    (void)state;
    assert_non_null(c);
    c->n_sources = 2;
    c->sources[0] = (struct conf_source){.kind = SOURCE_KUBO, .url = "http://127.0.0.1:5001"};
    c->sources[1] = (struct conf_source){.kind = SOURCE_FILES, .url = "https://h/b", .token_file = "/t"};
    c->cache_size = 12345678901;
    (void)snprintf(c->source_ca, sizeof(c->source_ca), "/ca.pem");
    fetch_args_make(c, "/s", "/c", &a);
    expect(&a, (const char *const[]){"--source", "store=/s", "--source", "kubo=http://127.0.0.1:5001", "--source",
                                     "files=https://h/b", "--token-file", "/t", "--cache", "/c", "--cache-size",
                                     "12345678901", "--ca-file", "/ca.pem", NULL});
    c->cache_size = 0;
    fetch_args_make(c, "/s", "/c", &a);
    for (size_t i = 0; a.list[i] != NULL; i++)
        assert_string_not_equal(a.list[i], "--cache");
}

static void as_much_as_there_can_be(void **state)
{
    AUTO_MEM struct conf *c = mem_alloc(1, sizeof(*c));
    struct fetch_args a;
    size_t n = 0;
    (void)state;
    assert_non_null(c);
    c->n_sources = CONF_SOURCE_MAX;
    for (uint32_t i = 0; i < c->n_sources; i++) {
        c->sources[i].kind = SOURCE_GATEWAY;
        memset(c->sources[i].url, 'u', sizeof(c->sources[i].url) - 1);
        c->sources[i].token_file[0] = '/';
    }
    c->cache_size = UINT64_MAX;
    c->source_ca[0] = '/';
    fetch_args_make(c, "/s", "/c", &a);
    while (a.list[n] != NULL)
        n++;
    assert_int_equal(n, FETCH_ARGS_MAX - 1);
    assert_int_equal(strlen(a.list[3]), strlen("gateway=") + SOURCE_URL_MAX - 1);
    assert_string_equal(a.cache_size, "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_store), cmocka_unit_test(everything),
                                       cmocka_unit_test(as_much_as_there_can_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
