/* One stream, step by step: what the loop's tests cannot see from outside. */
#include "fetch/client.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct pool pool;
    struct client client;
    struct client_owner owner;
    int peer;
    char said[256]; /* by the infer, one letter and one digit each */
};

static void note(struct fixture *f, char what, const struct cid *cid)
{
    size_t n = strlen(f->said);
    assert_true(n + 3 < sizeof(f->said));
    f->said[n] = what;
    f->said[n + 1] = (char)('0' + cid_digest(cid)[0]);
}

static err_t on_want(void *self, struct client *c, const struct cid *cid, bool whole_dag)
{
    struct want *w = mem_alloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    w->client = c;
    w->cid = *cid;
    TAILQ_INSERT_TAIL(&c->wants, w, entry);
    note(self, whole_dag ? 'W' : 'w', cid);
    return OK;
}

static void on_cancel(void *self, struct client *c UNUSED, const struct cid *cid)
{
    note(self, 'c', cid);
}

static void on_refused(void *self, struct client *c UNUSED, const struct cid *cid, uint32_t source)
{
    assert_int_equal(source, 7);
    note(self, 'r', cid);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int fds[2];
    *state = f;
    if (f == NULL || pool_init(&f->pool, 100) != OK || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return -1;
    f->owner = (struct client_owner){f, on_want, on_cancel, on_refused};
    f->peer = fds[0];
    client_init(&f->client, &fds[1], 1, 1000);
    return fds[1] == -1 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    while (!TAILQ_EMPTY(&f->client.wants))
        client_answer(&f->client, TAILQ_FIRST(&f->client.wants), BLOCK_NOT_FOUND);
    client_done(&f->client);
    fd_close(&f->peer);
    int rc = f->pool.n_free == 100 ? 0 : -1;
    pool_done(&f->pool);
    free(f);
    return rc;
}

static struct cid numbered(uint8_t n)
{
    const uint8_t digest[SHA256_LEN] = {n};
    return cid_make(1, CID_RAW, digest);
}

static void say(struct fixture *f, enum block_type type, uint8_t n)
{
    AUTO_BUF struct buf out = {.max = BLOCK_HEAD_MAX};
    struct cid cid = numbered(n);
    const struct block_frame frame = {.type = type,
                                      .flags = n == 1 && type == BLOCK_WANT ? BLOCK_FLAG_WHOLE_DAG : 0,
                                      .source = type == BLOCK_REFUSED ? 7 : 0,
                                      .cid = cid_view(&cid)};
    assert_int_equal(block_encode_head(&out, &frame), OK);
    assert_int_equal(fd_write_all(f->peer, out.data, out.len), OK);
}

static void frames_reach_the_owner(void **state)
{
    struct fixture *f = *state;
    f->client.from[7].blocks = 1;
    say(f, BLOCK_WANT, 1);
    say(f, BLOCK_WANT, 2);
    say(f, BLOCK_CANCEL, 1);
    say(f, BLOCK_REFUSED, 9);
    assert_int_equal(client_read(&f->client, &f->owner), OK);
    assert_string_equal(f->said, "W1w2c1r9");
    assert_int_equal(f->client.want_bytes, 2 * block_want_len(36)); /* the owner drops what is cancelled */
    assert_false(client_busy(&f->client));
}

static void frames_may_come_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf out = {.max = KIB};
    struct cid cid = numbered(7);
    for (int i = 0; i < 2; i++)
        assert_int_equal(block_encode_head(&out, &(struct block_frame){.type = BLOCK_WANT, .cid = cid_view(&cid)}), OK);
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal(fd_write_all(f->peer, out.data + i, 1), OK);
        assert_int_equal(client_read(&f->client, &f->owner), OK);
        assert_int_equal(strlen(f->said), 2 * ((i + 1) / block_want_len(36)));
    }
    assert_int_equal(f->client.in.len, 0);
}

static void nothing_to_read_is_no_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(client_read(&f->client, &f->owner), OK);
    fd_close(&f->peer);
    assert_int_equal(client_read(&f->client, &f->owner), ERR_CLOSED);
}

static void wants_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    size_t most = BLOCK_WANTS_MAX / block_want_len(36);
    for (size_t i = 0; i < most; i++) {
        say(f, BLOCK_WANT, (uint8_t)(2 + i % 5));
        assert_int_equal(client_read(&f->client, &f->owner), OK);
    }
    say(f, BLOCK_WANT, 2);
    assert_int_equal(client_read(&f->client, &f->owner), ERR_PROTOCOL);
}

static void what_is_no_cid_ends_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fd_write_all(f->peer,
                                  "\x05\x00\x00\x00\x01\x00"
                                  "abc",
                                  9),
                     OK);
    assert_int_equal(client_read(&f->client, &f->owner), ERR_PROTOCOL);
}

/* The stream gets a block of source 7. */
static void give_block(struct fixture *f, uint8_t n)
{
    say(f, BLOCK_WANT, n);
    assert_int_equal(client_read(&f->client, &f->owner), OK);
    struct want *w = TAILQ_FIRST(&f->client.wants);
    assert_int_equal(body_new(&f->pool, 1, &w->body), OK);
    w->source = 7;
    client_answer(&f->client, w, BLOCK_BLOCK);
    assert_int_equal(client_write(&f->client, 2000), OK);
}

/* At most once for each block that came from the source. */
static void who_refuses_more_than_came_is_cut_off(void **state)
{
    struct fixture *f = *state;
    give_block(f, 2);
    give_block(f, 3);
    for (int i = 0; i < 3; i++) {
        say(f, BLOCK_REFUSED, 3);
        assert_int_equal(client_read(&f->client, &f->owner), i < 2 ? OK : ERR_PROTOCOL);
    }
    assert_string_equal(f->said, "w2w3r3r3");
}

static void who_refuses_what_never_came_is_cut_off(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf out = {.max = BLOCK_HEAD_MAX};
    struct cid cid = numbered(2);
    say(f, BLOCK_REFUSED, 2);
    assert_int_equal(client_read(&f->client, &f->owner), ERR_PROTOCOL);
    buf_clear(&f->client.in);
    const struct block_frame frame = {.type = BLOCK_REFUSED, .source = SOURCES_MAX + 1, .cid = cid_view(&cid)};
    assert_int_equal(block_encode_head(&out, &frame), OK);
    assert_int_equal(fd_write_all(f->peer, out.data, out.len), OK);
    assert_int_equal(client_read(&f->client, &f->owner), ERR_PROTOCOL);
    assert_string_equal(f->said, "");
}

/* Answers in the order in which they come; each frees its share of the wants when it begins. */
static void answers_are_sent(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[3 * POOL_CHUNK];
    uint8_t frame[4 * POOL_CHUNK];
    struct body *body = NULL;
    struct block_frame got;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i >> 7);
    for (uint8_t n = 1; n <= 3; n++)
        say(f, BLOCK_WANT, n);
    assert_int_equal(client_read(&f->client, &f->owner), OK);
    struct want *first = TAILQ_FIRST(&f->client.wants), *second = TAILQ_NEXT(first, entry);
    assert_int_equal(body_new(&f->pool, 1, &body), OK);
    assert_int_equal(body_append(body, view_of(bytes, sizeof(bytes))), OK);
    second->body = body;
    second->source = 5;
    client_answer(&f->client, second, BLOCK_BLOCK);
    client_answer(&f->client, first, BLOCK_NOT_FOUND);
    assert_true(client_busy(&f->client));
    for (int i = 0; i < 10 && client_busy(&f->client); i++)
        assert_int_equal(client_write(&f->client, 2000), OK);
    assert_false(client_busy(&f->client));
    assert_int_equal(f->client.want_bytes, block_want_len(36));
    assert_int_equal(f->client.from[5].blocks, 1);
    assert_int_equal(f->client.from[5].bytes, sizeof(bytes));
    assert_int_equal(f->client.went_ms, 2000);
    ssize_t n = recv(f->peer, frame, sizeof(frame), MSG_WAITALL | MSG_DONTWAIT);
    struct view in = view_of(frame, (size_t)MAX(n, 0));
    struct cid two = numbered(2), one = numbered(1);
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &got), OK);
    assert_true(got.type == BLOCK_BLOCK && got.source == 5 && view_equal(got.cid, cid_view(&two)));
    assert_true(view_equal(got.bytes, view_of(bytes, sizeof(bytes))));
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &got), OK);
    assert_true(got.type == BLOCK_NOT_FOUND && view_equal(got.cid, cid_view(&one)));
    assert_int_equal(in.len, 0);
}

static void a_peer_that_goes_while_we_send(void **state)
{
    struct fixture *f = *state;
    say(f, BLOCK_WANT, 1);
    assert_int_equal(client_read(&f->client, &f->owner), OK);
    client_answer(&f->client, TAILQ_FIRST(&f->client.wants), BLOCK_NOT_FOUND);
    fd_close(&f->peer);
    assert_int_equal(client_write(&f->client, 2000), ERR_CLOSED);
}

/* Without memory the stream ends; nothing is lost that it held. */
static void memory_can_be_refused(void **state)
{
    struct fixture *f = *state;
    say(f, BLOCK_WANT, 5);
    for (long n = 0; n < 2; n++) {
        mem_fail_after(n);
        err_t read = client_read(&f->client, &f->owner);
        mem_fail_after(-1);
        assert_int_equal(read, ERR_NOMEM);
    }
}

int main(void)
{
#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(frames_reach_the_owner),
        CLIENT_TEST(frames_may_come_byte_by_byte),
        CLIENT_TEST(nothing_to_read_is_no_error),
        CLIENT_TEST(wants_have_a_maximum),
        CLIENT_TEST(what_is_no_cid_ends_it),
        CLIENT_TEST(answers_are_sent),
        CLIENT_TEST(who_refuses_more_than_came_is_cut_off),
        CLIENT_TEST(who_refuses_what_never_came_is_cut_off),
        CLIENT_TEST(a_peer_that_goes_while_we_send),
        CLIENT_TEST(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
