/* Addresses: what is taken, what is refused, and that both ends of each kind that this machine has meet. */
#include "base/clock.h"
#include "base/fd.h"
#include "wire/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define assert_ok(call)       assert_int_equal((int)(call), OK)
#define assert_err(call, err) assert_int_equal((int)(call), (int)(err))

static err_t parse(const char *text, enum address_use use, struct address *ret)
{
    return address_parse(view_of(text, strlen(text)), use, ret);
}

static void test_forms(void **state UNUSED)
{
    static const struct {
        const char *text;
        enum address_use use;
        uint16_t family;
        uint32_t cid;
        uint32_t port;
    } rows[] = {
        {"127.0.0.1:8000", ADDRESS_LISTEN, AF_INET, 0, 8000},
        {"localhost:0", ADDRESS_LISTEN, AF_INET, 0, 0},
        {"*:443", ADDRESS_LISTEN, AF_INET, 0, 443},
        {"[::1]:65535", ADDRESS_CONNECT, AF_INET6, 0, 65535},
        {"vsock:443", ADDRESS_LISTEN, AF_VSOCK, UINT32_MAX, 443},
        {"vsock:4294967294", ADDRESS_LISTEN, AF_VSOCK, UINT32_MAX, UINT32_MAX - 1},
        {"vsock:3:9000", ADDRESS_CONNECT, AF_VSOCK, 3, 9000},
        {"unix:/run/x", ADDRESS_LISTEN, AF_UNIX, 0, 0},
        {"unix:x:5", ADDRESS_CONNECT, AF_UNIX, 0, 0},
        {"vhost:/run/vm.sock:443", ADDRESS_CONNECT, AF_UNIX, 0, 443},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address a;
        assert_ok(parse(rows[i].text, rows[i].use, &a));
        assert_int_equal(a.family, rows[i].family);
        assert_int_equal(a.cid, rows[i].cid);
        assert_int_equal(a.port, rows[i].port);
        assert_string_equal(a.text, rows[i].text);
        assert_true(address_fits(&a));
        assert_int_equal(address_is_local(&a), a.family == AF_UNIX || a.family == AF_VSOCK);
    }
}

static void test_refusals(void **state UNUSED)
{
    static const char *const never[] = {
        "",
        ":",
        "8000",
        "127.0.0.1",
        "127.0.0.1:",
        ":80",
        "127.0.0.1:65536",
        "127.0.0.1:08",
        "127.0.0.1:-1",
        "host.example:80",
        "1.2.3:80",
        "[::1:80",
        "vsock:",
        "vsock:x",
        "vsock:0",
        "vsock:-1",
        "vsock:4294967295",
        "vsock:3:0",
        "vsock:3:",
        "vsock::3",
        "vsock:4294967295:5",
        "vsock:1:2:3",
        "vsock: 5",
        "unix:",
        "unix:/a b",
        "unix:/a\"b",
        "unix:/a\\b",
        "unix:/a\nb",
        "vhost:",
        "vhost:/x",
        "vhost:/x:0",
        "vhost::5",
        "vhost:/x:4294967295",
        "VSOCK:5",
        "udp:1",
    };
    struct address a;
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        assert_err(parse(never[i], ADDRESS_LISTEN, &a), ERR_USAGE);
        assert_err(parse(never[i], ADDRESS_CONNECT, &a), ERR_USAGE);
    }
    assert_err(parse("vsock:3:9000", ADDRESS_LISTEN, &a), ERR_USAGE);
    assert_err(parse("vhost:/x:9000", ADDRESS_LISTEN, &a), ERR_USAGE);
    assert_err(parse("vsock:9000", ADDRESS_CONNECT, &a), ERR_USAGE);
}

static void test_longest_path(void **state UNUSED)
{
    char text[ADDRESS_TEXT_MAX + 8] = "unix:";
    struct address a;
    memset(text + 5, 'a', 107);
    assert_ok(parse(text, ADDRESS_LISTEN, &a));
    memset(text + 5, 'a', 108);
    assert_err(parse(text, ADDRESS_LISTEN, &a), ERR_USAGE);
    memset(text + 5, 'a', sizeof(text) - 6);
    assert_err(parse(text, ADDRESS_LISTEN, &a), ERR_USAGE);
}

static void test_records_of_others(void **state UNUSED)
{
    struct address a = {.family = AF_NETLINK};
    assert_false(address_fits(&a));
    a = (struct address){.family = AF_UNIX};
    assert_true(address_fits(&a));
    memset(a.text, 'a', sizeof(a.text));
    assert_false(address_fits(&a));
}

/* ── sockets ── */

static void connected_pair(const struct address *at, const struct address *to, int *ret_a, int *ret_b)
{
    AUTO_FD int listener = -1;
    uint32_t port = 0;
    assert_ok(address_listen(at, &listener, &port));
    struct address real = *to;
    if (real.port == 0 && real.family == AF_INET)
        real.port = port;
    assert_true((fcntl(listener, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0);
    assert_ok(address_reach(&real, clock_mono_ms() + 2000, ret_a));
    *ret_b = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(*ret_b >= 0);
    assert_int_equal(fcntl(*ret_a, F_GETFL) & O_NONBLOCK, 0);
}

static void assert_they_meet(const char *at_text, const char *to_text)
{
    struct address at, to;
    AUTO_FD int a = -1, b = -1;
    char byte = 0;
    assert_ok(parse(at_text, ADDRESS_LISTEN, &at));
    assert_ok(parse(to_text, ADDRESS_CONNECT, &to));
    connected_pair(&at, &to, &a, &b);
    assert_ok(fd_write_all(a, "x", 1));
    assert_ok(fd_read_all(b, &byte, 1));
    assert_int_equal(byte, 'x');
}

static void test_tcp(void **state UNUSED)
{
    assert_they_meet("127.0.0.1:0", "127.0.0.1:0");
}

static void test_vsock(void **state UNUSED)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        skip();
    fd_close(&fd);
    struct address at, to;
    AUTO_FD int listener = -1;
    uint32_t port = 0;
    assert_ok(parse("vsock:47110", ADDRESS_LISTEN, &at));
    assert_ok(address_listen(&at, &listener, &port));
    assert_int_equal(port, 47110);
    assert_ok(parse("vsock:1:47110", ADDRESS_CONNECT, &to));
    if (address_reach(&to, clock_mono_ms(), &fd) != OK)
        skip(); /* no loopback transport */
    fd_close(&fd);
}

static char folder[] = "/tmp/veronnx-address-XXXXXX";

static const char *in_folder(const char *kind, const char *name)
{
    static char text[4][ADDRESS_TEXT_MAX];
    static unsigned turn;
    char *at = text[turn++ % COUNT_OF(text)];
    (void)snprintf(at, ADDRESS_TEXT_MAX, "%s:%s/%s", kind, folder, name);
    return at;
}

static void test_unix(void **state UNUSED)
{
    assert_they_meet(in_folder("unix", "s"), in_folder("unix", "s"));
    assert_they_meet(in_folder("unix", "s"),
                     in_folder("vhost", "s:9000")); /* and the file of the one before is replaced */
}

static void test_who_listens_stays(void **state UNUSED)
{
    struct address a;
    AUTO_FD int first = -1, second = -1;
    uint32_t port = 0;
    assert_ok(parse(in_folder("unix", "t"), ADDRESS_LISTEN, &a));
    assert_ok(address_listen(&a, &first, &port));
    assert_int_not_equal((int)address_listen(&a, &second, &port), OK);
    assert_ok(address_reach(&a, clock_mono_ms() + 1000, &second));
}

static void test_a_file_is_not_replaced(void **state UNUSED)
{
    struct address a;
    AUTO_FD int fd = -1;
    uint32_t port = 0;
    const char *text = in_folder("unix", "file");
    assert_ok(parse(text, ADDRESS_LISTEN, &a));
    int file = open(text + 5, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    fd_close(&file);
    assert_int_not_equal((int)address_listen(&a, &fd, &port), OK);
    assert_int_equal(access(text + 5, F_OK), 0);
}

static void test_nobody_there(void **state UNUSED)
{
    struct address a;
    AUTO_FD int fd = -1;
    uint64_t began = clock_mono_ms();
    assert_ok(parse(in_folder("unix", "nobody"), ADDRESS_CONNECT, &a));
    assert_err(address_reach(&a, began + 250, &fd), ERR_TIMEOUT);
    assert_true(clock_mono_ms() - began >= 250);
    assert_int_equal(fd, -1);
}

static void test_an_answer_of_a_connection(void **state UNUSED)
{
    struct address listening, a;
    AUTO_FD int listener = -1, fd = -1;
    bool done = false;
    assert_ok(parse("127.0.0.1:0", ADDRESS_LISTEN, &listening));
    assert_ok(address_listen(&listening, &listener, &listening.port));
    a = listening;
    fd_close(&listener); /* a port that nobody has */
    if (address_connect(&a, &fd, &done) != OK)
        return; /* it was said at once */
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    assert_true(!done && poll(&ready, 1, 2000) == 1);
    assert_int_not_equal((int)address_connected(fd), OK);
}

static void test_greeting(void **state UNUSED)
{
    struct address a;
    char text[ADDRESS_GREETING_MAX];
    assert_ok(parse("vhost:/x:4294967294", ADDRESS_CONNECT, &a));
    assert_int_equal(address_greeting(&a, text), strlen("CONNECT 4294967294\n"));
    assert_memory_equal(text, "CONNECT 4294967294\n", 19);
    assert_ok(parse("unix:/x", ADDRESS_CONNECT, &a));
    assert_int_equal(address_greeting(&a, text), 0);
    assert_ok(parse("vsock:3:5", ADDRESS_CONNECT, &a));
    assert_int_equal(address_greeting(&a, text), 0);
}

static int make_folder(void **state UNUSED)
{
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state UNUSED)
{
    static const char *const files[] = {"s", "t", "file"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        (void)unlink(in_folder("unix", files[i]) + 5);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_records_of_others),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_vsock),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_who_listens_stays),
        cmocka_unit_test(test_a_file_is_not_replaced),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_an_answer_of_a_connection),
        cmocka_unit_test(test_greeting),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
