/* Sources that answer over HTTP, honest and otherwise: a real server, the real loop. */
#include "rig.h"

#include "web.h"

#include "base/clock.h"
#include "fetch/engine.h"

#define RAW  "application/vnd.ipld.raw"
#define PLAN 8

/* What a server does with its first answers, then with the others. */
struct script {
    struct web_reply first[PLAN];
    unsigned n_first;
    struct web_reply rest;
    struct web_request last; /* that it has got */
    pthread_mutex_t lock;
};

static void follow(void *user, const struct web_request *request, struct web_reply *reply)
{
    struct script *s = user;
    (void)pthread_mutex_lock(&s->lock);
    s->last = *request;
    *reply = request->number <= s->n_first ? s->first[request->number - 1] : s->rest;
    (void)pthread_mutex_unlock(&s->lock);
}

static struct web_reply block(const char *text)
{
    return (struct web_reply){.status = 200, .type = RAW, .body = text_view(text)};
}

static const struct web_reply not_here = {.status = 404};

static struct script always(struct web_reply reply)
{
    return (struct script){.rest = reply, .lock = PTHREAD_MUTEX_INITIALIZER};
}

/* A stream to a fetcher with these servers as gateways, and the first answer to a want of `text`. */
struct asked {
    struct stream stream;
    struct web *webs[3];
    unsigned refused; /* blocks before the answer */
    uint32_t source;
    uint64_t ms;
};

static void end_asked(struct asked *a)
{
    stream_done(&a->stream);
    for (size_t i = 0; i < COUNT_OF(a->webs); i++)
        web_free(a->webs[i]);
}
#define AUTO_ASKED AUTO(end_asked) struct asked

/* As infer does: a block that is wrong is refused and wanted again. */
static void ask(struct asked *a, const char *text, enum block_type answer)
{
    struct cid cid = name_of(text_view(text));
    uint64_t began = clock_mono_ms();
    struct block_frame f = {.type = BLOCK_BLOCK, .source = 0};
    a->refused = 0;
    do {
        if (a->refused > 0)
            say_frame(&a->stream,
                      &(struct block_frame){.type = BLOCK_REFUSED, .source = f.source, .cid = cid_view(&cid)});
        say(&a->stream, BLOCK_WANT, &cid);
        assert_int_equal(hear(&a->stream, &f), OK);
    } while (f.type == BLOCK_BLOCK && !view_equal(f.bytes, text_view(text)) && ++a->refused < 10);
    assert_int_equal(f.type, answer);
    a->source = f.source;
    a->ms = clock_mono_ms() - began;
}

static void start_gateways(struct rig *r, struct asked *a, struct script **scripts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a->webs[i] = web_new(follow, scripts[i]);
        rig_source(r, SOURCE_GATEWAY, web_url(a->webs[i]));
    }
    rig_start(r);
    a->stream = stream_new(r, 1);
}

/* ── how each kind is asked ── */

static void kinds_have_their_requests(void **state)
{
    struct rig *r = *state;
    static const struct {
        enum source_kind kind;
        const char *before; /* the CID */
        const char *behind;
        const char *field;
    } rows[] = {
        {SOURCE_GATEWAY, "GET /base/ipfs/", "?format=raw HTTP/1.1\r\n", "\r\nAccept: application/vnd.ipld.raw\r\n"},
        {SOURCE_KUBO, "POST /base/api/v0/block/get?arg=", " HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
        {SOURCE_FILES, "GET /base/", " HTTP/1.1\r\n", "\r\nUser-Agent: veronnx/"},
    };
    struct script scripts[COUNT_OF(rows)];
    struct web *webs[COUNT_OF(rows)];
    char urls[COUNT_OF(rows)][128], line[256], text[CID_TEXT_SIZE];
    struct cid cid = name_of(text_view("hello"));
    cid_to_text(&cid, text);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scripts[i] =
            always(i + 1 < COUNT_OF(rows) ? not_here : (struct web_reply){.status = 200, .body = text_view("hello")});
        webs[i] = web_new(follow, &scripts[i]);
        (void)snprintf(urls[i], sizeof(urls[i]), "%s/base%s", web_url(webs[i]), i == 1 ? "/" : "");
        rig_source(r, rows[i].kind, urls[i]);
    }
    rig_start(r);
    AUTO_STREAM s = stream_new(r, 1);
    say(&s, BLOCK_WANT, &cid);
    assert_int_equal(expect(&s, BLOCK_BLOCK, &cid, text_view("hello")), 4);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)snprintf(line, sizeof(line), "%s%s%s", rows[i].before, text, rows[i].behind);
        assert_int_equal(strncmp(scripts[i].last.head, line, strlen(line)), 0);
        assert_non_null(strstr(scripts[i].last.head, rows[i].field));
        assert_null(strstr(scripts[i].last.head, "Authorization"));
        assert_int_equal(web_requests(webs[i]), 1);
        web_free(webs[i]);
    }
}

static void credentials_go_to_their_source_alone(void **state)
{
    struct rig *r = *state;
    struct script first = always(not_here), second = always(block("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/token", r->dir);
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && fputs("s3cret\n", file) >= 0 && fclose(file) == 0);
    a.webs[0] = web_new(follow, &first);
    a.webs[1] = web_new(follow, &second);
    rig_source(r, SOURCE_GATEWAY, web_url(a.webs[0]));
    r->options.sources[1].token_file = path;
    rig_source(r, SOURCE_GATEWAY, web_url(a.webs[1]));
    rig_start(r);
    a.stream = stream_new(r, 1);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_non_null(strstr(first.last.head, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_null(strstr(second.last.head, "Authorization"));
}

/* ── whose word counts ── */

static void nobody_has_it_when_all_say_so(void **state)
{
    struct rig *r = *state;
    struct script scripts[] = {always(not_here), always((struct web_reply){.status = 410}),
                               always((struct web_reply){.status = 302, .field = "Location: http://127.0.0.1:1/"})};
    AUTO_ASKED a = {.stream = {.fd = -1}};
    start_gateways(r, &a, (struct script *[]){&scripts[0], &scripts[1], &scripts[2]}, 3);
    ask(&a, "hello", BLOCK_NOT_FOUND);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(web_requests(a.webs[i]), 1);
}

static void folders_come_first(void **state)
{
    struct rig *r = *state;
    struct script script = always(block("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    (void)keep(r, text_view("hello"));
    start_gateways(r, &a, (struct script *[]){&script}, 1);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, 1);
    assert_int_equal(web_requests(a.webs[0]), 0);
}

/* Asked in order; who once sent a wrong block is asked last from then on. */
static void a_liar_is_tried_last(void **state)
{
    struct rig *r = *state;
    struct script liar = always(block("something else")), honest = always(block("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    start_gateways(r, &a, (struct script *[]){&liar, &honest}, 2);
    for (int i = 0; i < 3; i++) {
        ask(&a, "hello", BLOCK_BLOCK);
        assert_int_equal(a.source, 3);
        assert_int_equal(a.refused, i == 0);
        assert_int_equal(web_requests(a.webs[0]), 1);
    }
}

/* The writer of the cache finds a lie by itself, and keeps nothing of it. */
static void lies_do_not_reach_the_cache(void **state)
{
    struct rig *r = *state;
    struct script liar = always(block("something else")), honest = always(block("hello"));
    struct cid cid = name_of(text_view("hello"));
    AUTO_BUF struct buf found = {.max = STORE_BLOCK_MAX};
    AUTO_ASKED a = {.stream = {.fd = -1}};
    struct block_frame f;
    rig_cache(r);
    start_gateways(r, &a, (struct script *[]){&liar, &honest}, 2);
    say(&a.stream, BLOCK_WANT, &cid);
    assert_int_equal(hear(&a.stream, &f), OK);
    assert_true(f.type == BLOCK_BLOCK && f.source == 2);
    for (int i = 0; i < 100 && web_requests(a.webs[1]) == 0; i++) { /* without a word from infer */
        struct cid other = name_of(text_view("other"));
        (void)usleep(10000);
        say(&a.stream, BLOCK_WANT, &other);
        assert_int_equal(hear(&a.stream, &f), OK);
    }
    assert_int_equal(web_requests(a.webs[1]), 1);
    assert_int_equal(store_get(&r->cache.store, cid_digest(&cid), &found), ERR_NOT_FOUND);
}

/* It may tell the truth the next time; three lies about one block that are found here are enough. */
static void a_liar_alone_is_asked_again(void **state)
{
    struct rig *r = *state;
    struct script liar = always(block("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    liar.first[0] = liar.first[1] = block("jello");
    liar.n_first = 2;
    start_gateways(r, &a, (struct script *[]){&liar}, 1);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.refused, 1);
    assert_int_equal(web_requests(a.webs[0]), 3);
    ask(&a, "never", BLOCK_SOURCE_DEAD);
    assert_int_equal(web_requests(a.webs[0]), 6);
}

/* ── what else a source may do: the next one is asked ── */

static uint8_t too_large[STORE_BLOCK_MAX + 1];

static void whatever_one_does_the_next_is_asked(void **state)
{
    static const char html[] = "<html>";
    const struct web_reply rows[] = {
        {.status = 200, .type = "text/html", .body = text_view("hello")},
        {.status = 200, .body = text_view("hello")},
        {.status = 206, .type = RAW, .body = text_view("hello")},
        {.status = 200, .type = RAW, .body = view_of(too_large, sizeof(too_large))},
        {.status = 200, .type = RAW, .body = view_of(too_large, sizeof(too_large)), .chunked = true},
        {.status = 200, .type = RAW, .body = text_view("hello"), .trailer = true}, /* libcurl keeps each line of it */
        {.status = 200, .type = RAW, .body = text_view("hello"), .cut = 4},
        {.status = 200, .type = RAW, .body = text_view("hello"), .cut = 3, .chunked = true},
        {.status = 200, .type = RAW, .body = text_view("hell"), .close = true},
        {.status = 400, .type = "text/html", .body = text_view(html)},
        {.status = 401, .body = text_view(html)},
        {.status = 404, .body = view_of(too_large, sizeof(too_large))},
        {.status = 451},
        {.status = 500},
        {.status = 503, .field = "Retry-After: 3600"},
        {.status = 429, .field = "Retry-After: Wed, 21 Oct 2065 07:28:00 GMT"},
        {.status = 504},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        struct script first = always(rows[i]), second = always(block("hello"));
        struct asked a = {.stream = {.fd = -1}};
        start_gateways(r, &a, (struct script *[]){&first, &second}, 2);
        ask(&a, "hello", BLOCK_BLOCK);
        assert_int_equal(a.source, 3);
        assert_true(a.ms < 1500);
        end_asked(&a);
        rig_free(r);
    }
}

/* A source that is alone is asked again: at once after a cut, when it says after `not now`. */
static void one_alone_is_asked_again(void **state)
{
    static const struct {
        struct web_reply reply;
        unsigned least_ms;
    } rows[] = {
        {{.status = 200, .type = RAW, .body = {(const uint8_t *)"hello", 5}, .cut = 2}, 0},
        {{.status = 500}, 0},
        {{.status = 503}, 900},
        {{.status = 429, .field = "Retry-After: 2"}, 1900},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        struct script script = always(block("hello"));
        struct asked a = {.stream = {.fd = -1}};
        script.first[0] = rows[i].reply;
        script.n_first = 1;
        start_gateways(r, &a, (struct script *[]){&script}, 1);
        ask(&a, "hello", BLOCK_BLOCK);
        assert_int_equal(web_requests(a.webs[0]), 2);
        assert_in_range(a.ms, rows[i].least_ms, rows[i].least_ms + 1000);
        end_asked(&a);
        rig_free(r);
    }
}

/* Nobody listens there yet; a pause, and it is tried again. */
static void a_source_that_comes_back_is_used(void **state)
{
    struct rig *r = *state;
    struct script script = always(block("hello"));
    struct web *gone = web_new(follow, &script);
    struct cid cid = name_of(text_view("hello"));
    unsigned port = 0;
    assert_int_equal(sscanf(web_url(gone), "http://127.0.0.1:%u", &port), 1);
    char url[64];
    (void)snprintf(url, sizeof(url), "%s", web_url(gone));
    web_free(gone);
    rig_source(r, SOURCE_GATEWAY, url);
    rig_start(r);
    AUTO_STREAM s = stream_new(r, 1);
    say(&s, BLOCK_WANT, &cid);
    (void)usleep(300000);
    struct web *back = web_at(port, follow, &script);
    (void)expect(&s, BLOCK_BLOCK, &cid, text_view("hello"));
    web_free(back);
}

static void a_slow_source_gets_company(void **state)
{
    static const struct web_reply rows[] = {
        {.status = 200, .type = RAW, .body = {(const uint8_t *)"hello", 5}, .delay_ms = 20000},
        {.status = 200, .type = RAW, .body = {(const uint8_t *)"hello", 5}, .stall_ms = 20000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        struct script slow = always(rows[i]), quick = always(block("hello"));
        struct asked a = {.stream = {.fd = -1}};
        start_gateways(r, &a, (struct script *[]){&slow, &quick}, 2);
        ask(&a, "hello", BLOCK_BLOCK);
        assert_int_equal(a.source, 3);
        assert_in_range(a.ms, ENGINE_SLOW_MS - 100, ENGINE_SLOW_MS + 3000);
        end_asked(&a);
        rig_free(r);
    }
}

/* ── the cache ── */

static void wait_for_file(const struct rig *r, const struct cid *cid, bool there)
{
    AUTO_BUF struct buf found = {.max = STORE_BLOCK_MAX};
    for (int i = 0; i < 200; i++) {
        buf_clear(&found);
        if ((store_get(&r->cache.store, cid_digest(cid), &found) == OK) == there)
            return;
        (void)usleep(10000);
    }
    fail_msg("the cache still %s it", there ? "lacks" : "has");
}

static void what_came_once_is_kept(void **state)
{
    struct rig *r = *state;
    struct script script = always(block("hello"));
    struct cid cid = name_of(text_view("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    rig_cache(r);
    start_gateways(r, &a, (struct script *[]){&script}, 1);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, 2);
    wait_for_file(r, &cid, true);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, FETCH_CACHE_SOURCE);
    assert_int_equal(web_requests(a.webs[0]), 1);
    rig_stop(r); /* and after a restart */
    rig_start(r);
    stream_done(&a.stream);
    a.stream = stream_new(r, 2);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, FETCH_CACHE_SOURCE);
}

static void a_damaged_file_is_a_miss(void **state)
{
    struct rig *r = *state;
    struct script script = always(block("hello"));
    struct cid cid = name_of(text_view("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    AUTO_BUF struct buf found = {.max = STORE_BLOCK_MAX};
    rig_cache(r);
    assert_int_equal(store_put(&r->cache.store, cid_digest(&cid), text_view("hell")), OK);
    start_gateways(r, &a, (struct script *[]){&script}, 1);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, 2);
    for (int i = 0; i < 200 && !view_is(buf_view(&found), "hello"); i++) {
        buf_clear(&found);
        (void)usleep(10000);
        assert_true(store_get(&r->cache.store, cid_digest(&cid), &found) != ERR_IO);
    }
    assert_true(view_is(buf_view(&found), "hello"));
}

static void what_infer_refuses_is_not_kept(void **state)
{
    struct rig *r = *state;
    struct script first = always(block("hello")), second = always(block("hello"));
    struct cid cid = name_of(text_view("hello"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    rig_cache(r);
    start_gateways(r, &a, (struct script *[]){&first, &second}, 2);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, 2);
    wait_for_file(r, &cid, true);
    say_frame(&a.stream, &(struct block_frame){.type = BLOCK_REFUSED, .source = 2, .cid = cid_view(&cid)});
    wait_for_file(r, &cid, false);
    ask(&a, "hello", BLOCK_BLOCK);
    assert_int_equal(a.source, 3);
}

/* ── many at a time ── */

/* Blocks of 1 MiB that begin with a number; the number is the path's. */
struct big {
    uint8_t *bytes[128];
    struct cid cids[128];
};

static void give_big(void *user, const struct web_request *request, struct web_reply *reply)
{
    struct big *b = user;
    char text[CID_TEXT_SIZE];
    for (size_t i = 0; i < COUNT_OF(b->cids); i++) {
        cid_to_text(&b->cids[i], text);
        if (strstr(request->path, text) != NULL)
            *reply = (struct web_reply){.status = 200, .body = view_of(b->bytes[i], MIB), .chunked = i % 3 == 0};
    }
}

static struct big *make_big(void)
{
    struct big *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    for (uint32_t i = 0; i < COUNT_OF(b->cids); i++) {
        b->bytes[i] = calloc(1, MIB);
        assert_non_null(b->bytes[i]);
        memcpy(b->bytes[i], &i, sizeof(i));
        b->cids[i] = name_of(view_of(b->bytes[i], MIB));
    }
    return b;
}

static void free_big(struct big *b)
{
    for (size_t i = 0; i < COUNT_OF(b->cids); i++)
        free(b->bytes[i]);
    free(b);
}

/* More is wanted than there is memory for, and one stream does not read at all: everybody else gets everything. */
static void memory_is_enough_for_all(void **state)
{
    struct rig *r = *state;
    struct big *b = make_big();
    struct web *web = web_new(give_big, b);
    struct stream streams[6];
    rig_source(r, SOURCE_FILES, web_url(web));
    rig_start(r);
    for (uint32_t i = 0; i < COUNT_OF(streams); i++) {
        streams[i] = stream_new(r, i + 1);
        for (size_t k = 0; k < 48; k++)
            say(&streams[i], BLOCK_WANT, &b->cids[(16 * i + k) % COUNT_OF(b->cids)]);
    }
    for (size_t k = 0; k < 48; k++)
        for (size_t i = 1; i < COUNT_OF(streams); i++) {
            struct block_frame f;
            assert_int_equal(hear(&streams[i], &f), OK);
            assert_int_equal(f.type, BLOCK_BLOCK);
            struct cid found = name_of(f.bytes);
            assert_true(view_equal(f.cid, cid_view(&found)));
        }
    assert_true(web_connections(web) <= HEALTH_REQUESTS + 16);
    for (size_t i = 0; i < COUNT_OF(streams); i++)
        stream_done(&streams[i]);
    rig_stop(r);
    web_free(web);
    free_big(b);
}

/* Blocks as give_big has them, but all except the first stop: at the head or before the last byte. */
static void stop_big(void *user, const struct web_request *request, struct web_reply *reply)
{
    give_big(user, request, reply);
    reply->chunked = false;
    reply->stall_ms = request->number > 1 ? 60000 : 0;
}

static void stop_big_at_head(void *user, const struct web_request *request, struct web_reply *reply)
{
    stop_big(user, request, reply);
    reply->silent = request->number > 1;
}

/* Whatever the first source makes us hold, the second one is asked in time, and another stream has its share. */
static void sources_that_stop_do_not_keep_the_memory(void **state)
{
    web_answer *const rows[] = {stop_big_at_head, stop_big};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rig *r = rig_new();
        struct big *b = make_big();
        struct web *bad = web_new(rows[i], b), *good = web_new(give_big, b);
        struct block_frame f;
        rig_source(r, SOURCE_FILES, web_url(bad));
        rig_source(r, SOURCE_FILES, web_url(good));
        rig_start(r);
        AUTO_STREAM one = stream_new(r, 1);
        AUTO_STREAM two = stream_new(r, 2);
        say(&one, BLOCK_WANT, &b->cids[0]);
        assert_int_equal(expect(&one, BLOCK_BLOCK, &b->cids[0], view_of(b->bytes[0], MIB)), 2);
        for (size_t k = 1; k <= 64; k++)
            say(&one, BLOCK_WANT, &b->cids[k]);
        (void)usleep(500000);
        say(&two, BLOCK_WANT, &b->cids[100]);
        uint64_t began = clock_mono_ms();
        (void)expect(&two, BLOCK_BLOCK, &b->cids[100], view_of(b->bytes[100], MIB));
        assert_true(clock_mono_ms() - began < 4 * ENGINE_SLOW_MS);
        for (size_t k = 1; k <= 64; k++) {
            assert_int_equal(hear(&one, &f), OK);
            assert_int_equal(f.type, BLOCK_BLOCK);
        }
        rig_stop(r);
        web_free(bad);
        web_free(good);
        free_big(b);
        rig_free(r);
    }
}

static void cancelled_wants_are_not_answered(void **state)
{
    struct rig *r = *state;
    struct script script =
        always((struct web_reply){.status = 200, .type = RAW, .body = text_view("x"), .delay_ms = 1500});
    struct cid one = name_of(text_view("1")), two = name_of(text_view("x"));
    AUTO_ASKED a = {.stream = {.fd = -1}};
    start_gateways(r, &a, (struct script *[]){&script}, 1);
    say(&a.stream, BLOCK_WANT, &one);
    (void)usleep(100000);
    say(&a.stream, BLOCK_CANCEL, &one);
    say(&a.stream, BLOCK_CANCEL, &one); /* there is none any more */
    say(&a.stream, BLOCK_WANT, &two);
    (void)expect(&a.stream, BLOCK_BLOCK, &two, text_view("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(kinds_have_their_requests),
        RIG_TEST(credentials_go_to_their_source_alone),
        RIG_TEST(nobody_has_it_when_all_say_so),
        RIG_TEST(folders_come_first),
        RIG_TEST(a_liar_is_tried_last),
        RIG_TEST(lies_do_not_reach_the_cache),
        RIG_TEST(a_liar_alone_is_asked_again),
        cmocka_unit_test(whatever_one_does_the_next_is_asked),
        cmocka_unit_test(one_alone_is_asked_again),
        RIG_TEST(a_source_that_comes_back_is_used),
        cmocka_unit_test(a_slow_source_gets_company),
        RIG_TEST(what_came_once_is_kept),
        RIG_TEST(a_damaged_file_is_a_miss),
        RIG_TEST(what_infer_refuses_is_not_kept),
        RIG_TEST(memory_is_enough_for_all),
        cmocka_unit_test(sources_that_stop_do_not_keep_the_memory),
        RIG_TEST(cancelled_wants_are_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
