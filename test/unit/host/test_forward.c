/* The forwarder: bytes, ends, back-pressure, an enclave that is slow, rude or away. */
#include "host/forward.h"
#include "rig.h"

#include <poll.h>
#include <sys/resource.h>

static void tick(void *self)
{
    forwarder_tick(self);
}

struct rig {
    pid_t pid;
    struct address entrance;
    int enclave; /* listens */
};

/* From an entrance to the socket that the test listens at. */
static struct rig start(const char *kind, const char *name, uint32_t most, uint32_t idle_ms)
{
    static struct forward_row row;
    struct rig r = {.entrance = rig_address("unix", "entrance", ADDRESS_CONNECT), .enclave = rig_listen("enclave")};
    row.from = rig_address("unix", "entrance", ADDRESS_LISTEN);
    row.to = rig_address(kind, name, ADDRESS_CONNECT);
    r.pid = fork();
    assert_true(r.pid >= 0);
    if (r.pid > 0)
        return r;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    fd_close(&r.enclave);
    struct loop l;
    struct forwarder *f = NULL;
    if (loop_init(&l, NULL, tick) != OK || forwarder_new(&l, &row, 1, most, idle_ms, &f) != OK)
        _exit(1);
    l.self = f;
    _exit(loop_run(&l) == OK ? 0 : 1);
}

static void stop(struct rig *r)
{
    rig_end(r->pid);
    fd_close(&r->enclave);
}

static struct rig usual(void)
{
    return start("unix", "enclave", 100, 60000);
}

static void assert_carries(int from, int to, size_t n)
{
    static uint8_t sent[1 << 16], got[1 << 16];
    for (size_t i = 0; i < n; i++)
        sent[i] = (uint8_t)(i * 7 + n);
    assert_int_equal((int)fd_write_all(from, sent, n), OK);
    assert_int_equal((int)fd_read_all(to, got, n), OK);
    assert_memory_equal(sent, got, n);
}

static void test_both_ways(void **state UNUSED)
{
    struct rig r = usual();
    AUTO_FD int client = rig_connect(&r.entrance);
    AUTO_FD int enclave = rig_accept(r.enclave);
    for (size_t n = 1; n <= 1 << 16; n *= 4) {
        assert_carries(client, enclave, n);
        assert_carries(enclave, client, n);
    }
    stop(&r);
}

static void test_half_close(void **state UNUSED)
{
    struct rig r = usual();
    for (unsigned who = 0; who < 2; who++) {
        AUTO_FD int client = rig_connect(&r.entrance);
        AUTO_FD int enclave = rig_accept(r.enclave);
        int first = who == 0 ? client : enclave, second = who == 0 ? enclave : client;
        assert_carries(first, second, 100);
        assert_int_equal(shutdown(first, SHUT_WR), 0);
        assert_ends(second);
        assert_carries(second, first, 1 << 16); /* the other direction is as open as before */
        assert_int_equal(shutdown(second, SHUT_WR), 0);
        assert_ends(first);
    }
    stop(&r);
}

/* What the forwarder and the sockets before and behind it take of one who writes without a reader. */
static size_t write_until_full(int fd)
{
    static const uint8_t zeros[1 << 16];
    size_t all = 0;
    for (;;) {
        struct pollfd out = {.fd = fd, .events = POLLOUT};
        if (poll(&out, 1, 500) == 0)
            return all;
        ssize_t n = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n > 0);
        all += (size_t)n;
        assert_true(all < 64 * MIB);
    }
}

static void test_back_pressure(void **state UNUSED)
{
    struct rig r = usual();
    for (unsigned who = 0; who < 2; who++) {
        AUTO_FD int client = rig_connect(&r.entrance);
        AUTO_FD int enclave = rig_accept(r.enclave);
        int writer = who == 0 ? client : enclave, reader = who == 0 ? enclave : client;
        size_t taken = write_until_full(writer), got = 0;
        assert_true(taken < 4 * MIB);         /* the sockets' own buffers and two chunks: it does not collect */
        assert_carries(reader, writer, 1000); /* the other direction is not held up */
        assert_int_equal(shutdown(writer, SHUT_WR), 0);
        uint8_t chunk[1 << 16];
        for (ssize_t n; (n = recv(reader, chunk, sizeof(chunk), 0)) > 0;)
            got += (size_t)n;
        assert_int_equal(got, taken); /* and nothing is lost before the end */
    }
    stop(&r);
}

static void test_one_that_is_stuck_holds_up_nobody(void **state UNUSED)
{
    struct rig r = usual();
    AUTO_FD int stuck = rig_connect(&r.entrance);
    UNUSED AUTO_FD int stuck_enclave = rig_accept(r.enclave);
    (void)write_until_full(stuck);
    AUTO_FD int client = rig_connect(&r.entrance);
    AUTO_FD int enclave = rig_accept(r.enclave);
    assert_carries(client, enclave, 1 << 16);
    stop(&r);
}

static void test_an_answer_before_the_end_of_the_question(void **state UNUSED)
{
    struct rig r = usual();
    AUTO_FD int client = rig_connect(&r.entrance);
    AUTO_FD int enclave = rig_accept(r.enclave);
    char answer[6] = {0};
    (void)write_until_full(client);
    assert_int_equal((int)fd_write_all(enclave, "enough", 6), OK);
    fd_close(&enclave); /* with everything unread */
    assert_int_equal((int)fd_read_all(client, answer, 6), OK);
    assert_memory_equal(answer, "enough", 6);
    stop(&r);
}

static void test_nobody_in_the_enclave(void **state UNUSED)
{
    struct rig r = usual();
    fd_close(&r.enclave);
    AUTO_FD int client = rig_connect(&r.entrance);
    assert_ends(client);
    r.enclave = rig_listen("enclave");
    AUTO_FD int again = rig_connect(&r.entrance);
    AUTO_FD int enclave = rig_accept(r.enclave);
    assert_carries(again, enclave, 10);
    stop(&r);
}

static void test_no_more_than_so_many(void **state UNUSED)
{
    struct rig r = start("unix", "enclave", 2, 60000);
    AUTO_FD int first = rig_connect(&r.entrance);
    AUTO_FD int first_enclave = rig_accept(r.enclave);
    UNUSED AUTO_FD int second = rig_connect(&r.entrance);
    UNUSED AUTO_FD int second_enclave = rig_accept(r.enclave);
    AUTO_FD int third = rig_connect(&r.entrance); /* waits in the queue */
    struct pollfd in = {.fd = r.enclave, .events = POLLIN};
    assert_int_equal(poll(&in, 1, 300), 0);
    fd_close(&first);
    fd_close(&first_enclave);
    AUTO_FD int third_enclave = rig_accept(r.enclave);
    assert_carries(third, third_enclave, 10);
    stop(&r);
}

static void test_idle(void **state UNUSED)
{
    struct rig r = start("unix", "enclave", 10, 1000);
    AUTO_FD int idle = rig_connect(&r.entrance);
    AUTO_FD int idle_enclave = rig_accept(r.enclave);
    AUTO_FD int busy = rig_connect(&r.entrance);
    AUTO_FD int busy_enclave = rig_accept(r.enclave);
    for (unsigned i = 0; i < 16; i++) {
        assert_carries(busy, busy_enclave, 1);
        (void)usleep(200000);
    }
    assert_ends(idle);
    assert_ends(idle_enclave);
    assert_carries(busy_enclave, busy, 1);
    stop(&r);
}

static void test_many(void **state UNUSED)
{
    enum { MANY = 300 };
    struct rig r = start("unix", "enclave", 1000, 60000);
    int clients[MANY], enclaves[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        clients[i] = rig_connect(&r.entrance);
        enclaves[i] = rig_accept(r.enclave);
    }
    for (unsigned i = 0; i < MANY; i++) /* to whom it belongs and to nobody else */
        assert_carries(clients[i], enclaves[i], i + 1);
    for (unsigned i = 0; i < MANY; i++) {
        fd_close(&clients[i]);
        assert_ends(enclaves[i]);
        fd_close(&enclaves[i]);
    }
    stop(&r);
}

/* ── a vsock device in user space ── */

static void test_greeting(void **state UNUSED)
{
    static const char greeting[] = "CONNECT 9000\n", answer[] = "OK 1073741824\n";
    struct rig r = start("vhost", "enclave:9000", 10, 60000);
    AUTO_FD int client = rig_connect(&r.entrance);
    AUTO_FD int device = rig_accept(r.enclave);
    char got[sizeof(greeting) - 1];
    assert_int_equal((int)fd_write_all(client, "early", 5), OK);
    assert_int_equal((int)fd_read_all(device, got, sizeof(got)), OK);
    assert_memory_equal(got, greeting, sizeof(got));
    assert_int_equal((int)fd_write_all(device, answer, 3), OK);
    assert_int_equal((int)fd_write_all(device, answer + 3, sizeof(answer) - 1 - 3), OK);
    assert_int_equal((int)fd_read_all(device, got, 5), OK);
    assert_memory_equal(got, "early", 5);
    assert_carries(device, client, 100);
    stop(&r);
}

static void test_a_device_that_refuses(void **state UNUSED)
{
    static const char *const answers[] = {"no\n", "OKAY\n", "\n", "OK 12345678901234567890123456789012345\n", ""};
    struct rig r = start("vhost", "enclave:9000", 10, 60000);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        AUTO_FD int client = rig_connect(&r.entrance);
        AUTO_FD int device = rig_accept(r.enclave);
        char got[13];
        assert_int_equal((int)fd_read_all(device, got, sizeof(got)), OK);
        assert_int_equal((int)fd_write_all(device, answers[i], strlen(answers[i])), OK);
        (void)shutdown(device, SHUT_WR);
        assert_ends(client);
    }
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_one_that_is_stuck_holds_up_nobody),
        cmocka_unit_test(test_an_answer_before_the_end_of_the_question),
        cmocka_unit_test(test_nobody_in_the_enclave),
        cmocka_unit_test(test_no_more_than_so_many),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_a_device_that_refuses),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
