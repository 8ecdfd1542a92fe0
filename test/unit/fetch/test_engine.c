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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_want_after_a_long_quiet_has_its_time),
        RIG_TEST(a_stream_after_a_long_quiet_began_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
