/* The engine without its loop's thread, in turns of the test, so that the test can look inside; one stream. */
#ifndef VERONNX_TEST_UNIT_FETCH_BARE_H
#define VERONNX_TEST_UNIT_FETCH_BARE_H

#include "rig.h"

#include "fetch/engine.h"

#include <sys/epoll.h>

struct bare {
    struct engine engine;
    struct sources *sources;
    int epoll;
    struct client *client;
    struct stream stream; /* to it */
};

/* With the sources of the rig, which must not be started. */
static inline struct bare *bare_new(struct rig *r)
{
    struct bare *b = calloc(1, sizeof(*b));
    int fds[2];
    assert_non_null(b);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->sources = &r->sources;
    assert_int_equal(http_setup(), OK);
    assert_int_equal(sources_open(&r->options, b->sources, NULL), OK);
    assert_int_equal(engine_init(&b->engine, &(struct engine_setup){.sources = b->sources, .epoll = b->epoll}), OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    b->stream = (struct stream){.fd = fds[0], .in = {.max = BLOCK_FRAME_MAX}};
    b->client = engine_add(&b->engine, &fds[1], 1);
    return b;
}

static inline void bare_free(struct bare *b)
{
    stream_done(&b->stream);
    engine_done(&b->engine);
    sources_done(b->sources);
    (void)close(b->epoll);
    free(b);
}

/* Once round, without sending an answer. */
static inline void bare_turn(struct bare *b)
{
    struct epoll_event events[8];
    int n = epoll_wait(b->epoll, events, COUNT_OF(events), 20);
    for (int i = 0; i < n; i++)
        engine_ready(&b->engine, (int)events[i].data.u64, events[i].events);
    engine_take(&b->engine);
    engine_begin(&b->engine);
}

/* Until nothing is wanted any more. */
static inline void bare_answer(struct bare *b)
{
    for (int i = 0; i < 500 && !TAILQ_EMPTY(&b->client->wants); i++)
        bare_turn(b);
    assert_true(TAILQ_EMPTY(&b->client->wants));
}

#endif
