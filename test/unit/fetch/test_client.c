/* One stream, step by step: what the loop's tests cannot see from outside. */
#include "fetch/client.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[128];
    struct store store;
    int peer;
    struct client client;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    int fds[2];
    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "%s/veronnx-client-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    if (mkdtemp(f->dir) == NULL || store_create(f->dir, &f->store, NULL) != OK ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return -1;
    f->peer = fds[0];
    client_init(&f->client, &fds[1], 1);
    *state = f;
    return fds[1] == -1 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];
    client_done(&f->client);
    fd_close(&f->peer);
    store_done(&f->store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    int rc = system(command);
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
    assert_int_equal(block_encode_head(&out, &(struct block_frame){.type = type, .cid = cid_view(&cid)}), OK);
    assert_int_equal(fd_write_all(f->peer, out.data, out.len), OK);
}

static void hear_not_found(struct fixture *f, uint8_t n)
{
    uint8_t bytes[4 + 1 + 36];
    struct block_frame frame;
    struct cid cid = numbered(n);
    assert_int_equal(fd_read_all(f->peer, bytes, sizeof(bytes)), OK);
    struct view in = view_of(bytes, sizeof(bytes));
    assert_int_equal(block_decode(&in, BLOCK_FROM_FETCH, &frame), OK);
    assert_true(frame.type == BLOCK_NOT_FOUND && view_equal(frame.cid, cid_view(&cid)));
}

static void cancelled_wants_are_not_answered(void **state)
{
    struct fixture *f = *state;
    for (uint8_t n = 1; n <= 4; n++)
        say(f, BLOCK_WANT, n);
    say(f, BLOCK_CANCEL, 1);
    say(f, BLOCK_CANCEL, 3);
    say(f, BLOCK_CANCEL, 9); /* never wanted */
    assert_int_equal(client_read(&f->client), OK);
    assert_int_equal(f->client.n_queue, 2);
    assert_int_equal(f->client.queue_bytes, 2 * block_want_len(36));
    assert_true(client_busy(&f->client));
    assert_int_equal(client_write(&f->client, &f->store), OK);
    assert_int_equal(client_write(&f->client, &f->store), OK);
    assert_false(client_busy(&f->client));
    hear_not_found(f, 2);
    hear_not_found(f, 4);
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
        assert_int_equal(client_read(&f->client), OK);
        assert_int_equal(f->client.n_queue, (i + 1) / block_want_len(36));
    }
    assert_int_equal(f->client.in.len, 0);
}

static void nothing_to_read_is_no_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(client_read(&f->client), OK);
    fd_close(&f->peer);
    assert_int_equal(client_read(&f->client), ERR_CLOSED);
}

static void a_peer_that_goes_while_we_send(void **state)
{
    struct fixture *f = *state;
    say(f, BLOCK_WANT, 1);
    assert_int_equal(client_read(&f->client), OK);
    fd_close(&f->peer);
    assert_int_equal(client_write(&f->client, &f->store), ERR_CLOSED);
}

static void the_queue_takes_what_the_protocol_allows(void **state)
{
    struct fixture *f = *state;
    size_t most = BLOCK_WANTS_MAX / block_want_len(36);
    for (size_t i = 0; i < most; i++) {
        say(f, BLOCK_WANT, (uint8_t)i);
        assert_int_equal(client_read(&f->client), OK);
    }
    assert_int_equal(f->client.n_queue, most);
    say(f, BLOCK_WANT, 200);
    assert_int_equal(client_read(&f->client), ERR_PROTOCOL);
}

static void memory_is_held_only_while_something_is_wanted(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[1000] = {0}, frame[1000 + BLOCK_HEAD_MAX];
    struct cid cid = numbered(5);
    assert_int_equal(store_put(&f->store, cid_digest(&cid), view_of(bytes, sizeof(bytes))), OK);
    say(f, BLOCK_WANT, 5);
    assert_int_equal(client_read(&f->client), OK);
    assert_int_equal(client_write(&f->client, &f->store), OK);
    assert_null(f->client.block.data);
    assert_int_equal(read(f->peer, frame, sizeof(frame)), 4 + 1 + 4 + 1 + 36 + 1000);
}

/* Without memory a block counts as absent; without any at all the stream ends. */
static void memory_can_be_refused(void **state)
{
    struct fixture *f = *state;
    struct cid cid = numbered(5);
    assert_int_equal(store_put(&f->store, cid_digest(&cid), view_of("x", 1)), OK);
    say(f, BLOCK_WANT, 5);
    mem_fail_after(0);
    err_t read = client_read(&f->client);
    mem_fail_after(-1);
    assert_int_equal(read, ERR_NOMEM);
    assert_int_equal(client_read(&f->client), OK);
    mem_fail_after(0);
    err_t written = client_write(&f->client, &f->store);
    mem_fail_after(-1);
    assert_int_equal(written, ERR_NOMEM);
}

int main(void)
{
#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(cancelled_wants_are_not_answered),
        CLIENT_TEST(frames_may_come_byte_by_byte),
        CLIENT_TEST(nothing_to_read_is_no_error),
        CLIENT_TEST(a_peer_that_goes_while_we_send),
        CLIENT_TEST(the_queue_takes_what_the_protocol_allows),
        CLIENT_TEST(memory_is_held_only_while_something_is_wanted),
        CLIENT_TEST(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
