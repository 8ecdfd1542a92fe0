/* Rows that are given another end while the host runs. */
#include "host/control.h"
#include "rig.h"

struct both {
    struct control control;
    struct forwarder *forwarder;
};

static void tick(void *self)
{
    struct both *b = self;
    forwarder_tick(b->forwarder);
    control_tick(&b->control);
}

static pid_t start(void)
{
    static struct forward_row row;
    static struct both b;
    struct address at = rig_address("unix", "control", ADDRESS_LISTEN);
    row.from = rig_address("unix", "entrance", ADDRESS_LISTEN);
    row.to = rig_address("unix", "enclave", ADDRESS_CONNECT);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    struct loop l;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (loop_init(&l, &b, tick) != OK || forwarder_new(&l, &row, 1, 100, 60000, &b.forwarder) != OK ||
        control_open(&b.control, &l, &at, b.forwarder, 1) != OK)
        _exit(1);
    _exit(loop_run(&l) == OK ? 0 : 1);
}

static int visit(const char *name)
{
    struct address a = rig_address("unix", name, ADDRESS_CONNECT);
    return rig_connect(&a);
}

static void assert_told(const char *line, const char *answer)
{
    char got[16] = "";
    AUTO_FD int fd = visit("control");
    assert_int_equal((int)fd_write_all(fd, line, strlen(line)), OK);
    assert_int_equal((int)fd_read_all(fd, got, strlen(answer)), OK);
    assert_string_equal(got, answer);
    assert_ends(fd);
}

static void assert_leads(int from, int listener)
{
    char byte = 'x';
    AUTO_FD int to = rig_accept(listener);
    assert_int_equal((int)fd_write_all(from, &byte, 1), OK);
    byte = 0;
    assert_int_equal((int)fd_read_all(to, &byte, 1), OK);
    assert_int_equal(byte, 'x');
}

static void test_another_end(void **state UNUSED)
{
    char line[256];
    AUTO_FD int old = rig_listen("enclave");
    AUTO_FD int other = rig_listen("other");
    pid_t pid = start();
    AUTO_FD int first = visit("entrance");
    AUTO_FD int stays = rig_accept(old);
    (void)snprintf(line, sizeof(line), "0 unix:%s/other\n", rig_dir);
    assert_told(line, "OK\n");
    AUTO_FD int second = visit("entrance");
    assert_leads(second, other);
    char byte = 'y'; /* who was there before stays where he is */
    assert_int_equal((int)fd_write_all(first, &byte, 1), OK);
    byte = 0;
    assert_int_equal((int)fd_read_all(stays, &byte, 1), OK);
    assert_int_equal(byte, 'y');
    rig_end(pid);
}

static void test_refusals(void **state UNUSED)
{
    static const char *const lines[] = {
        "\n",          "0\n",         "1 unix:/x\n", "0  unix:/x\n",       "-1 unix:/x\n",
        "x unix:/x\n", "0 vsock:5\n", "0 unix:\n",   "0 127.0.0.1:8000\n", "00 unix:/x\n",
    };
    char endless[CONTROL_LINE_MAX + 1];
    AUTO_FD int enclave = rig_listen("enclave");
    assert_true(enclave >= 0);
    pid_t pid = start();
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_told(lines[i], "ERROR\n");
    memset(endless, '0', CONTROL_LINE_MAX);
    endless[CONTROL_LINE_MAX] = '\0';
    assert_told(endless, "ERROR\n");
    AUTO_FD int entrance = visit("entrance"); /* nothing has changed */
    assert_leads(entrance, enclave);
    rig_end(pid);
}

/* Who says nothing and goes away keeps nobody else from speaking. */
static void test_silence(void **state UNUSED)
{
    char line[256];
    AUTO_FD int enclave = rig_listen("enclave");
    assert_true(enclave >= 0);
    pid_t pid = start();
    int mute = visit("control");
    fd_close(&mute);
    (void)snprintf(line, sizeof(line), "0 unix:%s/enclave\n", rig_dir);
    assert_told(line, "OK\n");
    rig_end(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_end),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
