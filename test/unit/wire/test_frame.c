/* Every message passes the table or ends the peer; descriptors never leak. */
#include "base/fd.h"
#include "base/mem.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define assert_ok(call)         assert_int_equal((int)(call), 0)
#define assert_err(call, error) assert_int_equal((int)(call), (int)(error))

struct channel {
    struct wire_end a;
    struct wire_end b;
    struct wire_inbox inbox;
};

static void open_channel(struct channel *c, enum wire_chan chan)
{
    assert_ok(wire_pair(chan, &c->a, &c->b));
    assert_ok(wire_inbox_init(&c->inbox, chan));
}

static void close_channel(struct channel *c)
{
    wire_end_close(&c->a);
    wire_end_close(&c->b);
    wire_inbox_done(&c->inbox);
}

static unsigned open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct channel c;
    struct wire_msg m = WIRE_MSG_NONE;
    struct msg_job job = {.job = 77, .slot = 3};
    open_channel(&c, CHAN_JOB);
    AUTO_FD int fd = dup(0);
    assert_ok(wire_send(&c.a, MSG_JOB, &job, view_of("tail", 4), &fd, 1));
    assert_ok(wire_recv(&c.b, &c.inbox, false, &m));
    assert_int_equal(m.type, MSG_JOB);
    assert_int_equal(((const struct msg_job *)m.fixed)->job, 77);
    assert_true(view_is(m.tail, "tail"));
    assert_int_equal(m.n_fds, 1);
    assert_true(m.fds[0] >= 0);
    wire_msg_done(&m);
    assert_err(wire_recv(&c.b, &c.inbox, false, &m), ERR_WOULD_BLOCK);
    wire_end_close(&c.a);
    assert_err(wire_recv(&c.b, &c.inbox, false, &m), ERR_CLOSED);
    assert_err(wire_send(&c.b, MSG_META, &(struct msg_empty){0}, view_of(NULL, 0), NULL, 0), ERR_CLOSED);
    close_channel(&c);
}

static void test_sender_checks_itself(void **state)
{
    (void)state;
    struct channel c;
    static uint8_t big[WIRE_TAIL_MAX + 1];
    struct msg_job job = {0};
    struct msg_ticket ticket = {0};
    open_channel(&c, CHAN_JOB);
    assert_err(wire_send(&c.b, MSG_JOB, &job, view_of(NULL, 0), NULL, 0), ERR_INTERNAL);
    assert_err(wire_send(&c.a, MSG_TICKET, &ticket, view_of(NULL, 0), NULL, 0), ERR_INTERNAL);
    assert_err(wire_send(&c.a, MSG_JOB, &job, view_of(big, sizeof(big)), NULL, 0), ERR_TOO_LARGE);
    assert_err(wire_send(&c.a, MSG_JOB, &job, view_of(NULL, 0), (const int[]){0, 1}, 2), ERR_TOO_LARGE);
    close_channel(&c);
}

/* What a hostile peer can put on the socket. */
struct raw {
    struct wire_head head;
    uint8_t body[sizeof(struct msg_report) + 16];
};

static void send_raw(int fd, const struct raw *r, size_t n, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 8)];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)r, n};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        *h = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
        memset(CMSG_DATA(h), 0, sizeof(int) * n_fds); /* descriptor 0, several times */
    }
    assert_int_equal(sendmsg(fd, &msg, 0), (ssize_t)n);
}

static void test_receiver_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint16_t type;
        uint16_t said_fds;
        uint32_t len;
        size_t sent;
        unsigned fds;
    } bad[] = {
        {"no head", MSG_REPORT, 0, 0, 4, 0},
        {"unknown type", 9999, 0, 0, sizeof(struct wire_head), 0},
        {"type none", 0, 0, 0, sizeof(struct wire_head), 0},
        {"another channel", MSG_JOB, 0, sizeof(struct msg_job), sizeof(struct wire_head) + sizeof(struct msg_job), 0},
        {"too short", MSG_REPORT, 0, sizeof(struct msg_report) - 1,
         sizeof(struct wire_head) + sizeof(struct msg_report) - 1, 0},
        {"trailing bytes", MSG_REPORT, 0, sizeof(struct msg_report) + 1,
         sizeof(struct wire_head) + sizeof(struct msg_report) + 1, 0},
        {"length lies", MSG_REPORT, 0, sizeof(struct msg_report),
         sizeof(struct wire_head) + sizeof(struct msg_report) - 8, 0},
        {"a descriptor too many", MSG_REPORT, 1, sizeof(struct msg_report),
         sizeof(struct wire_head) + sizeof(struct msg_report), 1},
        {"a hidden descriptor", MSG_REPORT, 0, sizeof(struct msg_report),
         sizeof(struct wire_head) + sizeof(struct msg_report), 2},
        {"more descriptors than fit", MSG_REPORT, 0, sizeof(struct msg_report),
         sizeof(struct wire_head) + sizeof(struct msg_report), 8},
    };
    struct channel c;
    open_channel(&c, CHAN_REPORT);
    unsigned before = open_fds();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct raw r = {.head = {bad[i].type, bad[i].said_fds, bad[i].len}};
        struct wire_msg m = WIRE_MSG_NONE;
        send_raw(c.b.fd, &r, bad[i].sent, bad[i].fds);
        assert_err(wire_recv(&c.a, &c.inbox, false, &m), ERR_PROTOCOL);
        assert_int_equal(m.fds[0], -1);
    }
    assert_int_equal(open_fds(), before);
    close_channel(&c);
}

/* An empty datagram looked like the end of the channel and left its descriptors open. */
static void test_empty_datagram_with_descriptors(void **state)
{
    (void)state;
    struct channel c;
    struct wire_msg m = WIRE_MSG_NONE;
    const struct raw r = {0};
    open_channel(&c, CHAN_REPORT);
    unsigned before = open_fds();
    send_raw(c.b.fd, &r, 0, 2);
    assert_err(wire_recv(&c.a, &c.inbox, false, &m), ERR_PROTOCOL);
    assert_int_equal(open_fds(), before);
    close_channel(&c);
}

/* ── several in one datagram ── */

static void test_pack(void **state)
{
    (void)state;
    static const char *const tails[] = {"", "a", "eight by", "nine byte", ""};
    struct channel c;
    struct wire_pack p = WIRE_PACK_NONE;
    struct wire_msg m = WIRE_MSG_NONE;
    open_channel(&c, CHAN_JOB);
    assert_ok(wire_pack_send(&p, &c.a, false));
    assert_err(wire_recv(&c.b, &c.inbox, false, &m), ERR_WOULD_BLOCK);
    for (uint64_t n = 0; n < COUNT_OF(tails); n++) {
        const struct msg_job job = {.job = n};
        assert_ok(wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of(tails[n], strlen(tails[n]))));
    }
    assert_int_equal(p.count, COUNT_OF(tails));
    assert_ok(wire_pack_send(&p, &c.a, false));
    assert_int_equal(p.count, 0);
    assert_ok(wire_send(&c.a, MSG_JOB, &(struct msg_job){.job = 77}, view_of(NULL, 0), NULL, 0));
    for (uint64_t n = 0; n < COUNT_OF(tails); n++) {
        assert_ok(wire_recv(&c.b, &c.inbox, false, &m));
        assert_int_equal(((const struct msg_job *)m.fixed)->job, n);
        assert_int_equal((uintptr_t)m.fixed % 8, 0);
        assert_true(view_is(m.tail, tails[n]));
        assert_int_equal(wire_more(&c.inbox), n + 1 < COUNT_OF(tails));
    }
    assert_ok(wire_recv(&c.b, &c.inbox, false, &m));
    assert_int_equal(((const struct msg_job *)m.fixed)->job, 77);
    assert_err(wire_recv(&c.b, &c.inbox, false, &m), ERR_WOULD_BLOCK);
    wire_pack_done(&p);
    close_channel(&c);
}

/* One alone is what wire_send sends. */
static void test_pack_of_one(void **state)
{
    (void)state;
    struct channel c;
    struct wire_pack p = WIRE_PACK_NONE;
    const struct msg_job job = {.job = 5};
    uint8_t packed[512], sent[512];
    open_channel(&c, CHAN_JOB);
    assert_ok(wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of("abc", 3)));
    assert_ok(wire_pack_send(&p, &c.a, true));
    assert_ok(wire_send(&c.a, MSG_JOB, &job, view_of("abc", 3), NULL, 0));
    ssize_t n = recv(c.b.fd, packed, sizeof(packed), 0);
    assert_int_equal(recv(c.b.fd, sent, sizeof(sent), 0), n);
    assert_memory_equal(packed, sent, (size_t)n);
    wire_pack_done(&p);
    close_channel(&c);
}

static void test_pack_checks_itself(void **state)
{
    (void)state;
    static uint8_t big[WIRE_TAIL_MAX];
    struct channel c;
    struct wire_pack p = WIRE_PACK_NONE;
    const struct msg_job job = {0};
    unsigned n = 0;
    err_t e = OK;
    open_channel(&c, CHAN_JOB);
    assert_err(wire_pack_put(&p, &c.b, MSG_JOB, &job, view_of(NULL, 0)), ERR_INTERNAL);
    assert_err(wire_pack_put(&p, &c.b, MSG_META, &(struct msg_empty){0}, view_of(NULL, 0)), ERR_INTERNAL);
    assert_err(wire_pack_put(&p, &c.a, MSG_TICKET, &job, view_of(NULL, 0)), ERR_INTERNAL);
    assert_err(wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of(big, sizeof(big))), ERR_TOO_LARGE);
    mem_fail_after(0);
    assert_err(wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of(NULL, 0)), ERR_NOMEM);
    mem_fail_after(-1);
    assert_int_equal(p.count, 0);
    for (; (e = wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of(big, 1))) == OK; n++)
        continue;
    assert_err(e, ERR_TOO_LARGE);
    assert_in_range(n, WIRE_PACK_MAX / (sizeof(struct wire_head) + sizeof(job) + 8) - 1, WIRE_PACK_MAX / sizeof(job));
    assert_ok(wire_pack_send(&p, &c.a, false)); /* what fitted before */
    for (struct wire_msg m = WIRE_MSG_NONE; n > 0; n--)
        assert_ok(wire_recv(&c.b, &c.inbox, false, &m));
    assert_false(wire_more(&c.inbox));
    wire_end_close(&c.b);
    assert_ok(wire_pack_put(&p, &c.a, MSG_JOB, &job, view_of(NULL, 0)));
    assert_err(wire_pack_send(&p, &c.a, false), ERR_CLOSED);
    assert_int_equal(p.count, 0);
    wire_pack_done(&p);
    close_channel(&c);
}

/* Each ticket has the time at which they went. */
static void test_pack_stamp(void **state)
{
    (void)state;
    struct channel c;
    struct wire_pack p = WIRE_PACK_NONE;
    struct wire_msg first = WIRE_MSG_NONE, second = WIRE_MSG_NONE;
    const struct msg_ticket ticket = {0};
    open_channel(&c, CHAN_TICKET);
    assert_ok(wire_stamp(&c.b));
    assert_ok(wire_pack_put(&p, &c.a, MSG_TICKET, &ticket, view_of(NULL, 0)));
    assert_ok(wire_pack_put(&p, &c.a, MSG_TICKET, &ticket, view_of(NULL, 0)));
    assert_ok(wire_pack_send(&p, &c.a, false));
    assert_ok(wire_recv(&c.b, &c.inbox, false, &first));
    assert_ok(wire_recv(&c.b, &c.inbox, false, &second));
    assert_true(first.stamp_ns > UINT64_C(1700000000) * 1000000000);
    assert_true(first.stamp_ns == second.stamp_ns);
    wire_pack_done(&p);
    close_channel(&c);
}

/* A result with a tail of one byte, then what a hostile peer puts behind it. */
static void check_behind(const char *what, const void *bytes, size_t len, unsigned fds)
{
    struct channel c;
    static uint8_t text[4 * WIRE_PACK_MAX];
    const struct wire_head head = {MSG_RESULT, 0, sizeof(struct msg_result) + 1};
    struct wire_msg m = WIRE_MSG_NONE;
    open_channel(&c, CHAN_JOB);
    unsigned before = open_fds();
    memset(text, 0, sizeof(text));
    memcpy(text, &head, sizeof(head));
    size_t n = sizeof(head) + head.len;
    memcpy(text + n, bytes, len);
    send_raw(c.b.fd, (const struct raw *)(const void *)text, n + len, fds);
    err_t e = OK;
    while (e == OK)
        e = wire_recv(&c.a, &c.inbox, false, &m);
    if (e != ERR_PROTOCOL)
        print_message("%s\n", what);
    assert_err(e, ERR_PROTOCOL);
    assert_false(wire_more(&c.inbox)); /* nothing behind it counts */
    assert_err(wire_recv(&c.a, &c.inbox, false, &m), ERR_WOULD_BLOCK);
    assert_int_equal(open_fds(), before);
    close_channel(&c);
}

static void test_receiver_refuses_in_a_pack(void **state)
{
    (void)state;
    static struct {
        uint8_t gap[7];
        struct wire_head head;
        uint8_t body[4 * WIRE_PACK_MAX - 512];
    } __attribute__((packed)) b;
    const struct wire_head good = {MSG_RESULT, 0, sizeof(struct msg_result)},
                           head_fds = {MSG_RESULT, 1, sizeof(struct msg_result)};
    const size_t whole = 7 + sizeof(good) + good.len;
    check_behind("a gap and nothing behind it", &b, 7, 0);
    check_behind("less than a gap", &b, 3, 0);
    b.head = good;
    b.gap[6] = 1;
    check_behind("a gap that is not zero", &b, whole, 0);
    b.gap[6] = 0;
    check_behind("cut off in its head", &b, 7 + sizeof(good) - 1, 0);
    check_behind("cut off", &b, whole - 1, 0);
    check_behind("a byte behind it", &b, whole + 1, 0);
    check_behind("zeros behind it", &b, whole + 8, 0);
    check_behind("a descriptor that none of them says", &b, whole, 1);
    b.head = head_fds;
    check_behind("a descriptor", &b, whole, 1);
    check_behind("a descriptor that is not there", &b, whole, 0);
    b.head = (struct wire_head){MSG_META, 0, sizeof(struct msg_empty)};
    check_behind("a type that goes alone", &b, 7 + sizeof(good) + sizeof(struct msg_empty), 0);
    b.head = (struct wire_head){MSG_JOB, 0, sizeof(struct msg_job)};
    check_behind("a type of the other side", &b, 7 + sizeof(good) + sizeof(struct msg_job), 0);
    b.head = (struct wire_head){MSG_TICKET, 0, sizeof(struct msg_ticket)};
    check_behind("a type of another channel", &b, 7 + sizeof(good) + sizeof(struct msg_ticket), 0);
    b.head = (struct wire_head){MSG_RESULT, 0, UINT32_MAX};
    check_behind("a length without measure", &b, whole, 0);
    b.head = (struct wire_head){MSG_RESULT, 0, WIRE_PACK_MAX};
    check_behind("more than may go together", &b, 7 + sizeof(good) + WIRE_PACK_MAX, 0);
}

static err_t count(void *self, struct wire_msg *m)
{
    (void)m;
    (*(int *)self)++;
    return OK;
}

static void test_dispatch_by_state(void **state)
{
    (void)state;
    static const struct wire_route routes[] = {{MSG_CANCEL, 2 | 4, count}};
    int calls = 0;
    struct wire_msg m = WIRE_MSG_NONE;
    m.type = MSG_CANCEL;
    assert_err(wire_dispatch(routes, 1, 1, &calls, &m), ERR_PROTOCOL);
    assert_ok(wire_dispatch(routes, 1, 2, &calls, &m));
    assert_ok(wire_dispatch(routes, 1, 4, &calls, &m));
    m.type = MSG_JOB;
    assert_err(wire_dispatch(routes, 1, 2, &calls, &m), ERR_PROTOCOL);
    assert_int_equal(calls, 2);
}

static unsigned fill(const struct channel *c)
{
    struct msg_ticket ticket = {0};
    unsigned sent = 0;
    err_t e = OK;
    while ((e = wire_send(&c->a, MSG_TICKET, &ticket, view_of(NULL, 0), NULL, 0)) == OK)
        sent++;
    assert_err(e, ERR_WOULD_BLOCK);
    return sent;
}

/* With what any Linux grants (net.core.wmem_max) there is room for more tickets than a front has calls. */
static void test_full_socket(void **state)
{
    (void)state;
    struct channel c;
    open_channel(&c, CHAN_TICKET);
    assert_in_range(fill(&c), 100, 100000);
    close_channel(&c);
    open_channel(&c, CHAN_TICKET);
    assert_ok(wire_room(&c.a, 212992));
    assert_in_range(fill(&c), 513, 100000);
    close_channel(&c);
    assert_err(wire_room(&c.a, 212992), ERR_IO);
}

/* With what any Linux grants there is room for as much again as without having asked. */
static void test_stream(void **state)
{
    static const uint8_t part[4 * KIB];
    AUTO_FD int reader = -1;
    AUTO_FD int sender = -1;
    size_t toward_sender = 0, toward_reader = 0;
    (void)state;
    assert_ok(wire_stream(&reader, &sender));
    assert_int_equal(fcntl(reader, F_GETFD) & fcntl(sender, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    for (ssize_t n = 0; n >= 0; n = send(reader, part, sizeof(part), MSG_DONTWAIT))
        toward_sender += (size_t)n;
    for (ssize_t n = 0; n >= 0; n = send(sender, part, sizeof(part), MSG_DONTWAIT))
        toward_reader += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    assert_in_range(toward_reader, toward_sender * 3 / 2, WIRE_STREAM_ROOM);
}

static void test_stamp(void **state)
{
    (void)state;
    struct channel c;
    struct msg_ticket ticket = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    open_channel(&c, CHAN_TICKET);
    assert_ok(wire_stamp(&c.b));
    assert_ok(wire_send(&c.a, MSG_TICKET, &ticket, view_of(NULL, 0), NULL, 0));
    assert_ok(wire_recv(&c.b, &c.inbox, true, &m));
    assert_true(m.stamp_ns > UINT64_C(1700000000) * 1000000000);
    close_channel(&c);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct wire_inbox in = {0};
    mem_fail_after(0);
    assert_err(wire_inbox_init(&in, CHAN_JOB), ERR_NOMEM);
    mem_fail_after(-1);
    wire_inbox_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_sender_checks_itself),
        cmocka_unit_test(test_receiver_refuses),
        cmocka_unit_test(test_dispatch_by_state),
        cmocka_unit_test(test_empty_datagram_with_descriptors),
        cmocka_unit_test(test_full_socket),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_pack_of_one),
        cmocka_unit_test(test_pack_checks_itself),
        cmocka_unit_test(test_pack_stamp),
        cmocka_unit_test(test_receiver_refuses_in_a_pack),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
