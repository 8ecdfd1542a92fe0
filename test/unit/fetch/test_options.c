/* The options of veronnx-fetch, and what sources are made of them. */
#include "fetch/source.h"

#include "base/mem.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 64

/* `text`: words with blanks between them. */
static err_t parse(const char *text, struct fetch_options *ret)
{
    static char words[1024];
    char *argv[WORDS_MAX] = {(char[]){"veronnx-fetch"}}, *at = words;
    int argc = 1;
    assert_true(strlen(text) < sizeof(words));
    memcpy(words, text, strlen(text) + 1);
    for (char *word = strtok_r(at, " ", &at); word != NULL; word = strtok_r(at, " ", &at))
        argv[argc++] = word;
    return fetch_options_parse(argc, argv, ret, NULL);
}

static void options(void **state)
{
    (void)state;
    struct fetch_options o = {0};
    assert_int_equal(parse("", &o), OK);
    assert_int_equal(o.n_sources, 0);
    assert_null(o.cache);
    assert_int_equal(o.cache_size, FETCH_CACHE_SIZE);
    assert_int_equal(parse("--source store=/a=b --source gateway=http://h --token-file /t --source kubo=http://h:5001 "
                           "--cache /c --cache-size 123 --ca-file /ca",
                           &o),
                     OK);
    assert_int_equal(o.n_sources, 3);
    assert_int_equal(o.sources[0].kind, SOURCE_STORE);
    assert_string_equal(o.sources[0].value, "/a=b");
    assert_string_equal(o.sources[1].token_file, "/t");
    assert_int_equal(o.sources[2].kind, SOURCE_KUBO);
    assert_null(o.sources[2].token_file);
    assert_string_equal(o.cache, "/c");
    assert_int_equal(o.cache_size, 123);
    assert_string_equal(o.ca_file, "/ca");
}

static void refused_options(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "--source",
        "--source gateway",
        "--source gateway=",
        "--source gateway=ftp://h",
        "--source car=/x",
        "--source =http://h",
        "--source gateway=http://h --source store=/x",
        "--token-file /t",
        "--source store=/x --token-file /t",
        "--source kubo=http://h --token-file /t --token-file /u",
        "--cache-size 0 --cache /c",
        "--cache-size 1G",
        "--cache-size",
        "--no-such /x",
        "/x",
    };
    struct fetch_options o = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (parse(rows[i], &o) != ERR_USAGE)
            fail_msg("%s", rows[i]);
    char many[SOURCES_MAX * 24 + 24] = "";
    for (int i = 0; i <= SOURCES_MAX; i++)
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "--source store=/%d ", i);
    assert_int_equal(parse(many, &o), ERR_USAGE);
}

static void tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *field; /* NULL: refused */
    } rows[] = {
        {"abc", "Authorization: Bearer abc"},
        {"abc\n", "Authorization: Bearer abc"},
        {"abc\r\n\n", "Authorization: Bearer abc"},
        {"Basic dXNlcjpwYXNz\n", "Authorization: Basic dXNlcjpwYXNz"},
        {"", NULL},
        {"\n", NULL},
        {"\nabc", NULL},
        {" abc", NULL},
        {"abc ", NULL},
        {"abc\ndef", NULL},
        {"abc\n ", NULL},
        {"a\tb", NULL},
        {"a\x80", NULL},
        {"a\x7f", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {.max = 256};
        err_t e = source_authorization(view_of(rows[i].text, strlen(rows[i].text)), &out);
        assert_int_equal(e, rows[i].field != NULL ? OK : ERR_USAGE);
        if (rows[i].field != NULL)
            assert_string_equal((const char *)out.data, rows[i].field);
    }
    AUTO_BUF struct buf out = {.max = 256};
    assert_int_equal(source_authorization(view_of("a\0b", 3), &out), ERR_USAGE);
}

static void opening_says_what_is_wrong(void **state)
{
    (void)state;
    struct sources s = {.n = 0};
    struct why why = {0};
    struct fetch_options o = {.sources = {{.kind = SOURCE_STORE, .value = "/nonexistent/store"}}, .n_sources = 1};
    assert_int_equal(sources_open(&o, &s, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent/store"));
    o.sources[0] =
        (struct fetch_source){.kind = SOURCE_FILES, .value = "http://h/", .token_file = "/nonexistent/token"};
    assert_int_equal(sources_open(&o, &s, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent/token"));
    o.sources[0].token_file = "/dev/null";
    assert_int_equal(sources_open(&o, &s, &why), ERR_USAGE);
    o.sources[0].token_file = NULL;
    assert_int_equal(sources_open(&o, &s, NULL), OK);
    assert_string_equal(s.list[0].url, "http://h");
    sources_done(&s);
}

/* What was over the limit was cut off and sent as the token; so was what came with a second read. */
static void token_files_are_read_to_their_end(void **state)
{
    static const struct {
        size_t first, second; /* bytes, with a pause between them */
        err_t e;
    } rows[] = {{4096, 0, OK}, {2000, 2096, OK}, {4097, 0, ERR_USAGE}, {2000, 2097, ERR_USAGE}};
    static char token[4097];
    (void)state;
    memset(token, 'x', sizeof(token));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fds[2];
        char path[32];
        struct sources s = {.n = 0};
        struct why why = {0};
        struct fetch_options o = {.sources = {{.kind = SOURCE_FILES, .value = "http://h/", .token_file = path}},
                                  .n_sources = 1};
        assert_int_equal(pipe2(fds, O_DIRECT), 0); /* each read gives what was written at once */
        (void)snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
        assert_int_equal(write(fds[1], token, rows[i].first), rows[i].first);
        assert_int_equal(write(fds[1], token, rows[i].second), rows[i].second);
        (void)close(fds[1]);
        assert_int_equal(sources_open(&o, &s, &why), rows[i].e);
        if (rows[i].e == OK)
            assert_int_equal(strlen(s.list[0].fields->next->data), strlen("Authorization: Bearer ") + 4096);
        else
            assert_non_null(strstr(why.text, "4096"));
        sources_done(&s);
        (void)close(fds[0]);
    }
}

/* Each allocation in turn, libcurl's included: an error, and nothing is left behind. */
static void memory_can_be_refused(void **state)
{
    (void)state;
    const struct fetch_options o = {
        .sources = {{.kind = SOURCE_GATEWAY, .value = "http://h"}, {.kind = SOURCE_KUBO, .value = "http://h"}},
        .n_sources = 2};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    err_t e = ERR_NOMEM;
    for (long n = 0; e != OK; n++) {
        struct sources s = {.n = 0};
        struct http *h = NULL;
        mem_fail_after(n);
        e = sources_open(&o, &s, NULL);
        if (e == OK)
            e = http_new(epoll, NULL, &h);
        mem_fail_after(-1);
        assert_true(e == OK || e == ERR_NOMEM);
        assert_true(n < 1000 && (n > 4 || e != OK));
        http_free(&h);
        sources_done(&s);
    }
    assert_int_equal(close(epoll), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(refused_options),
        cmocka_unit_test(tokens),
        cmocka_unit_test(opening_says_what_is_wrong),
        cmocka_unit_test(token_files_are_read_to_their_end),
        cmocka_unit_test(memory_can_be_refused),
    };
    if (http_setup() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
