/* What is asked of whom, and when it is given up: from inside. */
#include "bare.h"

#include "web.h"

static void say_hello(void *user UNUSED, const struct web_request *request UNUSED, struct web_reply *reply)
{
    *reply = (struct web_reply){.status = 200, .body = text_view("hello")};
}

/* A load waited for memory as long as a silent source gets; what it wanted then was given up at once, for the loop had
   slept and its clock with it. */
static void a_want_after_a_long_quiet_has_its_time(void **state)
{
    struct rig *r = *state;
    struct cid hello = name_of(text_view("hello"));
    struct web *web = web_new(say_hello, NULL);
    rig_source(r, SOURCE_FILES, web_url(web));
    struct bare *b = bare_new(r);
    b->client->came_ms = 0;
    b->engine.now_ms = 0; /* that of the last turn, when the machine started */
    say(&b->stream, BLOCK_WANT, &hello);
    assert_int_equal(engine_read(&b->engine, b->client), OK);
    bare_answer(b);
    assert_int_equal(TAILQ_FIRST(&b->client->ready)->answer, BLOCK_BLOCK);
    bare_free(b);
    web_free(web);
}

static void a_stream_after_a_long_quiet_began_now(void **state)
{
    struct rig *r = *state;
    struct bare *b = bare_new(r);
    int fd = dup(b->epoll);
    b->engine.now_ms = 0;
    assert_true(engine_add(&b->engine, &fd, 2)->came_ms > 0);
    bare_free(b);
}

/* Answers once, then never again. */
static void say_hello_once(void *user, const struct web_request *request, struct web_reply *reply)
{
    say_hello(user, request, reply);
    reply->delay_ms = request->number > 1 ? 60000 : 0;
}

static void want_text(struct bare *b, const char *text, int i)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "%s %d", text, i);
    struct cid cid = name_of(text_view(name));
    say(&b->stream, BLOCK_WANT, &cid);
    assert_int_equal(engine_read(&b->engine, b->client), OK);
}

/* One that had answered and fell silent was asked first for every block there was, for the other one was always there
   before it had failed. */
static void who_falls_silent_is_left_alone(void **state)
{
    struct rig *r = *state;
    struct web *silent = web_new(say_hello_once, NULL), *good = web_new(say_hello, NULL);
    rig_source(r, SOURCE_FILES, web_url(silent));
    rig_source(r, SOURCE_FILES, web_url(good));
    struct bare *b = bare_new(r);
    want_text(b, "first", 0);
    bare_answer(b);
    assert_int_equal(web_requests(silent), 1);
    for (int i = 0; i < 8; i++)
        want_text(b, "while nobody knows", i);
    bare_answer(b);
    for (int i = 0; i < 32; i++)
        want_text(b, "afterwards", i);
    bare_answer(b);
    bare_free(b);
    assert_in_range(web_requests(silent), 1 + 8, 1 + 8 + 8); /* and now and then, when a pause is over */
    web_free(silent);
    web_free(good);
}

/* A want that was cancelled while the disk worked on it was nobody's, and so was its memory: one stream got all of it.
 */
static void what_is_cancelled_is_held_until_it_goes(void **state)
{
    struct rig *r = *state;
    struct bare *b = bare_new(r);
    struct cid hello = keep(r, text_view("hello"));
    for (size_t i = 0; i < 2 * ENGINE_CHUNKS / BODY_CHUNKS_MAX; i++) {
        say(&b->stream, BLOCK_WANT, &hello);
        assert_int_equal(engine_read(&b->engine, b->client), OK);
        engine_begin(&b->engine);
        say(&b->stream, BLOCK_CANCEL, &hello);
        assert_int_equal(engine_read(&b->engine, b->client), OK);
        assert_int_equal(engine_held(&b->engine, b->client) + b->engine.pool.n_free, ENGINE_CHUNKS);
    }
    assert_true(b->engine.pool.n_free > 0);
    bare_answer(b);
    assert_true(TAILQ_EMPTY(&b->client->ready));
    assert_int_equal(b->client->want_bytes, 0);
    assert_int_equal(b->engine.pool.n_free, ENGINE_CHUNKS);
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_want_after_a_long_quiet_has_its_time),
        RIG_TEST(a_stream_after_a_long_quiet_began_now),
        RIG_TEST(who_falls_silent_is_left_alone),
        RIG_TEST(what_is_cancelled_is_held_until_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
