/* The fetcher's loop in a thread, with this program as the supervisor and as the infer processes. */
#include "fetch/serve.h"

#include "fetch/client.h"
#include "ipld/build.h"
#include "ipld/walk.h"
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

struct fixture {
    char dir[128];
    struct store store;
    struct wire_end control;
    struct wire_end theirs;
    struct wire_inbox inbox;
    pthread_t thread;
    err_t result;
};

static void *run(void *user)
{
    struct fixture *f = user;
    f->result = serve_run(&f->theirs, &f->store);
    wire_end_close(&f->theirs);
    return NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    struct wire_msg m = WIRE_MSG_NONE;
    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "%s/veronnx-fetch-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    if (mkdtemp(f->dir) == NULL || store_create(f->dir, &f->store, NULL) != OK ||
        wire_pair(CHAN_FETCH, &f->control, &f->theirs) != OK || wire_inbox_init(&f->inbox, CHAN_FETCH) != OK)
        return -1;
    if (pthread_create(&f->thread, NULL, run, f) != 0 || wire_wait(&f->control, TIMEOUT_MS) != OK)
        return -1;
    *state = f;
    return wire_recv(&f->control, &f->inbox, false, &m) == OK && m.type == MSG_FETCH_READY ? 0 : -1;
}

/* The supervisor goes, and so does the loop. */
static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];
    wire_end_close(&f->control);
    int rc = pthread_join(f->thread, NULL);
    bool clean = f->result == OK;
    wire_inbox_done(&f->inbox);
    store_done(&f->store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    rc |= system(command);
    free(f);
    return clean ? rc : -1;
}

/* ── the infer's side ── */

struct stream {
    int fd;
    struct buf in;
    size_t used; /* by the frame that was handed out */
};

static void stream_done(struct stream *s)
{
    fd_close(&s->fd);
    buf_done(&s->in);
}
#define AUTO_STREAM AUTO(stream_done) struct stream

static struct stream stream_new(struct fixture *f, uint32_t infer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct msg_fetch_serve msg = {.infer = infer};
    assert_int_equal(wire_send_wait(&f->control, MSG_FETCH_SERVE, &msg, (struct view){0}, &fds[1], 1), OK);
    assert_int_equal(close(fds[1]), 0);
    return (struct stream){.fd = fds[0], .in = {.max = BLOCK_FRAME_MAX}};
}

static void say(struct stream *s, enum block_type type, const struct cid *cid)
{
    AUTO_BUF struct buf out = {.max = BLOCK_HEAD_MAX};
    assert_int_equal(block_encode_head(&out, &(struct block_frame){.type = type, .cid = cid_view(cid)}), OK);
    assert_int_equal(fd_write_all(s->fd, out.data, out.len), OK);
}

/* The next frame, borrowed until the next call; ERR_CLOSED at the end of the stream. */
static err_t hear(struct stream *s, struct block_frame *ret)
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

static void expect(struct stream *s, enum block_type type, const struct cid *cid, struct view bytes)
{
    struct block_frame f;
    assert_int_equal(hear(s, &f), OK);
    assert_int_equal(f.type, type);
    assert_true(view_equal(f.cid, cid_view(cid)));
    assert_true(view_equal(f.bytes, bytes));
}

static void expect_end(struct stream *s)
{
    struct block_frame f;
    assert_int_equal(hear(s, &f), ERR_CLOSED);
}

/* ── blocks ── */

static struct cid name_of(struct view bytes)
{
    uint8_t digest[SHA256_LEN];
    assert_int_equal(sha256_of(bytes.data, bytes.len, digest), OK);
    return cid_make(1, CID_RAW, digest);
}

static struct cid keep(const struct fixture *f, struct view bytes)
{
    struct cid cid = name_of(bytes);
    assert_int_equal(store_put(&f->store, cid_digest(&cid), bytes), OK);
    return cid;
}

static struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

/* A megabyte that begins with a number. */
static struct cid keep_megabyte(const struct fixture *f, uint32_t n)
{
    static uint8_t bytes[MIB];
    memcpy(bytes, &n, sizeof(n));
    return keep(f, view_of(bytes, sizeof(bytes)));
}

static void gives_blocks_and_says_what_it_has_not(void **state)
{
    struct fixture *f = *state;
    struct cid hello = keep(f, text_view("hello")), empty = keep(f, text_view("")), none = name_of(text_view("none"));
    struct cid v0 = cid_make(0, CID_DAG_PB, cid_digest(&hello)); /* the same content under another name */
    AUTO_STREAM s = stream_new(f, 1);
    say(&s, BLOCK_WANT, &hello);
    say(&s, BLOCK_WANT, &none);
    say(&s, BLOCK_WANT, &empty);
    say(&s, BLOCK_WANT, &v0);
    expect(&s, BLOCK_BLOCK, &hello, text_view("hello"));
    expect(&s, BLOCK_NOT_FOUND, &none, (struct view){0});
    expect(&s, BLOCK_BLOCK, &empty, (struct view){0});
    expect(&s, BLOCK_BLOCK, &v0, text_view("hello"));
}

static void believes_nothing_checks_nothing(void **state)
{
    struct fixture *f = *state;
    struct cid cid = name_of(text_view("right"));
    assert_int_equal(store_put(&f->store, cid_digest(&cid), text_view("wrong")), OK);
    AUTO_STREAM s = stream_new(f, 1);
    say(&s, BLOCK_WANT, &cid);
    expect(&s, BLOCK_BLOCK, &cid, text_view("wrong"));
}

static void a_stream_that_is_not_read_holds_up_nobody(void **state)
{
    struct fixture *f = *state;
    struct cid large[40], hello = keep(f, text_view("hello"));
    AUTO_STREAM slow = stream_new(f, 1);
    AUTO_STREAM quick = stream_new(f, 2);
    for (uint32_t i = 0; i < COUNT_OF(large); i++) {
        large[i] = keep_megabyte(f, i);
        say(&slow, BLOCK_WANT, &large[i]);
    }
    for (int i = 0; i < 10; i++) {
        say(&quick, BLOCK_WANT, &hello);
        expect(&quick, BLOCK_BLOCK, &hello, text_view("hello"));
    }
    for (uint32_t i = 0; i < COUNT_OF(large); i++) {
        struct block_frame got;
        assert_int_equal(hear(&slow, &got), OK);
        assert_true(got.type == BLOCK_BLOCK && got.bytes.len == MIB && memcmp(got.bytes.data, &i, sizeof(i)) == 0);
    }
}

static void who_breaks_the_rules_is_cut_off(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "\x01\x00\x00\x00\x05",           /* SOURCE_DEAD is not for infer to say */
        ("\x05\x00\x00\x00\x01\x01" "abc"), /* not a CID */
        "\xff\xff\xff\x7f\x01",           /* no end */
    };
    static const size_t lengths[] = {5, 9, 5};
    struct cid hello = keep(f, text_view("hello"));
    AUTO_STREAM good = stream_new(f, 9);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_STREAM s = stream_new(f, 1);
        assert_int_equal(fd_write_all(s.fd, bad[i], lengths[i]), OK);
        expect_end(&s);
    }
    say(&good, BLOCK_WANT, &hello);
    expect(&good, BLOCK_BLOCK, &hello, text_view("hello"));
}

static void wants_without_end_are_cut_off(void **state)
{
    struct fixture *f = *state;
    struct cid large = keep_megabyte(f, 0);
    AUTO_STREAM s = stream_new(f, 1);
    struct block_frame got;
    AUTO_BUF struct buf wants = {.max = 2 * BLOCK_WANTS_MAX};
    const struct block_frame want = {.type = BLOCK_WANT, .cid = cid_view(&large)};
    /* One is being sent, the queue takes BLOCK_WANTS_MAX bytes, and what comes then is too much. */
    while (wants.len <= BLOCK_WANTS_MAX + 2 * block_want_len(large.len))
        assert_int_equal(block_encode_head(&wants, &want), OK);
    assert_int_equal(send(s.fd, wants.data, wants.len, MSG_NOSIGNAL), wants.len);
    err_t e = OK;
    while (e == OK)
        e = hear(&s, &got);
    assert_int_equal(e, ERR_CLOSED);
}

static void more_streams_than_places_wait(void **state)
{
    struct fixture *f = *state;
    struct cid hello = keep(f, text_view("hello"));
    struct stream streams[SERVE_CLIENTS + 5];
    for (uint32_t i = 0; i < COUNT_OF(streams); i++) {
        streams[i] = stream_new(f, i);
        say(&streams[i], BLOCK_WANT, &hello);
    }
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        expect(&streams[i], BLOCK_BLOCK, &hello, text_view("hello"));
        stream_done(&streams[i]);
    }
}

/* ── a whole file, as infer fetches it ── */

static err_t keep_block(void *user, const struct cid *cid, struct view bytes)
{
    return store_put(user, cid_digest(cid), bytes);
}

static err_t no_start(void *user UNUSED, uint64_t size UNUSED, const struct cid *file UNUSED)
{
    return OK;
}

static err_t write_bytes(void *user, uint64_t offset, struct view bytes)
{
    memcpy((uint8_t *)user + offset, bytes.data, bytes.len);
    return OK;
}

static void pull_file(struct stream *s, struct walk *w)
{
    while (!walk_done(w)) {
        struct block_frame f;
        struct cid cid;
        for (struct walk_want want; walk_want(w, &want);)
            say(s, BLOCK_WANT, &want.cid);
        assert_int_equal(hear(s, &f), OK);
        assert_int_equal(f.type, BLOCK_BLOCK);
        assert_int_equal(cid_from_bytes(f.cid, &cid), OK);
        assert_int_equal(walk_block(w, &cid, f.bytes), OK);
    }
}

static void a_whole_file(void **state)
{
    struct fixture *f = *state;
    const size_t size = 20 * MIB + 12345;
    uint8_t *file = malloc(size), *got = calloc(1, size);
    AUTO(build_free) struct build *b = NULL;
    AUTO(walk_free) struct walk *w = NULL;
    AUTO_STREAM s = stream_new(f, 1);
    struct walk_params params = {.max_size = GIB, .seed = 1, .sink = {got, no_start, write_bytes}};
    uint64_t built = 0;
    if (file == NULL || got == NULL)
        fail();
    for (size_t i = 0; i < size; i++)
        file[i] = (uint8_t)(i * 2654435761U >> 11);
    assert_int_equal(build_new(0, &(struct build_sink){&f->store, keep_block}, &b), OK);
    assert_int_equal(build_push(b, view_of(file, size)), OK);
    assert_int_equal(build_finish(b, &params.root, &built), OK);
    assert_int_equal(walk_new(&params, &w), OK);
    pull_file(&s, w);
    assert_memory_equal(file, got, size);
    free(file);
    free(got);
}

int main(void)
{
#define SERVE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SERVE_TEST(gives_blocks_and_says_what_it_has_not),
        SERVE_TEST(believes_nothing_checks_nothing),
        SERVE_TEST(a_stream_that_is_not_read_holds_up_nobody),
        SERVE_TEST(who_breaks_the_rules_is_cut_off),
        SERVE_TEST(wants_without_end_are_cut_off),
        SERVE_TEST(more_streams_than_places_wait),
        SERVE_TEST(a_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
