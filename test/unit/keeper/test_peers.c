/* The tables of fronts and infers. */
#include "keeper/peers.h"

#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

static struct peers peers;

static int setup(void **state)
{
    (void)state;
    memset(&peers, 0, sizeof(peers));
    peers_init(&peers);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peers_done(&peers);
    return 0;
}

static void test_fronts(void **state)
{
    (void)state;
    assert_null(peers_add_front(&peers, 0));
    assert_null(peers_front(&peers, 0));
    for (uint16_t n = 1; n <= FRONTS_MAX; n++) {
        struct keeper_front *f = peers_add_front(&peers, n);
        assert_non_null(f);
        assert_int_equal(f->sign.fd, -1);
        assert_int_equal(f->ticket.fd, -1);
        assert_ptr_equal(peers_front(&peers, n), f);
    }
    assert_null(peers_add_front(&peers, FRONTS_MAX + 1));
    peers_drop_front(peers_front(&peers, 2));
    assert_null(peers_front(&peers, 2));
    assert_null(peers_add_front(&peers, 1)); /* there is one */
    assert_non_null(peers_add_front(&peers, UINT16_MAX));
}

static void test_infers(void **state)
{
    (void)state;
    assert_null(peers_add_infer(&peers, 0));
    assert_null(peers_infer(&peers, 0));
    for (uint32_t n = 1; n <= LIVE_INFERS_MAX; n++)
        assert_non_null(peers_add_infer(&peers, n));
    assert_null(peers_add_infer(&peers, LIVE_INFERS_MAX + 1));
    struct keeper_infer *i = peers_infer(&peers, 7);
    i->sealed = i->accused = true;
    assert_int_equal(peers.last_infer, LIVE_INFERS_MAX);
    peers_drop_infer(i);
    assert_null(peers_infer(&peers, 7));
    assert_null(peers_add_infer(&peers, 6)); /* there is one */
    assert_null(peers_add_infer(&peers, 7)); /* there was one */
    i = peers_add_infer(&peers, UINT32_MAX);
    assert_non_null(i);
    assert_int_equal(peers.last_infer, UINT32_MAX);
    assert_true(!i->sealed && !i->accused && i->report.fd == -1);
}

static int some_fd(void)
{
    int fd = dup(STDOUT_FILENO);
    assert_true(fd >= 0);
    return fd;
}

static void test_channels_are_closed(void **state)
{
    (void)state;
    const int fds[] = {some_fd(), some_fd(), some_fd(), some_fd()};
    struct keeper_front *f = peers_add_front(&peers, 1);
    f->sign.fd = fds[0];
    f->ticket.fd = fds[1];
    struct keeper_infer *i = peers_add_infer(&peers, 1);
    i->report.fd = fds[2];
    peers_add_infer(&peers, 2)->report.fd = fds[3];
    peers_drop_front(f);
    peers_drop_infer(i);
    peers_done(&peers);
    for (size_t n = 0; n < COUNT_OF(fds); n++)
        assert_int_equal(fcntl(fds[n], F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fronts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_infers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channels_are_closed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
