/* Listening sockets. A front that was taken over could shut the shared listener down, and every front after it was deaf. */
#include "base/fd.h"
#include "super/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define assert_ok(call) assert_int_equal((int)(call), 0)

static const struct address loopback = {.family = AF_INET, .addr = {127, 0, 0, 1}, .text = "127.0.0.1:0"};

static int connect_to(uint32_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static void test_any_port(void **state)
{
    (void)state;
    AUTO_FD int fd = -1;
    uint32_t port = 0;
    assert_ok(listen_open(&loopback, &fd, &port));
    assert_int_not_equal(port, 0);
    assert_int_equal(connect_to(port), 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void test_port_in_use(void **state)
{
    (void)state;
    AUTO_FD int first = -1, second = -1;
    struct address same = loopback;
    uint32_t port = 0;
    assert_ok(listen_open(&loopback, &first, &same.port));
    assert_int_equal((int)listen_open(&same, &second, &port), ERR_USAGE);
}

static void test_a_listener_that_was_shut_down_listens_again(void **state)
{
    (void)state;
    AUTO_FD int fd = -1;
    struct address chosen = loopback;
    uint32_t port = 0;
    assert_ok(listen_open(&loopback, &fd, &chosen.port)); /* a free port, to be asked for by its number */
    fd_close(&fd);
    assert_ok(listen_open(&chosen, &fd, &port));
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_not_equal(connect_to(port), 0);
    assert_ok(listen_again(fd, port));
    assert_int_equal(connect_to(port), 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_port),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_a_listener_that_was_shut_down_listens_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
