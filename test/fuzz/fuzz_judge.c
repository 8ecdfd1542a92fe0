/* A hostile front and hostile infers at the keeper: each four bytes are a ticket or many, a report, a turn of the
   keeper, an end, or bytes that are none of these. A receipt goes to the front whose ticket it answers, says what the
   infer of that ticket reported about that job with that nonce, and there is one for each job at most; what they do is
   never the keeper's own error. */
#include "keeper/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <openssl/crypto.h>

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#define OPS_MAX  128
#define SAID_MAX (4 * TICKETS_MAX)
#define FLOOD    200 /* tickets at once; the table of the keeper has room for 1,024 */
#define FRONTS   2   /* their generations are 1 and 2 */
#define INFERS   3   /* 1 to 3; the next one is not known yet */
#define ENGINE   "engine;random=0"

struct said {
    uint32_t by; /* generation or infer */
    union {
        struct msg_ticket ticket;
        struct msg_report report;
    };
};

static struct {
    struct keeper *keeper;
    struct wire_end super, fronts[FRONTS], infers[INFERS];
    struct wire_inbox inbox;
    size_t n_tickets, n_reports, n_receipts;
    struct said tickets[SAID_MAX], reports[OPS_MAX];
    uint64_t receipts[OPS_MAX];
} w;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        err_t must_ = (call);                                                                                          \
        assert(must_ == OK);                                                                                           \
    } while (0)

/* ── the stage ── */

/* Once: keys take their time. */
static void begin(void)
{
    static const uint8_t image[DIGEST_LEN];
    static const char names[] = "localhost";
    struct keeper *k = mem_alloc(1, sizeof(*k));
    assert(k != NULL);
    MUST(sha256_setup());
    MUST(keys_init(&k->keys, view_of(names, sizeof(names)), 4000000000U));
    MUST(batch_init(&k->batch, &k->keys, &k->node, image));
    MUST(wire_inbox_init(&k->inbox, CHAN_KEEPER));
    MUST(wire_inbox_init(&w.inbox, CHAN_TICKET));
    k->phase = KEEPER_SERVING;
    k->epoll = -1;
    w.keeper = k;
}

static void add_infer(struct keeper *k, uint32_t number)
{
    struct wire_end *end = &w.infers[number - 1];
    struct keeper_infer *i = peers_add_infer(&k->peers, number);
    assert(i != NULL);
    MUST(wire_pair(CHAN_REPORT, &i->report, end));
    i->sealed = true;
    i->asked.cid_len = 34;
    memset(i->epoch, (int)number, sizeof(i->epoch));
    const struct msg_keeper_sealed sealed = {.infer = number, .file_cid_len = 34};
    MUST(batch_base(&k->batch, &sealed, view_of(ENGINE, strlen(ENGINE)), i));
}

static void open_stage(void)
{
    struct keeper *k = w.keeper;
    peers_init(&k->peers);
    tickets_init(&k->tickets);
    buf_init(&k->receipts, WIRE_TAIL_MAX);
    k->documents.clock_good = true;
    k->documents.told_ms = clock_mono_ms();
    MUST(wire_pair(CHAN_KEEPER, &w.super, &k->control));
    for (uint16_t n = 0; n < FRONTS; n++) {
        struct keeper_front *f = peers_add_front(&k->peers, n + 1);
        assert(f != NULL);
        MUST(wire_pair(CHAN_TICKET, &w.fronts[n], &f->ticket));
    }
    for (uint32_t n = 1; n <= INFERS; n++)
        add_infer(k, n);
    w.n_tickets = w.n_reports = w.n_receipts = 0;
}

static void close_stage(void)
{
    struct keeper *k = w.keeper;
    peers_done(&k->peers);
    buf_done(&k->receipts);
    wire_end_close(&k->control);
    wire_end_close(&w.super);
    for (size_t n = 0; n < FRONTS; n++)
        wire_end_close(&w.fronts[n]);
    for (size_t n = 0; n < INFERS; n++)
        wire_end_close(&w.infers[n]);
}

/* ── what they say ── */

static struct wire_nonce nonce_of(uint8_t byte)
{
    struct wire_nonce n = {.len = byte == 0 ? 0 : byte == 0xff ? NONCE_MAX + 1 : NONCE_MIN + byte % 3};
    memset(n.bytes, byte, sizeof(n.bytes));
    return n;
}

static uint64_t job_of(unsigned generation, uint32_t low)
{
    return (uint64_t)generation << 48 | low;
}

static void say_ticket(uint8_t who, uint32_t low, uint8_t nonce)
{
    unsigned front = who % FRONTS, other = (who >> 5) % 2;
    struct said *s = &w.tickets[w.n_tickets];
    s->by = front + 1;
    s->ticket = (struct msg_ticket){.job = job_of((front + other) % FRONTS + 1, low),
                                    .infer = (who >> 1) % (INFERS + 2),
                                    .settle = who >= 0xf0 ? 2 : 0,
                                    .alone = who % 2,
                                    .nonce = nonce_of(nonce)};
    if (w.fronts[front].fd >= 0 && w.n_tickets + 1 < SAID_MAX)
        w.n_tickets += wire_send(&w.fronts[front], MSG_TICKET, &s->ticket, view_of(NULL, 0), NULL, 0) == OK;
}

static void say_report(uint8_t who, uint8_t low, uint8_t nonce)
{
    unsigned infer = who % INFERS;
    struct said *s = &w.reports[w.n_reports];
    s->by = infer + 1;
    s->report = (struct msg_report){
        .job = job_of(1 + (who >> 5) % 2, low), .result = who >= 0xc0 ? who % 4 : OK, .nonce = nonce_of(nonce)};
    memset(s->report.in_descriptors, who, DIGEST_LEN);
    memset(s->report.in_tensors, low, DIGEST_LEN);
    memset(s->report.out_descriptors, nonce, DIGEST_LEN);
    memset(s->report.out_tensors, (int)w.n_reports, DIGEST_LEN);
    if (w.infers[infer].fd >= 0)
        w.n_reports += wire_send(&w.infers[infer], MSG_REPORT, &s->report, view_of(NULL, 0), NULL, 0) == OK;
}

/* Behind all jobs that one byte can name. */
static void flood(uint8_t who, uint8_t at)
{
    for (uint32_t n = 0; n < FLOOD; n++)
        say_ticket(who, (1U + at) * 256 + n, 0);
    keeper_tickets(w.keeper, true);
}

static void say_bytes(const struct wire_end *end, const uint8_t *bytes, size_t len)
{
    if (end->fd >= 0)
        (void)send(end->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The supervisor tells of an end once. */
static void end_of(struct wire_end *end, enum wire_type type, const void *fixed)
{
    if (end->fd < 0)
        return;
    wire_end_close(end);
    MUST(wire_send(&w.super, type, fixed, view_of(NULL, 0), NULL, 0));
    MUST(keeper_control(w.keeper));
}

/* ── what the keeper says ── */

static bool same_nonce(const struct wire_nonce *a, struct view b)
{
    return view_equal(view_of(a->bytes, a->len), b);
}

static const struct said *ticket_for(uint32_t front, uint64_t job, uint32_t infer, struct view nonce)
{
    for (size_t n = 0; n < w.n_tickets; n++) {
        const struct said *s = &w.tickets[n];
        if (s->by == front && s->ticket.job == job && s->ticket.infer == infer && same_nonce(&s->ticket.nonce, nonce))
            return s;
    }
    return NULL;
}

static bool reports(const struct said *s, const struct statement *t)
{
    const struct msg_report *r = &s->report;
    return s->by == t->epoch[0] && r->job == t->job && r->result == OK && same_nonce(&r->nonce, t->nonce) &&
           memcmp(r->in_descriptors, t->input.descriptors, DIGEST_LEN) == 0 &&
           memcmp(r->in_tensors, t->input.tensors, DIGEST_LEN) == 0 &&
           memcmp(r->out_descriptors, t->output.descriptors, DIGEST_LEN) == 0 &&
           memcmp(r->out_tensors, t->output.tensors, DIGEST_LEN) == 0;
}

static void check_receipt(uint32_t front, const struct wire_receipt *r)
{
    struct statement t;
    bool reported = false;
    MUST(statement_decode(r->statement, &t, NULL));
    for (size_t n = 0; n < w.n_receipts; n++)
        assert(w.receipts[n] != r->job);
    for (size_t n = 0; n < w.n_reports; n++)
        reported |= reports(&w.reports[n], &t);
    assert(t.job == r->job && reported && ticket_for(front, t.job, t.epoch[0], t.nonce) != NULL);
    assert(w.n_receipts < OPS_MAX);
    w.receipts[w.n_receipts++] = r->job;
}

static void hear_front(uint32_t front)
{
    struct wire_msg m = WIRE_MSG_NONE;
    while (w.fronts[front - 1].fd >= 0 && wire_recv(&w.fronts[front - 1], &w.inbox, false, &m) == OK) {
        struct wire_receipt r;
        assert(m.type == MSG_RECEIPTS || m.type == MSG_NO_RECEIPT);
        while (m.type == MSG_RECEIPTS && m.tail.len > 0) {
            MUST(wire_receipts_next(&m.tail, &r));
            check_receipt(front, &r);
        }
        wire_msg_done(&m);
    }
}

static void flush(void)
{
    MUST(keeper_flush(w.keeper));
    for (uint32_t front = 1; front <= FRONTS; front++)
        hear_front(front);
}

static void turn(uint32_t infer)
{
    MUST(keeper_reports(w.keeper, infer));
}

/* ── one after the other ── */

static void end_or_bytes(const uint8_t *op)
{
    uint32_t infer = 1 + op[2] % INFERS;
    uint16_t front = (uint16_t)(1 + op[2] % FRONTS);
    switch (op[1] % 8) {
    case 0:
        end_of(&w.infers[infer - 1], MSG_KEEPER_INFER_GONE, &(struct msg_keeper_infer_gone){.infer = infer});
        break;
    case 1:
        end_of(&w.fronts[front - 1], MSG_KEEPER_FRONT_GONE, &(struct msg_keeper_front){.generation = front});
        break;
    case 2:
        say_bytes(&w.fronts[front - 1], op, 4);
        break;
    case 3:
        say_bytes(&w.infers[infer - 1], op, 4);
        break;
    case 4:
        flood(op[2], op[3]);
        break;
    default:
        w.keeper->company = op[2] % 2 != 0;
        break;
    }
}

static void take(const uint8_t *op)
{
    switch (op[0] % 8) {
    case 0:
    case 1:
        say_ticket(op[1], op[2], op[3]);
        break;
    case 2:
    case 3:
        say_report(op[1], op[2], op[3]);
        break;
    case 4:
        keeper_tickets(w.keeper, true);
        break;
    case 5:
        turn(1 + op[1] % INFERS);
        break;
    case 6:
        flush();
        break;
    default:
        end_or_bytes(op);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (w.keeper == NULL)
        begin();
    open_stage();
    w.keeper->company = true;
    for (size_t n = 0; n < OPS_MAX && (n + 1) * 4 <= size; n++)
        take(data + n * 4);
    for (uint32_t infer = 1; infer <= INFERS; infer++)
        turn(infer);
    flush();
    close_stage();
    return 0;
}
