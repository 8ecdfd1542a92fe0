/* Tickets against reports: who gets a receipt, and who is accused. */
#include "stage.h"

#include "base/clock.h"
#include "base/sha256.h"

#include <unistd.h>

/* ── the truth ── */

static void assert_same(struct view got, const void *bytes, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.data, bytes, len);
}

static void assert_says(const struct cast *c, const struct statement *s, const struct msg_report *r)
{
    const struct stage_infer *i = &c->a;
    assert_int_equal(s->kind, STATEMENT_SIMULATED);
    uint8_t image[SHA256_LEN];
    assert_int_equal(s->clock, STATEMENT_CLOCK_NSM);
    assert_ok(sha256_of(stage_pcrs, sizeof(stage_pcrs), image));
    assert_true(s->has_image);
    assert_memory_equal(s->image, image, sizeof(image));
    assert_memory_equal(s->keyset, c->stage->ready.keyset_digest, DIGEST_LEN);
    assert_memory_equal(s->node, c->stage->start.node_digest, DIGEST_LEN);
    assert_memory_equal(s->policy, c->stage->start.policy_digest, DIGEST_LEN);
    assert_same(s->asked_cid, i->known.asked.cid, i->known.asked.cid_len);
    assert_same(s->asked_path, i->known.asked.path, i->known.asked.path_len);
    assert_memory_equal(s->epoch, i->known.epoch, EPOCH_LEN);
    assert_same(s->file_cid, i->sealed.file_cid, i->sealed.file_cid_len);
    assert_memory_equal(s->model, i->sealed.model_sha256, DIGEST_LEN);
    assert_true(view_is(s->engine, "onnxruntime 0.0.0;test"));
    assert_int_equal(s->job, r->job);
    assert_memory_equal(s->input.descriptors, r->in_descriptors, DIGEST_LEN);
    assert_memory_equal(s->input.tensors, r->in_tensors, DIGEST_LEN);
    assert_memory_equal(s->output.descriptors, r->out_descriptors, DIGEST_LEN);
    assert_memory_equal(s->output.tensors, r->out_tensors, DIGEST_LEN);
    assert_same(s->nonce, r->nonce.bytes, r->nonce.len);
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

/* A salt of its own for each, or one client could guess at another's; also when those that were drawn together are used up. */
static void test_salts(void **state)
{
    struct cast *c = *state;
    static uint8_t salts[150][STATEMENT_SALT_LEN];
    for (size_t n = 0; n < COUNT_OF(salts); n++) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        cast_report(&c->a, stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
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
        cast_report(n % 2 == 0 ? &c->a : &c->b, jobs[n], &STAGE_NO_NONCE);
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
    stage_pause(c->stage);
    for (size_t n = 0; n < count; n++) {
        const struct stage_infer *i = n % 2 == 0 ? &c->a : &c->b;
        cast_report(i, stage_ticket(&c->front, i->number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    }
    stage_resume(c->stage);
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
    cast_report(&c->a, c->front.last_job, &nonce);
    cast_end_of_a(c, ERR_PROTOCOL);
}

static void test_failed_run_with_another_nonce(void **state)
{
    struct cast *c = *state;
    struct wire_nonce nonce = stage_nonce(3, 20), other = stage_nonce(4, 20);
    struct msg_report r = stage_report(stage_ticket(&c->front, c->a.number, &nonce), 1, &other);
    r.result = ERR_RUN_FAILED;
    assert_ok(stage_report_send(&c->a, &r));
    cast_end_of_a(c, ERR_PROTOCOL);
}

/* ── an infer that lies ── */

static void test_no_ticket(void **state)
{
    struct cast *c = *state;
    cast_report(&c->a, (uint64_t)1 << 48 | 77, &STAGE_NO_NONCE);
    cast_end_of_a(c, ERR_PROTOCOL);
}

static void test_no_such_front(void **state)
{
    struct cast *c = *state;
    (void)stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    cast_report(&c->a, (uint64_t)9 << 48 | 1, &STAGE_NO_NONCE);
    cast_end_of_a(c, ERR_PROTOCOL);
}

static void check_nonce(struct cast *c, struct wire_nonce told, struct wire_nonce reported)
{
    cast_report(&c->a, stage_ticket(&c->front, c->a.number, &told), &reported);
    cast_end_of_a(c, ERR_PROTOCOL);
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
    cast_report(&c->a, job, &STAGE_NO_NONCE);
    cast_report(&c->a, job, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &got);
    cast_end_of_a(c, ERR_PROTOCOL);
}

/* The owner of the job is not hurt. */
static void test_job_of_another(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    uint64_t job = stage_ticket(&c->front, c->b.number, &STAGE_NO_NONCE);
    cast_report(&c->a, job, &STAGE_NO_NONCE);
    stage_accused(c->stage, c->a.number, 0, ERR_PROTOCOL);
    cast_report(&c->b, job, &STAGE_NO_NONCE);
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
    stage_pause(c->stage);
    cast_report(&c->a, first, &STAGE_NO_NONCE);
    cast_report(&c->a, 1, &STAGE_NO_NONCE);
    cast_report(&c->a, second, &STAGE_NO_NONCE);
    stage_resume(c->stage);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, first);
    cast_end_of_a(c, ERR_PROTOCOL);
}

/* It lay in the socket for as long as the model was loading, and so could descriptors, which nobody else could send then. */
static void test_report_before_sealed(void **state)
{
    struct cast *c = *state;
    struct stage_infer early;
    stage_infer_known(c->stage, 50, &early);
    cast_report(&early, stage_ticket(&c->front, early.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
    stage_accused(c->stage, early.number, 0, ERR_PROTOCOL);
    stage_infer_cut(&early);
    stage_round(c->stage, &c->front, &c->a);
    stage_silence(&c->front);
    stage_infer_done(&early);
}

static void test_report_with_sealed_unread(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct stage_infer early;
    stage_infer_known(c->stage, 50, &early);
    stage_pause(c->stage);
    uint64_t job = stage_ticket(&c->front, early.number, &STAGE_NO_NONCE);
    cast_report(&early, job, &STAGE_NO_NONCE);
    stage_infer_sealed(c->stage, &early, view_of("engine", 6));
    stage_resume(c->stage);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    stage_infer_done(&early);
}

/* ── a front that lies ── */

static void check_ticket(struct cast *c, uint64_t job, struct wire_nonce nonce)
{
    assert_ok(stage_ticket_raw(&c->front, c->a.number, job, &nonce));
    cast_report(&c->b, stage_ticket(&c->front, c->b.number, &STAGE_NO_NONCE), &STAGE_NO_NONCE);
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

/* Jobs of two fronts in one tree: each gets its own, in order. */
static void test_two_fronts_in_one_tree(void **state)
{
    enum { EACH = 5 };
    struct cast *c = *state;
    struct stage_front other;
    uint64_t jobs[2][EACH];
    struct stage_front *fronts[] = {&c->front, &other};
    stage_front_new(c->stage, 2, &other);
    stage_round(c->stage, &other, &c->a);
    stage_pause(c->stage);
    for (unsigned n = 0; n < EACH; n++)
        for (unsigned f = 0; f < 2; f++) {
            jobs[f][n] = stage_ticket(fronts[f], c->a.number, &STAGE_NO_NONCE);
            cast_report(&c->a, jobs[f][n], &STAGE_NO_NONCE);
        }
    stage_resume(c->stage);
    for (unsigned f = 0; f < 2; f++)
        for (unsigned n = 0; n < EACH; n++) {
            AUTO(stage_receipt_done) struct stage_receipt got = {0};
            stage_receive(c->stage, fronts[f], &got);
            assert_int_equal(got.job, jobs[f][n]);
            assert_int_equal(got.receipt.proof.tree_size, 2 * EACH);
        }
    stage_silence(&c->front);
    stage_silence(&other);
    stage_front_done(&other);
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
    cast_report(&c->a, its, &STAGE_NO_NONCE);
    stage_receive(c->stage, &other, &first);
    assert_int_equal(first.job, its);
    stage_silence(&c->front);
    cast_report(&c->a, mine, &STAGE_NO_NONCE);
    stage_receive(c->stage, &c->front, &second);
    assert_int_equal(second.job, mine);
    stage_silence(&other);
    stage_front_done(&other);
}

/* The longest path, engine id and nonce: the receipts of one tree do not fit into one message. */
static void test_more_than_one_message(void **state)
{
    enum { COUNT = 64 };
    struct cast *c = *state;
    struct stage_infer i;
    char engine[ENGINE_MAX];
    const struct wire_nonce nonce = stage_nonce(9, NONCE_MAX);
    uint64_t jobs[COUNT];
    memset(engine, 'e', sizeof(engine));
    stage_infer_known_at(c->stage, 60, MODEL_PATH_MAX, &i);
    stage_infer_sealed(c->stage, &i, view_of(engine, sizeof(engine)));
    stage_silence(&c->front);
    stage_pause(c->stage);
    for (unsigned n = 0; n < COUNT; n++) {
        jobs[n] = stage_ticket(&c->front, i.number, &nonce);
        cast_report(&i, jobs[n], &nonce);
    }
    stage_resume(c->stage);
    size_t bytes = 0;
    for (unsigned n = 0; n < COUNT; n++) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        stage_receive(c->stage, &c->front, &got);
        assert_int_equal(got.job, jobs[n]);
        assert_int_equal(got.receipt.proof.tree_size, COUNT);
        bytes += got.bytes.len;
    }
    assert_true(bytes > WIRE_TAIL_MAX);
    stage_silence(&c->front);
    stage_infer_done(&i);
}

/* ── several in one datagram ── */

static void put_ticket(struct cast *c, struct wire_pack *p, uint64_t job, struct wire_nonce nonce)
{
    const struct msg_ticket t = {.job = job, .infer = c->a.number, .nonce = nonce};
    assert_ok(wire_pack_put(p, &c->front.ticket, MSG_TICKET, &t, view_of(NULL, 0)));
}

static void put_report(struct cast *c, struct wire_pack *p, uint64_t job)
{
    const struct msg_report r = stage_report(job, 1, &STAGE_NO_NONCE);
    assert_ok(wire_pack_put(p, &c->a.report, MSG_REPORT, &r, view_of(NULL, 0)));
}

/* More of them than one tree takes; the next ones are judged as ever. */
static void test_together(void **state)
{
    enum { COUNT = 70, TREE = 64 };
    struct cast *c = *state;
    struct wire_pack tickets = WIRE_PACK_NONE, reports = WIRE_PACK_NONE;
    uint64_t first = c->front.last_job + 1;
    for (unsigned n = 0; n < COUNT; n++) {
        put_ticket(c, &tickets, first + n, STAGE_NO_NONCE);
        put_report(c, &reports, first + n);
    }
    assert_ok(wire_pack_send(&tickets, &c->front.ticket, true));
    assert_ok(wire_pack_send(&reports, &c->a.report, true));
    for (unsigned n = 0; n < COUNT; n++) {
        AUTO(stage_receipt_done) struct stage_receipt got = {0};
        stage_receive(c->stage, &c->front, &got);
        assert_int_equal(got.job, first + n);
        assert_int_equal(got.receipt.proof.tree_size, n < TREE ? TREE : COUNT - TREE);
    }
    c->front.last_job += COUNT;
    wire_pack_done(&tickets);
    wire_pack_done(&reports);
    stage_silence(&c->front);
    stage_round(c->stage, &c->front, &c->a);
}

/* What stands before the bad one counts, what stands behind it does not. */
static void check_tickets_together(struct cast *c, uint64_t bad, struct wire_nonce nonce)
{
    struct wire_pack p = WIRE_PACK_NONE;
    uint64_t good = c->front.last_job + 2;
    put_ticket(c, &p, good, STAGE_NO_NONCE);
    put_ticket(c, &p, bad, nonce);
    put_ticket(c, &p, good + 2, STAGE_NO_NONCE);
    assert_ok(wire_pack_send(&p, &c->front.ticket, true));
    wire_pack_done(&p);
    cast_report(&c->a, good, &STAGE_NO_NONCE);
    cast_report(&c->a, good + 2, &STAGE_NO_NONCE);
    stage_accused(c->stage, 0, c->front.generation, ERR_PROTOCOL);
    stage_accused(c->stage, c->a.number, 0, ERR_PROTOCOL); /* for the second report: the first had its ticket */
    stage_front_cut(&c->front);
    uint16_t next = c->front.generation + 1;
    stage_infer_gone(c->stage, &c->a);
    stage_infer_new(c->stage, MAX(c->a.number, c->b.number) + 2, &c->a);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, next, &c->front);
    stage_round(c->stage, &c->front, &c->a);
}

static void test_bad_ticket_among_good_ones(void **state)
{
    struct cast *c = *state;
    check_tickets_together(c, c->front.last_job + 2, STAGE_NO_NONCE); /* the same job twice */
    check_tickets_together(c, c->front.last_job + 1, STAGE_NO_NONCE); /* numbers that fall */
    check_tickets_together(c, c->front.last_job + 3, stage_nonce(1, NONCE_MAX + 1));
    check_tickets_together(c, (uint64_t)9 << 48 | 3, STAGE_NO_NONCE); /* of another front */
}

static void test_bad_report_among_good_ones(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct wire_pack p = WIRE_PACK_NONE;
    uint64_t first = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    uint64_t second = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    put_report(c, &p, first);
    put_report(c, &p, first);
    put_report(c, &p, second);
    assert_ok(wire_pack_send(&p, &c->a.report, true));
    wire_pack_done(&p);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, first);
    cast_end_of_a(c, ERR_PROTOCOL);
}

/* Good messages and then bytes that are none. */
static void test_report_cut_off(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct wire_pack p = WIRE_PACK_NONE;
    uint64_t job = stage_ticket(&c->front, c->a.number, &STAGE_NO_NONCE);
    put_report(c, &p, job);
    put_report(c, &p, job);
    stage_send_raw(&c->a.report, p.bytes.data, p.bytes.len - 1, 0);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
    wire_pack_done(&p);
    cast_end_of_a(c, ERR_PROTOCOL);
}

static void test_ticket_cut_off(void **state)
{
    struct cast *c = *state;
    struct wire_pack p = WIRE_PACK_NONE;
    put_ticket(c, &p, c->front.last_job + 1, STAGE_NO_NONCE);
    put_ticket(c, &p, c->front.last_job + 2, STAGE_NO_NONCE);
    stage_send_raw(&c->front.ticket, p.bytes.data, p.bytes.len - 1, 0);
    wire_pack_done(&p);
    cast_end_of_front(c, ERR_PROTOCOL);
}

/* ── tickets that are said to be alone ── */

static uint64_t lone_ticket(struct cast *c, uint16_t alone)
{
    struct msg_ticket t = {.job = ++c->front.last_job, .infer = c->a.number, .alone = alone};
    assert_ok(wire_send(&c->front.ticket, MSG_TICKET, &t, view_of(NULL, 0), NULL, 0));
    return t.job;
}

static void expect_receipt(struct cast *c, uint64_t job)
{
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, job);
}

/* Three of them, and the last is reported first: what a front says of its tickets costs nobody a receipt. */
static void test_alone_among_others(void **state)
{
    struct cast *c = *state;
    uint64_t jobs[3];
    stage_pause(c->stage);
    for (size_t n = 0; n < COUNT_OF(jobs); n++)
        jobs[n] = lone_ticket(c, 1);
    for (size_t n = COUNT_OF(jobs); n-- > 0;)
        cast_report(&c->a, jobs[n], &STAGE_NO_NONCE);
    stage_resume(c->stage);
    for (size_t n = COUNT_OF(jobs); n-- > 0;)
        expect_receipt(c, jobs[n]);
    stage_not_accused(c->stage);
}

/* It is found even if no report comes. */
static void test_bad_ticket_behind_a_lone_one(void **state)
{
    struct cast *c = *state;
    uint64_t job = lone_ticket(c, 1);
    assert_ok(stage_ticket_raw(&c->front, c->a.number, job, &STAGE_NO_NONCE));
    cast_end_of_front(c, ERR_PROTOCOL);
}

static void test_more_than_alone(void **state)
{
    struct cast *c = *state;
    (void)lone_ticket(c, 2);
    cast_end_of_front(c, ERR_PROTOCOL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cast_setup, cast_teardown)

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
        TEST(test_report_before_sealed), TEST(test_report_with_sealed_unread),
        TEST(test_ticket_nonce_length),
        TEST(test_ticket_of_another_generation),
        TEST(test_ticket_again),
        TEST(test_two_fronts),
        TEST(test_two_fronts_in_one_tree),
        TEST(test_more_than_one_message),
        TEST(test_together),
        TEST(test_bad_ticket_among_good_ones),
        TEST(test_bad_report_among_good_ones),
        TEST(test_report_cut_off),
        TEST(test_ticket_cut_off),
        TEST(test_alone_among_others),
        TEST(test_bad_ticket_behind_a_lone_one),
        TEST(test_more_than_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
