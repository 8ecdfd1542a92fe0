/* Talking to supervisor, keeper and infer. */
#include "liar.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ipld/cid.h"
#include "tensor/digest.h"
#include "wire/receipts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ── words ── */

PRINTF(2, 0) static void say(struct liar *l, const char *format, va_list args)
{
    char line[512];
    int n = vsnprintf(line, sizeof(line) - 1, format, args);
    size_t len = MIN((size_t)MAX(n, 0), sizeof(line) - 2);
    line[len++] = '\n';
    (void)!fd_write_all(l->client, line, len);
}

void liar_say(struct liar *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(l, format, args);
    va_end(args);
}

void liar_fail(struct liar *l, const char *format, ...)
{
    va_list args;
    (void)!fd_write_all(l->client, "FAIL ", 5);
    va_start(args, format);
    say(l, format, args);
    va_end(args);
    _exit(1);
}

/* ── the supervisor ── */

static void receive(struct liar *l, const struct wire_end *end, struct wire_msg *ret)
{
    EXPECT(l, wire_wait(end, LIAR_MS) == OK);
    EXPECT(l, wire_recv(end, &l->inbox, false, ret) == OK);
}

static void slots_init(struct lane *a)
{
    for (size_t i = 0; i < LIAR_SLOTS; i++)
        a->slots[i] = (struct slot){.in_fd = -1, .out_fd = -1};
}

/* The channels to a process that serves it. */
static void ask_for(struct liar *l, const struct wire_model *model, struct lane *ret)
{
    struct msg_front_load load = {.request = ++l->last_request, .model = *model};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_LOAD, &load, view_of(NULL, 0), NULL, 0) == OK);
    do {
        wire_msg_done(&m);
        receive(l, &l->control, &m);
        if (m.type == MSG_FRONT_FAILED)
            liar_fail(l, "load: %s", err_name(err_from_wire(((const struct msg_front_failed *)m.fixed)->reason)));
    } while (m.type != MSG_FRONT_MODEL);
    const struct msg_front_model *answer = m.fixed;
    *ret = (struct lane){.infer = answer->infer};
    slots_init(ret);
    memcpy(ret->sha256, answer->model_sha256, DIGEST_LEN);
    ret->job = (struct wire_end){TAKE_FD(m.fds[0]), CHAN_JOB, SIDE_A};
    ret->cancel = (struct wire_end){TAKE_FD(m.fds[1]), CHAN_CANCEL, SIDE_A};
}

static bool take_signature(struct liar *l, struct lane *a)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    EXPECT(l, wire_wait(&a->job, LIAR_MS) == OK);
    if (wire_recv(&a->job, &l->inbox, false, &m) != OK)
        return false;
    EXPECT(l, m.type == MSG_META && signature_parse(m.tail, &a->signature) == OK);
    return true;
}

void liar_load(struct liar *l, const char *cid, struct lane *ret)
{
    struct cid parsed;
    struct wire_model model = {0};
    EXPECT(l, cid_from_text(view_of(cid, strlen(cid)), &parsed, NULL) == OK);
    model.cid_len = parsed.len;
    memcpy(model.cid, parsed.bytes, parsed.len);
    for (unsigned n = 0; n < 100; n++) {
        ask_for(l, &model, ret);
        if (take_signature(l, ret))
            return;
        lane_done(ret);
        (void)usleep(20000);
    }
    liar_fail(l, "no process serves %s", cid);
}

void lane_done(struct lane *a)
{
    wire_end_close(&a->job);
    wire_end_close(&a->cancel);
    signature_done(&a->signature);
    for (size_t i = 0; i < LIAR_SLOTS; i++) {
        fd_close(&a->slots[i].in_fd);
        fd_close(&a->slots[i].out_fd);
        map_done(&a->slots[i].in);
        map_done(&a->slots[i].out);
    }
    slots_init(a);
}

/* ── tickets and jobs ── */

struct wire_nonce liar_nonce(uint8_t seed, uint8_t len)
{
    struct wire_nonce n = {.len = len};
    memset(n.bytes, seed, len);
    return n;
}

uint64_t liar_next_job(struct liar *l)
{
    return ++l->last_job;
}

void liar_ticket(struct liar *l, uint32_t infer, uint64_t job, struct wire_nonce nonce)
{
    struct msg_ticket t = {.job = job, .infer = infer, .nonce = nonce};
    EXPECT(l, wire_send_wait(&l->ticket, MSG_TICKET, &t, view_of(NULL, 0), NULL, 0) == OK);
}

float *liar_input(struct liar *l, struct lane *a, unsigned slot, size_t bytes)
{
    struct slot *s = &a->slots[slot];
    if (s->in.size < bytes) {
        fd_close(&s->in_fd);
        map_done(&s->in);
        EXPECT(l, memfd_new("liar", bytes, &s->in_fd) == OK && memfd_seal(s->in_fd, SEALS_AREA) == OK);
        EXPECT(l, map_shared(s->in_fd, bytes, PROT_READ | PROT_WRITE, &s->in) == OK);
        s->in_is_new = true;
    }
    return (float *)(void *)s->in.addr;
}

void liar_fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

/* One tensor, like the model's first input or output, with as many rows as `count` floats make. */
static err_t describe(const struct value_desc *declared, size_t count, struct value_set *ret)
{
    int64_t dims[2] = {(int64_t)count, declared->rank == 2 ? declared->dims[1] : 1};
    uint64_t len = count * sizeof(float);
    struct value_desc desc = *declared;
    dims[0] /= dims[1];
    desc.dims = dims;
    return value_set_make(&desc, 1, &len, len, ret);
}

static void send_job(struct liar *l, struct lane *a, struct msg_job *job, size_t count, int fd)
{
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf tail = {.max = WIRE_TAIL_MAX};
    EXPECT(l, describe(&a->signature.inputs[0], count, &set) == OK && value_set_encode(&set, &tail) == OK);
    job->bytes = set.total;
    job->run_ms = LIAR_MS;
    EXPECT(l, wire_send_wait(&a->job, MSG_JOB, job, buf_view(&tail), &fd, fd >= 0) == OK);
}

void liar_job(struct liar *l, struct lane *a, unsigned slot, uint64_t job, struct wire_nonce nonce, size_t count)
{
    struct slot *s = &a->slots[slot];
    struct msg_job m = {.job = job, .slot = (uint16_t)slot, .nonce = nonce};
    (void)liar_input(l, a, slot, count * sizeof(float));
    send_job(l, a, &m, count, s->in_is_new ? s->in_fd : -1);
    s->in_is_new = false;
}

void liar_job_from(struct liar *l, struct lane *a, unsigned slot, uint64_t job, int fd, size_t count)
{
    struct msg_job m = {.job = job, .slot = (uint16_t)slot};
    send_job(l, a, &m, count, fd);
    a->slots[slot].in_is_new = true; /* it has another one now */
}

/* ── answers ── */

void outcome_done(struct outcome *o)
{
    value_set_done(&o->set);
}

void got_done(struct got *g)
{
    buf_done(&g->bytes);
}

static void take_area(struct liar *l, struct slot *s, struct wire_msg *m)
{
    size_t size = 0;
    map_done(&s->out);
    fd_close(&s->out_fd);
    s->out_fd = TAKE_FD(m->fds[0]);
    EXPECT(l, memfd_check(s->out_fd, SEALS_OUTPUT, 1, GIB, &size) == OK);
    EXPECT(l, map_shared(s->out_fd, size, PROT_READ, &s->out) == OK);
}

bool liar_result(struct liar *l, struct lane *a, struct outcome *ret)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    EXPECT(l, wire_wait(&a->job, LIAR_MS) == OK);
    err_t e = wire_recv(&a->job, &l->inbox, false, &m);
    if (e == ERR_CLOSED)
        return false;
    EXPECT(l, e == OK && m.type == MSG_RESULT);
    *ret = (struct outcome){0};
    memcpy(&ret->head, m.fixed, sizeof(ret->head));
    EXPECT(l, ret->head.slot < LIAR_SLOTS);
    struct slot *s = &a->slots[ret->head.slot];
    if (m.n_fds > 0)
        take_area(l, s, &m);
    if (ret->head.result == OK)
        EXPECT(l, value_set_parse(m.tail, s->out.size, &ret->set) == OK);
    return true;
}

/* False: it is the job that has none. */
static bool receive_receipts(struct liar *l, uint64_t *ret_refused)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    receive(l, &l->ticket, &m);
    if (m.type == MSG_NO_RECEIPT) {
        *ret_refused = ((const struct msg_no_receipt *)m.fixed)->job;
        return false;
    }
    EXPECT(l, m.type == MSG_RECEIPTS);
    EXPECT(l, buf_put_view(&l->waiting, m.tail) == OK);
    return true;
}

bool liar_receipt(struct liar *l, struct got *ret)
{
    const struct receipt_expect expect = {.allow_simulated = true};
    *ret = (struct got){0};
    if (l->waiting.len == 0 && !receive_receipts(l, &ret->job))
        return false;
    struct view rest = buf_view(&l->waiting);
    struct wire_receipt r;
    EXPECT(l, wire_receipts_next(&rest, &r) == OK);
    const struct receipt_parts parts = {.statement = r.statement, .cose = r.cose};
    ret->job = r.job;
    EXPECT(l, receipt_pack(&parts, ret->text) == OK);
    buf_consume(&l->waiting, l->waiting.len - rest.len);
    EXPECT(l, receipt_unpack(view_of(ret->text, strlen(ret->text)), &ret->bytes, &ret->receipt, NULL) == OK);
    EXPECT(l, receipt_verify(&ret->receipt, &l->key, &expect, NULL) == OK);
    EXPECT(l, ret->receipt.statement.job == ret->job);
    l->receipts++;
    return true;
}

void liar_no_receipt(struct liar *l)
{
    EXPECT(l, l->waiting.len == 0);
    EXPECT(l, wire_wait(&l->ticket, 0) == ERR_TIMEOUT);
}

void liar_infer_ends(struct liar *l, struct lane *a)
{
    for (;;) {
        AUTO(outcome_done) struct outcome o = {0};
        if (!liar_result(l, a, &o))
            return;
    }
}

void liar_killed(struct liar *l)
{
    struct pollfd p = {.fd = l->ticket.fd, .events = POLLIN};
    liar_say(l, "waiting to be killed");
    (void)poll(&p, 1, LIAR_MS);
    struct wire_msg m = WIRE_MSG_NONE;
    if (wire_recv(&l->ticket, &l->inbox, false, &m) == OK)
        liar_fail(l, "got message %u", m.type);
    (void)usleep(LIAR_MS * 1000); /* the keeper has closed the channel: the supervisor does the rest */
    liar_fail(l, "not killed");
}

/* ── the check ── */

static void digests(struct liar *l, const struct value_desc *declared, const float *values, size_t count,
                    struct statement_side *ret)
{
    AUTO(value_set_done) struct value_set set = {0};
    EXPECT(l, describe(declared, count, &set) == OK);
    EXPECT(l, tensor_digest_of(&set, (const uint8_t *)values, ret->descriptors, ret->tensors) == OK);
}

/* The input is half of the output: dividing by two is exact. */
bool liar_matches(struct liar *l, const struct lane *a, const float *y, size_t count, const struct got *g,
                  struct wire_nonce nonce)
{
    struct statement_side in, out;
    AUTO_MEM float *x = mem_alloc(count, sizeof(float));
    EXPECT(l, x != NULL);
    for (size_t i = 0; i < count; i++)
        x[i] = y[i] / 2;
    digests(l, &a->signature.inputs[0], x, count, &in);
    digests(l, &a->signature.outputs[0], y, count, &out);
    const struct receipt_expect expect = {
        .allow_simulated = true,
        .nonce = view_of(nonce.bytes, nonce.len),
        .model = view_of(a->sha256, DIGEST_LEN),
        .in_descriptors = view_of(in.descriptors, DIGEST_LEN),
        .in_tensors = view_of(in.tensors, DIGEST_LEN),
        .out_descriptors = view_of(out.descriptors, DIGEST_LEN),
        .out_tensors = view_of(out.tensors, DIGEST_LEN),
    };
    return receipt_verify(&g->receipt, &l->key, &expect, NULL) == OK;
}

void liar_check(struct liar *l, const struct lane *a, const struct outcome *o, const struct got *g, struct wire_nonce nonce)
{
    const uint8_t *area = a->slots[o->head.slot].out.addr;
    EXPECT(l, g->job == o->head.job && o->set.descs.count == 1);
    const float *y = (const float *)(const void *)(area + o->set.places[0].offset);
    if (!liar_matches(l, a, y, o->set.places[0].len / sizeof(float), g, nonce))
        liar_fail(l, "a receipt that does not match what ran");
}

/* That the check can fail: the receipt is of no other numbers and of no other nonce. */
static void expect_nothing_else(struct liar *l, const struct lane *a, size_t count, float x, const struct got *g)
{
    AUTO_MEM float *y = mem_alloc(count, sizeof(float));
    struct wire_nonce nonce = liar_nonce((uint8_t)count, 32);
    EXPECT(l, y != NULL);
    liar_fill(y, count, 2 * x);
    EXPECT(l, liar_matches(l, a, y, count, g, nonce));
    EXPECT(l, !liar_matches(l, a, y, count, g, NO_NONCE));
    y[count - 1] += 2;
    EXPECT(l, !liar_matches(l, a, y, count, g, nonce));
}

void liar_honest_job(struct liar *l, struct lane *a, size_t count, float x)
{
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    struct wire_nonce nonce = liar_nonce((uint8_t)count, 32);
    uint64_t job = liar_next_job(l);
    liar_fill(liar_input(l, a, 0, count * sizeof(float)), count, x);
    liar_ticket(l, a->infer, job, nonce);
    liar_job(l, a, 0, job, nonce, count);
    EXPECT(l, liar_result(l, a, &o) && o.head.job == job && o.head.result == OK);
    const float *y = (const float *)(const void *)a->slots[0].out.addr;
    for (size_t i = 0; i < count; i++)
        EXPECT(l, y[i] == 2 * x); /* an honest job: the numbers are known */
    EXPECT(l, liar_receipt(l, &g));
    liar_check(l, a, &o, &g, nonce);
    expect_nothing_else(l, a, count, x, &g);
}
