/* What the enclave finds at its parent, and how long. The fetcher's part is in the behaviour tests. */
#include "host/services.h"
#include "rig.h"
#include "wire/delivery.h"
#include "wire/log_stream.h"

#include <fcntl.h>

static void tick(void *self)
{
    services_tick(self);
}

/* Its standard output goes into `out`. */
static pid_t start(struct view delivery, int *ret_out)
{
    static const char *const names[SERVICES_] = {"config", "blocks", "log", "boot"};
    static struct address at[SERVICES_];
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    for (unsigned i = 0; i < SERVICES_; i++)
        if (i != SERVICE_BLOCKS)
            at[i] = rig_address("unix", names[i], ADDRESS_LISTEN);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static struct services s;
        struct loop l;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(out[1], STDOUT_FILENO) < 0 || loop_init(&l, &s, tick) != OK ||
            services_open(&s, &l, at, NULL, delivery) != OK)
            _exit(1);
        _exit(loop_run(&l) == OK ? 0 : 1);
    }
    fd_close(&out[1]);
    *ret_out = out[0];
    return pid;
}

static int visit(const char *name)
{
    struct address a = rig_address("unix", name, ADDRESS_CONNECT);
    return rig_connect(&a);
}

static void test_configuration(void **state UNUSED)
{
    static uint8_t text[DELIVERY_TEXT_MAX], got[DELIVERY_MAX];
    AUTO_BUF struct buf sent = BUF_WITH(DELIVERY_MAX);
    AUTO_FD int out = -1;
    memset(text, '#', sizeof(text));
    assert_int_equal((int)delivery_encode(view_of(text, sizeof(text)), &sent), OK);
    pid_t pid = start(buf_view(&sent), &out);
    for (unsigned i = 0; i < 3; i++) {
        AUTO_FD int fd = visit("config");
        assert_int_equal((int)fd_read_all(fd, got, sizeof(got)), OK);
        assert_memory_equal(got, sent.data, sizeof(got));
        assert_ends(fd);
    }
    rig_end(pid);
}

static void test_heartbeat(void **state UNUSED)
{
    static const uint8_t right = 0xb7, wrong = 0xb8;
    AUTO_FD int out = -1;
    uint8_t got = 0;
    pid_t pid = start(view_of("", 0), &out);
    AUTO_FD int fd = visit("boot");
    assert_int_equal((int)fd_write_all(fd, &right, 1), OK);
    assert_int_equal((int)fd_read_all(fd, &got, 1), OK);
    assert_int_equal(got, right);
    assert_ends(fd);
    AUTO_FD int other = visit("boot");
    assert_int_equal((int)fd_write_all(other, &wrong, 1), OK);
    assert_ends(other);
    rig_end(pid);
}

static struct log_sent record_of(enum log_event event, enum role role, uint32_t count, int64_t first)
{
    struct log_sent s = {.wall_us = 1750000000000000,
                         .record = {.event = (uint16_t)event, .role = (uint16_t)role, .count = count}};
    s.record.args[0] = first;
    return s;
}

static void assert_line(int out, const char *words)
{
    char line[LOG_LINE_MAX] = {0};
    size_t n = 0;
    while (n + 1 < sizeof(line) && (n == 0 || line[n - 1] != '\n'))
        assert_int_equal((int)fd_read_all(out, &line[n++], 1), OK);
    assert_non_null(strstr(line, words));
}

static void test_log(void **state UNUSED)
{
    AUTO_FD int out = -1;
    pid_t pid = start(view_of("", 0), &out);
    const struct log_sent stopped = record_of(LOG_NODE_STOPPED, ROLE_SUPER, LOG_NODE_STOPPED_ARGS, 7);
    const struct log_sent drained = record_of(LOG_NODE_DRAINING, ROLE_SUPER, LOG_NODE_DRAINING_ARGS, 9);
    const struct log_sent forged =
        record_of(LOG_NODE_STOPPED, ROLE_FRONT, LOG_NODE_STOPPED_ARGS, 8); /* not front's to say */
    const struct log_sent unknown = record_of(LOG_NODE_STOPPED, ROLE_COUNT_, LOG_NODE_STOPPED_ARGS, 8);
    AUTO_FD int fd = visit("log");
    assert_int_equal((int)fd_write_all(fd, &stopped, 10), OK); /* in pieces */
    (void)usleep(20000);
    assert_int_equal((int)fd_write_all(fd, (const uint8_t *)&stopped + 10, sizeof(stopped) - 10), OK);
    assert_line(out, "NODE_STOPPED exit=7");
    assert_int_equal((int)fd_write_all(fd, &forged, sizeof(forged)), OK); /* is left out */
    assert_int_equal((int)fd_write_all(fd, &drained, sizeof(drained)), OK);
    assert_line(out, "NODE_DRAINING in_flight=9");
    assert_int_equal((int)fd_write_all(fd, &unknown, sizeof(unknown)), OK); /* ends the conversation */
    assert_ends(fd);
    rig_end(pid);
}

/* Silent guests are shown out after ten seconds, and until then they take places that are counted. */
static void test_crowd(void **state UNUSED)
{
    enum { CROWD = 64 };
    AUTO_FD int out = -1;
    int crowd[CROWD];
    pid_t pid = start(view_of("", 0), &out);
    uint64_t began = clock_mono_ms();
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = visit("boot");
    AUTO_FD int late = visit("boot"); /* no place */
    assert_ends(late);
    for (unsigned i = 0; i < CROWD; i++) {
        struct timeval patience = {.tv_sec = 30};
        (void)setsockopt(crowd[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        assert_ends(crowd[i]);
        fd_close(&crowd[i]);
    }
    assert_true(clock_mono_ms() - began >= 9000);
    rig_end(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
