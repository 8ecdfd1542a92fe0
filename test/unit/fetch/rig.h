/* The fetcher's loop in a thread, with the test as the supervisor and as the infer processes. */
#ifndef VERONNX_TEST_UNIT_FETCH_RIG_H
#define VERONNX_TEST_UNIT_FETCH_RIG_H

#include "fetch/serve.h"

#include "wire/block.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 10000

struct rig {
    char dir[128]; /* of this test; `store` and `cache` are below it */
    char store_path[160];
    char cache_path[160];
    struct store store;
    struct cache cache;
    struct fetch_options options;
    struct sources sources;
    struct wire_end control;
    struct wire_end theirs;
    struct wire_inbox inbox;
    pthread_t thread;
    bool running;
    err_t result;
};

static inline void *rig_thread(void *user)
{
    struct rig *r = user;
    r->result = serve_run(&(struct serve_setup){
        .control = r->theirs, .sources = &r->sources, .cache = r->options.cache != NULL ? &r->cache : NULL});
    wire_end_close(&r->theirs);
    return NULL;
}

/* Folders; the store is the first source. */
static inline struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    const char *tmp = getenv("TMPDIR");
    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "%s/veronnx-fetch-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->store_path, sizeof(r->store_path), "%s/store", r->dir);
    (void)snprintf(r->cache_path, sizeof(r->cache_path), "%s/cache", r->dir);
    assert_int_equal(store_create(r->store_path, &r->store, NULL), OK);
    r->options.sources[r->options.n_sources++] = (struct fetch_source){.kind = SOURCE_STORE, .value = r->store_path};
    r->cache = CACHE_NONE;
    return r;
}

static inline void rig_source(struct rig *r, enum source_kind kind, const char *url)
{
    r->options.sources[r->options.n_sources++] = (struct fetch_source){.kind = kind, .value = url};
}

static inline void rig_cache(struct rig *r)
{
    r->options.cache = r->cache_path;
    assert_int_equal(cache_open(r->cache_path, GIB, &r->cache, NULL), OK);
}

static inline void rig_start(struct rig *r)
{
    struct wire_msg m = WIRE_MSG_NONE;
    assert_int_equal(http_setup(), OK);
    assert_int_equal(sources_open(&r->options, &r->sources, NULL), OK);
    assert_int_equal(wire_pair(CHAN_FETCH, &r->control, &r->theirs), OK);
    assert_int_equal(wire_inbox_init(&r->inbox, CHAN_FETCH), OK);
    assert_int_equal(pthread_create(&r->thread, NULL, rig_thread, r), 0);
    r->running = true;
    assert_int_equal(wire_wait(&r->control, TIMEOUT_MS), OK);
    assert_int_equal(wire_recv(&r->control, &r->inbox, false, &m), OK);
    assert_int_equal(m.type, MSG_FETCH_READY);
}

/* The supervisor goes, and so does the loop. */
static inline void rig_stop(struct rig *r)
{
    wire_end_close(&r->control);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    r->running = false;
    wire_inbox_done(&r->inbox);
    sources_done(&r->sources);
    assert_int_equal(r->result, OK);
}

static inline void rig_free(struct rig *r)
{
    char command[256];
    if (r->running)
        rig_stop(r);
    cache_done(&r->cache);
    store_done(&r->store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", r->dir);
    assert_int_equal(system(command), 0);
    free(r);
}

static inline int rig_setup(void **state)
{
    *state = rig_new();
    return 0;
}

static inline int rig_teardown(void **state)
{
    rig_free(*state);
    return 0;
}

/* ── the infer's side ── */

struct stream {
    int fd;
    struct buf in;
    size_t used; /* by the frame that was handed out */
};

static inline void stream_done(struct stream *s)
{
    fd_close(&s->fd);
    buf_done(&s->in);
}
#define AUTO_STREAM AUTO(stream_done) struct stream

static inline struct stream stream_new(struct rig *r, uint32_t infer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct msg_fetch_serve msg = {.infer = infer};
    assert_int_equal(wire_send_wait(&r->control, MSG_FETCH_SERVE, &msg, (struct view){0}, &fds[1], 1), OK);
    assert_int_equal(close(fds[1]), 0);
    return (struct stream){.fd = fds[0], .in = {.max = BLOCK_FRAME_MAX}};
}

static inline void say_frame(struct stream *s, const struct block_frame *f)
{
    AUTO_BUF struct buf out = {.max = BLOCK_HEAD_MAX};
    assert_int_equal(block_encode_head(&out, f), OK);
    assert_int_equal(fd_write_all(s->fd, out.data, out.len), OK);
}

static inline void say(struct stream *s, enum block_type type, const struct cid *cid)
{
    say_frame(s, &(struct block_frame){.type = type, .cid = cid_view(cid)});
}

/* The next frame, borrowed until the next call; ERR_CLOSED at the end of the stream. */
static inline err_t hear(struct stream *s, struct block_frame *ret)
{
    buf_consume(&s->in, s->used);
    s->used = 0;
    for (;;) {
        struct view in = buf_view(&s->in);
        err_t e = block_decode(&in, BLOCK_FROM_FETCH, ret);
        if (e != ERR_TRUNCATED) {
            s->used = s->in.len - in.len;
            return e;
        }
        size_t missing = block_missing(in);
        uint8_t *room = NULL;
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
        TRY(buf_reserve(&s->in, missing, &room));
        ssize_t n = read(s->fd, room, missing);
        if (n <= 0)
            return ERR_CLOSED;
        buf_commit(&s->in, (size_t)n);
    }
}

/* The answer to a want of `cid`, in turn. Returns the source of a block. */
static inline uint32_t expect(struct stream *s, enum block_type type, const struct cid *cid, struct view bytes)
{
    struct block_frame f = {0};
    assert_int_equal(hear(s, &f), OK);
    assert_int_equal(f.type, type);
    assert_true(view_equal(f.cid, cid_view(cid)));
    assert_true(view_equal(f.bytes, bytes));
    return f.source;
}

static inline void expect_end(struct stream *s)
{
    struct block_frame f;
    assert_int_equal(hear(s, &f), ERR_CLOSED);
}

/* ── blocks ── */

static inline struct cid name_of(struct view bytes)
{
    uint8_t digest[SHA256_LEN];
    assert_int_equal(sha256_of(bytes.data, bytes.len, digest), OK);
    return cid_make(1, CID_RAW, digest);
}

static inline struct cid keep(const struct rig *r, struct view bytes)
{
    struct cid cid = name_of(bytes);
    assert_int_equal(store_put(&r->store, cid_digest(&cid), bytes), OK);
    return cid;
}

static inline struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
