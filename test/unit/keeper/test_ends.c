/* Fronts and infers that end, and those that send what is no message. */
#include "stage.h"

/* ── a front that dies ── */

/* What it had sent still counts: the infer is not accused, whenever it reports. */
static void test_tickets_of_the_dead(void **state)
{
    struct cast *c = *state;
    uint64_t early = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    uint64_t late = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    wire_end_close(&c->front.ticket);
    cast_report(&c->a, early, &STAGE_NO_NONCE);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &c->front);
    cast_report(&c->a, late, &STAGE_NO_NONCE);
    stage_silence(&c->front);
    stage_round(c->stage, &c->front, &c->a);
    stage_not_accused(c->stage);
}

/* The same when it had not read all its receipts: the kernel then says "connection reset" before it gives the tickets out. */
static void test_tickets_of_the_dead_behind_receipts(void **state)
{
    struct cast *c = *state;
    cast_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    stage_wait_readable(&c->front.ticket);
    uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &c->front);
    cast_report(&c->a, job, &STAGE_NO_NONCE);
    stage_silence(&c->front);
    stage_round(c->stage, &c->front, &c->a);
    stage_not_accused(c->stage);
}

/* A new front and its first job arrive while the keeper is reading the reports of an infer. */
static void test_first_job_of_a_front(void **state)
{
    struct cast *c = *state;
    for (uint16_t n = 2; n < 200; n++) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        cast_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
        stage_front_die(c->stage, &c->front);
        stage_front_new(c->stage, n, &c->front);
        cast_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
        stage_receive(c->stage, &c->front, &got);
        stage_not_accused(c->stage);
    }
}

/* Without a ticket a dead front's job is as much of a lie as any other. */
static void test_lies_about_the_dead(void **state)
{
    struct cast *c = *state;
    uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &c->front);
    cast_report(&c->a, job + 1, &STAGE_NO_NONCE);
    cast_end_of_a(c, ERR_PROTOCOL);
}

/* ── an infer that ends ── */

static void test_infer_gone(void **state)
{
    struct cast *c = *state;
    for (unsigned n = 0; n < 20; n++)
        (void)stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    stage_round(c->stage, &c->front, &c->b); /* now they are in the table */
    uint32_t number = c->a.number;
    stage_infer_gone(c->stage, &c->a);
    (void)stage_ticket(&c->front, number, &STAGE_NO_NONCE); /* front cannot know */
    stage_round(c->stage, &c->front, &c->b);
    stage_infer_new(c->stage, 30, &c->a);
    stage_round(c->stage, &c->front, &c->a);
    stage_not_accused(c->stage);
}

/* A ticket can be read before the message of the supervisor that its infer exists, because another message makes the keeper look. */
static void test_infer_still_unknown(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct stage_infer late;
    uint64_t job = stage_ticket(&c->front, 9, &STAGE_NO_NONCE);
    stage_infer_gone(c->stage, &c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_infer_new(c->stage, 9, &late);
    cast_report(&late, job, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    stage_round(c->stage, &c->front, &late);
    stage_infer_done(&late);
}

static void test_report_of_a_dead_infer(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    cast_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    stage_infer_done(&c->a); /* the process is gone, but its last words are true */
    stage_receive(c->stage, &c->front, &got);
    stage_round(c->stage, &c->front, &c->b);
    stage_infer_gone(c->stage, &c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_not_accused(c->stage);
}

/* ── not a message ── */

struct raw {
    struct wire_head head;
    uint8_t body[8 * KIB];
};

/* Datagrams that are no message of the channel; what they are meant to look like is `type`. */
static void send_garbage(const struct wire_end *end, unsigned which, uint16_t type, uint32_t fixed)
{
    struct raw r = {.head = {.type = type, .len = fixed}};
    size_t len = sizeof(r.head) + fixed;
    unsigned n_fds = 0;
    switch (which) {
    case 0: /* too short for a head */
        len = 3;
        break;
    case 1: /* a type that does not exist */
        r.head.type = 60000;
        break;
    case 2: /* the other side's type */
        r.head.type = type == MSG_REPORT ? MSG_KEEPER_ACCUSE : MSG_RECEIPTS;
        break;
    case 3: /* cut short */
        len--;
        break;
    case 4: /* trailing */
        r.head.len = fixed + 300;
        len += 300;
        break;
    case 5: /* larger than any message */
        r.head.len = sizeof(r.body);
        len = sizeof(r);
        break;
    case 6: /* descriptors */
        r.head.fds = (uint16_t)(n_fds = 1);
        break;
    default: /* more of them than any message has, and denied */
        n_fds = 10;
        break;
    }
    stage_send_raw(end, &r, len, n_fds);
}
#define GARBAGE_KINDS 8

static void test_garbage_from_an_infer(void **state)
{
    struct cast *c = *state;
    stage_round(c->stage, &c->front, &c->a);
    unsigned fds = stage_open_fds(c->stage);
    for (unsigned which = 0; which < GARBAGE_KINDS; which++) {
        uint32_t number = c->a.number;
        (void)stage_ticket(&c->front, number, &STAGE_NO_NONCE);
        send_garbage(&c->a.report, which, MSG_REPORT, sizeof(struct msg_report));
        cast_end_of_a(c, ERR_PROTOCOL);
        stage_infer_gone(c->stage, &c->a);
        stage_infer_new(c->stage, number + 10, &c->a);
        stage_round(c->stage, &c->front, &c->a);
        assert_int_equal(stage_open_fds(c->stage), fds);
    }
}

static void test_garbage_from_a_front(void **state)
{
    struct cast *c = *state;
    stage_round(c->stage, &c->front, &c->a);
    unsigned fds = stage_open_fds(c->stage);
    for (unsigned which = 0; which < 3 * GARBAGE_KINDS; which++) {
        uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
        if (which % 3 == 0) {
            send_garbage(&c->front.ticket, which / 3, MSG_TICKET, sizeof(struct msg_ticket));
            cast_report(&c->a, job, &STAGE_NO_NONCE); /* makes the keeper look: the ticket before the garbage still counts */
        } else if (which % 3 == 1) {
            send_garbage(&c->front.sign, which / 3, MSG_TLS_SIGN, sizeof(struct msg_tls_sign));
        } else {
            send_garbage(&c->front.proof, which / 3, MSG_DOCUMENT_ASK, sizeof(struct msg_document_ask));
        }
        cast_end_of_front(c, ERR_PROTOCOL);
        assert_int_equal(stage_open_fds(c->stage), fds);
    }
}

/* A datagram of no bytes looks like the end of the channel, and is taken for it. */
static void test_nothing_at_all(void **state)
{
    struct cast *c = *state;
    stage_send_raw(&c->a.report, "", 0, 0);
    stage_infer_cut(&c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_send_raw(&c->front.sign, "", 0, 0);
    stage_send_raw(&c->front.ticket, "", 0, 0);
    stage_send_raw(&c->front.proof, "", 0, 0);
    struct stage_front next;
    stage_front_new(c->stage, 2, &next);
    stage_round(c->stage, &next, &c->b);
    stage_front_cut(&c->front);
    stage_not_accused(c->stage);
    stage_front_done(&next);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cast_setup, cast_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tickets_of_the_dead),
        TEST(test_tickets_of_the_dead_behind_receipts),
        TEST(test_first_job_of_a_front),
        TEST(test_lies_about_the_dead),
        TEST(test_infer_gone),
        TEST(test_infer_still_unknown),
        TEST(test_report_of_a_dead_infer),
        TEST(test_garbage_from_an_infer),
        TEST(test_garbage_from_a_front),
        TEST(test_nothing_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
