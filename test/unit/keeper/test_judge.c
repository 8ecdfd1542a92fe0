/* Tickets against reports: who gets a receipt, and who is accused. */
#include "stage.h"

#include "base/clock.h"

#include <signal.h>
#include <unistd.h>

/* What most tests begin with: one front and two infers. */
struct cast {
    struct stage *stage;
    struct stage_front front;
    struct stage_infer a;
    struct stage_infer b;
};

static int setup(void **state)
{
    static struct cast c;
    if (stage_setup(state) != 0)
        return 1;
    c.stage = *state;
    stage_front_new(c.stage, 1, &c.front);
    stage_infer_new(c.stage, 1, &c.a);
    stage_infer_new(c.stage, 2, &c.b);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct cast *c = *state;
    *state = c->stage;
    stage_front_done(&c->front);
    stage_infer_done(&c->a);
    stage_infer_done(&c->b);
    return stage_teardown(state);
}

/* The infer is accused, cut off, and what it says next is not heard; front and the other infer go on. */
static void expect_end_of_a(struct cast *c, err_t reason)
{
    stage_accused(c->stage, c->a.number, 0, reason);
    stage_infer_cut(&c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_silence(&c->front);
    stage_not_accused(c->stage);
}

/* The front is accused and cut off; its successor and the infers go on. */
static void expect_end_of_front(struct cast *c, err_t reason)
{
    stage_accused(c->stage, 0, c->front.generation, reason);
    stage_front_cut(&c->front);
    uint16_t next = c->front.generation + 1;
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, next, &c->front);
    stage_round(c->stage, &c->front, &c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_not_accused(c->stage);
}

static void send_report(const struct stage_infer *i, uint64_t job, const struct wire_nonce *nonce)
{
    struct msg_report r = stage_report(job, (uint8_t)job, nonce);
    assert_ok(stage_report_send(i, &r));
}

/* ── the truth ── */

static void assert_view(struct view got, const void *bytes, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.data, bytes, len);
}

static void assert_says(const struct cast *c, const struct statement *s, const struct msg_report *r)
{
    const struct stage_infer *i = &c->a;
    assert_int_equal(s->kind, STATEMENT_SIMULATED);
    assert_int_equal(s->clock, STATEMENT_CLOCK_SYSTEM);
    assert_memory_equal(s->keyset, c->stage->ready.keyset_digest, DIGEST_LEN);
    assert_memory_equal(s->node, c->stage->start.node_digest, DIGEST_LEN);
    assert_memory_equal(s->policy, c->stage->start.policy_digest, DIGEST_LEN);
    assert_view(s->asked_cid, i->known.asked.cid, i->known.asked.cid_len);
    assert_view(s->asked_path, i->known.asked.path, i->known.asked.path_len);
    assert_memory_equal(s->epoch, i->known.epoch, EPOCH_LEN);
    assert_view(s->file_cid, i->sealed.file_cid, i->sealed.file_cid_len);
    assert_memory_equal(s->model, i->sealed.model_sha256, DIGEST_LEN);
    assert_true(view_is(s->engine, "onnxruntime 0.0.0;test"));
    assert_int_equal(s->job, r->job);
    assert_memory_equal(s->input.descriptors, r->in_descriptors, DIGEST_LEN);
    assert_memory_equal(s->input.tensors, r->in_tensors, DIGEST_LEN);
    assert_memory_equal(s->output.descriptors, r->out_descriptors, DIGEST_LEN);
    assert_memory_equal(s->output.tensors, r->out_tensors, DIGEST_LEN);
    assert_view(s->nonce, r->nonce.bytes, r->nonce.len);
}

static void check_truth(struct cast *c, struct wire_nonce nonce)
{
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    uint64_t before = clock_wall_us();
    struct msg_report r = stage_report(stage_ticket(&c->front, c->a.number, &nonce), 0x55, &nonce);
    uint64_t sent = clock_wall_us();
    (void)usleep(20000); /* "start" is when the ticket was sent, not when it is read */
    assert_ok(stage_report_send(&c->a, &r));
    stage_receive(c->stage, &c->front, &got);
    const struct statement *s = &got.receipt.statement;
    assert_says(c, s, &r);
    assert_true(s->start_us >= before && s->start_us <= sent);
    assert_true(s->end_us >= sent + 20000 && s->end_us <= clock_wall_us());
    assert_int_equal(got.receipt.proof.tree_size, 1);
}

static void test_truth(void **state)
{
    check_truth(*state, stage_nonce(1, NONCE_MIN));
    check_truth(*state, stage_nonce(2, NONCE_MAX));
    check_truth(*state, STAGE_NO_NONCE);
}

/* A salt of its own for each, or one client could guess at another's. */
static void test_salts(void **state)
{
    struct cast *c = *state;
    uint8_t salts[8][STATEMENT_SALT_LEN];
    for (size_t n = 0; n < COUNT_OF(salts); n++) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        send_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
        stage_receive(c->stage, &c->front, &got);
        memcpy(salts[n], got.receipt.statement.salt, STATEMENT_SALT_LEN);
        for (size_t m = 0; m < n; m++)
            assert_memory_not_equal(salts[n], salts[m], STATEMENT_SALT_LEN);
    }
}

static void test_any_order(void **state)
{
    struct cast *c = *state;
    uint64_t jobs[10];
    for (size_t n = 0; n < COUNT_OF(jobs); n++)
        jobs[n] = stage_ticket(&c->front, n % 2 == 0 ? c->a.number : c->b.number, &STAGE_NO_NONCE);
    for (size_t n = COUNT_OF(jobs); n-- > 0;) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        send_report(n % 2 == 0 ? &c->a : &c->b, jobs[n], &STAGE_NO_NONCE);
        stage_receive(c->stage, &c->front, &got);
        assert_int_equal(got.job, jobs[n]);
        const struct stage_infer *i = n % 2 == 0 ? &c->a : &c->b;
        assert_memory_equal(got.receipt.statement.model, i->sealed.model_sha256, DIGEST_LEN);
    }
}

/* What is waiting when the keeper looks is signed at once: `sizes` are the trees that come of `count` reports. */
static void check_batch(struct cast *c, size_t count, const size_t *sizes)
{
    static uint8_t signature[ES256_SIGNATURE_LEN];
    assert_int_equal(kill(c->stage->pid, SIGSTOP), 0);
    for (size_t n = 0; n < count; n++) {
        const struct stage_infer *i = n % 2 == 0 ? &c->a : &c->b;
        send_report(i, stage_ticket(&c->front, i->number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    }
    assert_int_equal(kill(c->stage->pid, SIGCONT), 0);
    for (size_t tree = 0; count > 0; count -= sizes[tree++])
        for (size_t n = 0; n < sizes[tree]; n++) {
            AUTO(stage_receipt_done) struct stage_receipt got = {0};
            stage_receive(c->stage, &c->front, &got);
            assert_int_equal(got.receipt.proof.tree_size, sizes[tree]);
            assert_int_equal(got.receipt.proof.leaf_index, n);
            if (n > 0)
                assert_memory_equal(got.receipt.proof.signature, signature, sizeof(signature));
            memcpy(signature, got.receipt.proof.signature, sizeof(signature));
        }
}

static void test_batches(void **state)
{
    check_batch(*state, 1, (const size_t[]){1});
    check_batch(*state, 2, (const size_t[]){2});
    check_batch(*state, 40, (const size_t[]){40});
    check_batch(*state, 64, (const size_t[]){64});
    check_batch(*state, 81, (const size_t[]){64, 17});
}

static void test_failed_run(void **state)
{
    struct cast *c = *state;
    struct wire_nonce nonce = stage_nonce(3, 20);
    static const uint32_t results[] = {ERR_RUN_FAILED, ERR_RUN_CANCELLED, ERR_COUNT_, UINT32_MAX};
    static const err_t reasons[] = {ERR_RUN_FAILED, ERR_RUN_CANCELLED, ERR_INTERNAL, ERR_INTERNAL};
    for (size_t n = 0; n < COUNT_OF(results); n++) {
        struct msg_report r = stage_report(stage_ticket(&c->front, c->a.number, &nonce), 1, &nonce);
        r.result = results[n];
        assert_ok(stage_report_send(&c->a, &r));
        stage_no_receipt(&c->front, r.job, reasons[n]);
        stage_silence(&c->front);
    }
    /* its ticket is used up */
    send_report(&c->a, c->front.last_job, &nonce);
    expect_end_of_a(c, ERR_PROTOCOL);
}

static void test_failed_run_with_another_nonce(void **state)
{
    struct cast *c = *state;
    struct wire_nonce nonce = stage_nonce(3, 20), other = stage_nonce(4, 20);
    struct msg_report r = stage_report(stage_ticket(&c->front, c->a.number, &nonce), 1, &other);
    r.result = ERR_RUN_FAILED;
    assert_ok(stage_report_send(&c->a, &r));
    expect_end_of_a(c, ERR_PROTOCOL);
}

/* ── an infer that lies ── */

static void test_no_ticket(void **state)
{
    struct cast *c = *state;
    send_report(&c->a, (uint64_t)1 << 48 | 77, &STAGE_NO_NONCE);
    expect_end_of_a(c, ERR_PROTOCOL);
}

static void test_no_such_front(void **state)
{
    struct cast *c = *state;
    (void)stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    send_report(&c->a, (uint64_t)9 << 48 | 1, &STAGE_NO_NONCE);
    expect_end_of_a(c, ERR_PROTOCOL);
}

static void check_nonce(struct cast *c, struct wire_nonce told, struct wire_nonce reported)
{
    send_report(&c->a, stage_ticket(&c->front, c->a.number, &told), &reported);
    expect_end_of_a(c, ERR_PROTOCOL);
    stage_infer_gone(c->stage, &c->a);
    stage_infer_new(c->stage, c->a.number + 2, &c->a);
}

static void test_other_nonce(void **state)
{
    struct cast *c = *state;
    struct wire_nonce last_byte = stage_nonce(1, NONCE_MAX);
    last_byte.bytes[NONCE_MAX - 1] ^= 1;
    check_nonce(c, stage_nonce(1, NONCE_MAX), last_byte);
    check_nonce(c, stage_nonce(1, 16), stage_nonce(2, 16));
    check_nonce(c, stage_nonce(1, 16), stage_nonce(1, 17));
    check_nonce(c, stage_nonce(1, 17), stage_nonce(1, 16));
    check_nonce(c, stage_nonce(1, 16), STAGE_NO_NONCE);
    check_nonce(c, STAGE_NO_NONCE, stage_nonce(1, 16));
    check_nonce(c, stage_nonce(1, 64), stage_nonce(1, 255));
    stage_round(c->stage, &c->front, &c->a);
}

static void test_report_twice(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    send_report(&c->a, job, &STAGE_NO_NONCE);
    send_report(&c->a, job, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &got);
    expect_end_of_a(c, ERR_PROTOCOL);
}

/* The owner of the job is not hurt. */
static void test_job_of_another(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    uint64_t job = stage_ticket(&c->front, c->b.number, &STAGE_NO_NONCE);
    send_report(&c->a, job, &STAGE_NO_NONCE);
    stage_accused(c->stage, c->a.number, 0, ERR_PROTOCOL);
    send_report(&c->b, job, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    assert_memory_equal(got.receipt.statement.model, c->b.sealed.model_sha256, DIGEST_LEN);
}

/* Good reports that wait behind a bad one are lost with the infer; good ones before it are signed. */
static void test_nothing_after_a_lie(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    uint64_t first = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    uint64_t second = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    assert_int_equal(kill(c->stage->pid, SIGSTOP), 0);
    send_report(&c->a, first, &STAGE_NO_NONCE);
    send_report(&c->a, 1, &STAGE_NO_NONCE);
    send_report(&c->a, second, &STAGE_NO_NONCE);
    assert_int_equal(kill(c->stage->pid, SIGCONT), 0);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, first);
    expect_end_of_a(c, ERR_PROTOCOL);
}

static void test_report_before_sealed(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct stage_infer early;
    stage_infer_known(c->stage, 50, &early);
    uint64_t job = stage_ticket(&c->front, early.number, &STAGE_NO_NONCE);
    send_report(&early, job, &STAGE_NO_NONCE);
    stage_silence(&c->front);
    stage_round(c->stage, &c->front, &c->a); /* its ticket has been read by now */
    stage_silence(&c->front);
    stage_infer_sealed(c->stage, &early, view_of("engine", 6));
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    stage_infer_done(&early);
}

/* ── a front that lies ── */

static void check_ticket(struct cast *c, uint64_t job, struct wire_nonce nonce)
{
    assert_ok(stage_ticket_raw(&c->front, c->a.number, job, &nonce));
    send_report(&c->b, stage_ticket(&c->front, c->b.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    /* the wrong ticket is met while the one behind it is looked for, which is lost with the front */
    stage_accused(c->stage, 0, c->front.generation, ERR_PROTOCOL);
    stage_accused(c->stage, c->b.number, 0, ERR_PROTOCOL);
    stage_front_cut(&c->front);
    uint16_t next = c->front.generation + 1;
    stage_infer_gone(c->stage, &c->b);
    stage_infer_new(c->stage, c->b.number + 2, &c->b);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, next, &c->front);
    stage_round(c->stage, &c->front, &c->b);
}

static void test_ticket_nonce_length(void **state)
{
    static const uint8_t bad[] = {1, 15, 65, 255};
    struct cast *c = *state;
    for (size_t n = 0; n < COUNT_OF(bad); n++)
        check_ticket(c, ++c->front.last_job, stage_nonce(1, bad[n]));
    stage_round(c->stage, &c->front, &c->a);
}

static void test_ticket_of_another_generation(void **state)
{
    struct cast *c = *state;
    check_ticket(c, (uint64_t)3 << 48 | 1000, STAGE_NO_NONCE);
    check_ticket(c, (uint64_t)1 << 48 | 1000, STAGE_NO_NONCE);
    check_ticket(c, 1000, STAGE_NO_NONCE);
}

/* Numbers that do not rise: the same one again, a smaller one, one that is used up, one that another infer has. */
static void test_ticket_again(void **state)
{
    struct cast *c = *state;
    (void)stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    check_ticket(c, c->front.last_job, STAGE_NO_NONCE);
    c->front.last_job += 10;
    stage_round(c->stage, &c->front, &c->a);
    check_ticket(c, c->front.last_job - 1, STAGE_NO_NONCE);
    stage_round(c->stage, &c->front, &c->a);
    check_ticket(c, c->front.last_job, STAGE_NO_NONCE);
    stage_round(c->stage, &c->front, &c->b);
    check_ticket(c, c->front.last_job, STAGE_NO_NONCE);
    check_ticket(c, (uint64_t)c->front.generation << 48, STAGE_NO_NONCE);
}

/* Receipts go to the front that asked, whoever else is there. */
static void test_two_fronts(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt first = {0}, second = {0};
    struct stage_front other;
    stage_front_new(c->stage, 2, &other);
    uint64_t mine = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    uint64_t its = stage_ticket(&other, c->a.number, &STAGE_NO_NONCE);
    send_report(&c->a, its, &STAGE_NO_NONCE);
    stage_receive(c->stage, &other, &first);
    assert_int_equal(first.job, its);
    stage_silence(&c->front);
    send_report(&c->a, mine, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &second);
    assert_int_equal(second.job, mine);
    stage_silence(&other);
    stage_front_done(&other);
}

/* ── a front that dies ── */

/* What it had sent still counts: the infer is not accused, whenever it reports. */
static void test_tickets_of_the_dead(void **state)
{
    struct cast *c = *state;
    uint64_t early = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    uint64_t late = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    wire_end_close(&c->front.ticket);
    send_report(&c->a, early, &STAGE_NO_NONCE);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &c->front);
    send_report(&c->a, late, &STAGE_NO_NONCE);
    stage_silence(&c->front);
    stage_round(c->stage, &c->front, &c->a);
    stage_not_accused(c->stage);
}

/* The same when it had not read all its receipts: the kernel then says "connection reset" before it gives the tickets out. */
static void test_tickets_of_the_dead_behind_receipts(void **state)
{
    struct cast *c = *state;
    send_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    stage_wait_readable(&c->front.ticket);
    uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &c->front);
    send_report(&c->a, job, &STAGE_NO_NONCE);
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
        send_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
        stage_front_die(c->stage, &c->front);
        stage_front_new(c->stage, n, &c->front);
        send_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
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
    send_report(&c->a, job + 1, &STAGE_NO_NONCE);
    expect_end_of_a(c, ERR_PROTOCOL);
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
    send_report(&late, job, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    stage_round(c->stage, &c->front, &late);
    stage_infer_done(&late);
}

static void test_report_of_a_dead_infer(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    send_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
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
        r.head.type = type == MSG_REPORT ? MSG_KEEPER_ACCUSE : MSG_RECEIPT;
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
        expect_end_of_a(c, ERR_PROTOCOL);
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
    for (unsigned which = 0; which < 2 * GARBAGE_KINDS; which++) {
        uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
        if (which % 2 == 0) {
            send_garbage(&c->front.ticket, which / 2, MSG_TICKET, sizeof(struct msg_ticket));
            send_report(&c->a, job, &STAGE_NO_NONCE); /* makes the keeper look: the ticket before the garbage still counts */
        } else {
            send_garbage(&c->front.sign, which / 2, MSG_TLS_SIGN, sizeof(struct msg_tls_sign));
        }
        expect_end_of_front(c, ERR_PROTOCOL);
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
    struct stage_front next;
    stage_front_new(c->stage, 2, &next);
    stage_round(c->stage, &next, &c->b);
    stage_front_cut(&c->front);
    stage_not_accused(c->stage);
    stage_front_done(&next);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_truth),
        TEST(test_salts),
        TEST(test_any_order),
        TEST(test_batches),
        TEST(test_failed_run),
        TEST(test_failed_run_with_another_nonce),
        TEST(test_no_ticket),
        TEST(test_no_such_front),
        TEST(test_other_nonce),
        TEST(test_report_twice),
        TEST(test_job_of_another),
        TEST(test_nothing_after_a_lie),
        TEST(test_report_before_sealed),
        TEST(test_ticket_nonce_length),
        TEST(test_ticket_of_another_generation),
        TEST(test_ticket_again),
        TEST(test_two_fronts),
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
