/* Peers that send without an end, do not read, or never report: the keeper serves the others and its memory is fixed. */
#include "stage.h"

#include "base/clock.h"
#include "keeper/tickets.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVED_MS 2000 /* far above what one round takes, far below for ever */

struct flood {
    struct stage_front front;
    struct stage_infer infer;
};

/* A child that calls `body` until it is killed. */
static pid_t start_flood(struct stage *s, void (*body)(struct flood *f), struct flood *f)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        wire_end_close(&s->control);
    }
    while (pid == 0)
        body(f);
    return pid;
}

static void wait_writable(const struct wire_end *end)
{
    struct pollfd p = {.fd = end->fd, .events = POLLOUT};
    (void)poll(&p, 1, -1);
}

/* ── without an end ── */

static void unknown_tickets(struct flood *f)
{
    if (stage_ticket_raw(&f->front, 4000, ++f->front.last_job, &STAGE_NO_NONCE) != OK)
        wait_writable(&f->front.ticket);
}

static void handshakes(struct flood *f)
{
    uint8_t room[160];
    struct msg_tls_sign question = {0};
    if (wire_send(&f->front.sign, MSG_TLS_SIGN, &question, stage_handshake(room, 32), NULL, 0) != OK)
        wait_writable(&f->front.sign);
    while (recv(f->front.sign.fd, room, sizeof(room), MSG_DONTWAIT) > 0)
        continue;
}

static void failed_runs(struct flood *f)
{
    struct msg_report r = stage_report(++f->front.last_job, 1, &STAGE_NO_NONCE);
    r.result = ERR_RUN_FAILED;
    while (stage_ticket_raw(&f->front, f->infer.number, r.job, &STAGE_NO_NONCE) != OK)
        wait_writable(&f->front.ticket);
    while (stage_report_send(&f->infer, &r) != OK)
        wait_writable(&f->infer.report);
}

static void check_flood(struct stage *s, void (*body)(struct flood *f))
{
    struct flood f;
    struct stage_front front;
    struct stage_infer infer;
    stage_front_new(s, 1, &f.front);
    stage_infer_new(s, 1, &f.infer);
    stage_front_new(s, 2, &front);
    stage_infer_new(s, 2, &infer);
    pid_t pid = start_flood(s, body, &f);
    (void)usleep(50000);
    for (unsigned n = 0; n < 20; n++) {
        uint64_t begin = clock_mono_ms();
        stage_round(s, &front, &infer);
        stage_silence(&front);
        assert_true(clock_mono_ms() - begin < SERVED_MS);
    }
    struct msg_keeper_front gone = {.generation = 3}; /* the supervisor is heard */
    struct stage_front third;
    stage_front_new(s, gone.generation, &third);
    stage_silence(&third);
    stage_front_die(s, &third);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    stage_front_done(&f.front);
    stage_front_done(&front);
    stage_infer_done(&f.infer);
    stage_infer_done(&infer);
}

static void test_unknown_tickets(void **state)
{
    check_flood(*state, unknown_tickets);
}

static void test_handshakes(void **state)
{
    check_flood(*state, handshakes);
}

static void test_failed_runs(void **state)
{
    check_flood(*state, failed_runs);
}

/* ── not reading ── */

static void test_receipts_are_not_read(void **state)
{
    struct stage *s = *state;
    struct stage_front deaf, front;
    struct stage_infer i;
    stage_front_new(s, 1, &deaf);
    stage_front_new(s, 2, &front);
    stage_infer_new(s, 1, &i);
    for (unsigned n = 0; n < 500; n++) {
        struct msg_report r = stage_report(stage_ticket(&deaf, i.number, &STAGE_NO_NONCE), 1, &STAGE_NO_NONCE);
        assert_ok(stage_report_send(&i, &r));
        if (n % 50 == 0)
            stage_round(s, &front, &i);
    }
    stage_round(s, &front, &i);
    stage_not_accused(s);
    stage_front_done(&deaf);
    stage_front_done(&front);
    stage_infer_done(&i);
}

/* Every accusation is one message, and the supervisor may be slow: who is accused is cut off all the same. */
static void test_accusations_are_not_read(void **state)
{
    enum { LIARS = 100 }; /* more than its socket holds */
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer liars[LIARS], good;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &good);
    for (uint32_t n = 0; n < LIARS; n++) {
        struct msg_report r = stage_report(77, 1, &STAGE_NO_NONCE);
        stage_infer_new(s, 10 + n, &liars[n]);
        assert_ok(stage_report_send(&liars[n], &r));
        stage_infer_cut(&liars[n]);
        stage_round(s, &f, &good);
    }
    stage_accused(s, 10, 0, ERR_PROTOCOL);
    for (uint32_t n = 0; n < LIARS; n++)
        stage_infer_gone(s, &liars[n]);
    stage_round(s, &f, &good);
    stage_front_done(&f);
    stage_infer_done(&good);
}

static int setup_narrow(void **state)
{
    stage_control_room = IDENTITY_MAX; /* what the keeper says at its start fits, and little more */
    int rc = stage_setup(state);
    stage_control_room = 0;
    return rc;
}

/* ── never reporting ── */

/* Tickets of one infer in lots that the socket takes; a round of another makes the keeper read them. */
static void send_lots(struct stage *s, struct stage_front *f, uint32_t infer, unsigned count, struct stage_infer *other)
{
    for (unsigned n = 1; n <= count; n++) {
        (void)stage_ticket(f, infer, &STAGE_NO_NONCE);
        if (n % 100 == 0)
            stage_round(s, f, other);
    }
    stage_round(s, f, other);
}

/* Who holds the most tickets makes room for the others: neither the front nor who comes last is to blame. */
static void test_an_infer_that_never_reports(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer silent, good;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &silent);
    stage_infer_new(s, 2, &good);
    send_lots(s, &f, silent.number, TICKETS_MAX - 1, &good);
    stage_not_accused(s);
    uint64_t job = stage_ticket(&f, silent.number, &STAGE_NO_NONCE);
    stage_round(s, &f, &good);
    stage_accused(s, silent.number, 0, ERR_OVERLOADED);
    stage_infer_cut(&silent);
    send_lots(s, &f, silent.number, 300, &good); /* until the supervisor has ended it */
    stage_infer_gone(s, &silent);
    stage_infer_new(s, 3, &silent);
    send_lots(s, &f, silent.number, TICKETS_MAX - 1, &good);
    stage_not_accused(s);
    assert_true(job > 0);
    stage_front_done(&f);
    stage_infer_done(&silent);
    stage_infer_done(&good);
}

/* A front that gives tickets without jobs, until the table is full, and dies: its successor works. */
static void test_a_front_that_never_gives_jobs(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer a, b;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &a);
    stage_infer_new(s, 2, &b);
    send_lots(s, &f, a.number, TICKETS_MAX - 1, &b);
    stage_front_die(s, &f);
    stage_front_new(s, 2, &f);
    (void)stage_ticket(&f, b.number, &STAGE_NO_NONCE);
    stage_round(s, &f, &b);
    stage_accused(s, a.number, 0, ERR_OVERLOADED);
    for (unsigned n = 0; n < 100; n++)
        stage_round(s, &f, &b);
    stage_not_accused(s);
    stage_front_done(&f);
    stage_infer_done(&a);
    stage_infer_done(&b);
}

/* An infer that is not sealed yet can be the one; that it is sealed afterwards changes nothing. */
static void test_tickets_before_sealed(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer early, good;
    stage_front_new(s, 1, &f);
    stage_infer_known(s, 1, &early);
    stage_infer_new(s, 2, &good);
    send_lots(s, &f, early.number, TICKETS_MAX, &good);
    stage_accused(s, early.number, 0, ERR_OVERLOADED);
    stage_infer_sealed(s, &early, view_of("engine", 6));
    stage_round(s, &f, &good);
    stage_infer_gone(s, &early);
    stage_round(s, &f, &good);
    stage_not_accused(s);
    stage_front_done(&f);
    stage_infer_done(&good);
}

/* Tickets for infers that there are not, with numbers that come later, or are left out for ever. */
static void test_made_up_infers(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer good, skipped;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &good);
    for (uint32_t n = 0; n < 2 * TICKETS_MAX; n++)
        send_lots(s, &f, 1000 + n, 1, &good);
    send_lots(s, &f, 500, TICKETS_MAX - 100, &good);
    stage_infer_new(s, 501, &skipped); /* so 500 never was */
    send_lots(s, &f, skipped.number, 200, &good);
    stage_round(s, &f, &skipped);
    stage_not_accused(s);
    stage_front_done(&f);
    stage_infer_done(&good);
    stage_infer_done(&skipped);
}

/* Nobody reports, nothing else happens: a front that does not send faster than the keeper looks never finds its socket full. */
static void test_nobody_reports(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer i;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &i);
    for (unsigned lot = 0; lot < 8; lot++) {
        for (unsigned n = 0; n < 100; n++)
            (void)stage_ticket(&f, i.number, &STAGE_NO_NONCE);
        (void)usleep(250000);
    }
    stage_round(s, &f, &i);
    stage_not_accused(s);
    stage_front_done(&f);
    stage_infer_done(&i);
}

/* Infers that end one after the other before any of them has reported: their tickets do not fill the front's socket. */
static void test_infers_that_end_without_a_report(void **state)
{
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer i;
    stage_front_new(s, 1, &f);
    for (uint32_t n = 1; n <= 200; n++) {
        stage_infer_new(s, n, &i);
        for (unsigned k = 0; k < 32; k++)
            (void)stage_ticket(&f, n, &STAGE_NO_NONCE);
        stage_infer_gone(s, &i);
        stage_silence(&f);
    }
    stage_infer_new(s, 1000, &i);
    stage_round(s, &f, &i);
    stage_not_accused(s);
    stage_front_done(&f);
    stage_infer_done(&i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_tickets),
        TEST(test_handshakes),
        TEST(test_failed_runs),
        TEST(test_receipts_are_not_read),
        cmocka_unit_test_setup_teardown(test_accusations_are_not_read, setup_narrow, stage_teardown),
        TEST(test_an_infer_that_never_reports),
        TEST(test_a_front_that_never_gives_jobs),
        TEST(test_tickets_before_sealed),
        TEST(test_made_up_infers),
        TEST(test_nobody_reports),
        TEST(test_infers_that_end_without_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
