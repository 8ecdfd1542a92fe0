/* The world around front: what each peer says and hears. */
#include "world.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "ipld/cid.h"
#include "wire/receipts.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct world w;
static size_t fds_before;

#define assert_ok(call) assert_string_equal(err_name(call), "OK")

/* ── beginning and end ── */

static size_t count_fds(void)
{
    static int list[4096];
    return fd_list(list, COUNT_OF(list));
}

/* What a process has once: libuv opens a pipe for signals with its first loop. */
static void set_up(void)
{
    static bool done;
    uv_loop_t loop;
    if (done)
        return;
    done = true;
    assert_ok(http_setup());
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

void world_prepare(void)
{
    struct wire_end front = {.fd = -1};
    set_up();
    fds_before = count_fds();
    memset(&w, 0, sizeof(w));
    w.last = WIRE_MSG_NONE;
    w.conf = (struct conf){.body_max = 64 * MIB,
                           .header_max = 32 * KIB,
                           .output_max = 256 * MIB,
                           .transfer_memory = 1 * GIB,
                           .json_depth = 64,
                           .queue_model = 64,
                           .queue_all = 256,
                           .connections = 10000,
                           .idle_ms = 60000,
                           .header_ms = 60000,
                           .body_rate = 1,
                           .run_ms = 30000,
                           .receipts = 1};
    w.app = calloc(1, sizeof(*w.app));
    assert_non_null(w.app);
    assert_ok(wire_pair(CHAN_FRONT, &w.super, &front));
    assert_ok(app_init(w.app, front.fd));
    assert_ok(wire_inbox_init(&w.inbox, CHAN_JOB));
    assert_ok(wire_pair(CHAN_TICKET, &w.app->ticket, &w.keeper));
    assert_ok(wire_pair(CHAN_PROOF, &w.app->proof, &w.prover));
    w.identity = (struct identity){.kind = 2, .module_id = "sim-test"};
    w.app->workers = 2;
    w.app->generation = 3;
    w.app->phase = APP_SERVING;
}

void world_serve(void)
{
    w.app->conf = &w.conf;
    assert_ok(app_introduce(w.app, &w.identity));
    w.app->transfer.limit = w.conf.transfer_memory;
    assert_ok(app_serve(w.app));
    turn();
    (void)super_hears(MSG_FRONT_READY);
}

int world_begin(void **state)
{
    (void)state;
    world_prepare();
    world_serve();
    return 0;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_infer(struct infer *i)
{
    wire_end_close(&i->job);
    wire_end_close(&i->cancel);
    for (unsigned n = 0; n < SLOTS_MAX; n++) {
        map_done(&i->inputs[n]);
        map_done(&i->outputs[n]);
    }
}

int world_end(void **state)
{
    struct app *app = w.app;
    (void)state;
    http_server_free(&app->server);
    for (unsigned n = 0; n < w.n_clients; n++)
        leave(&w.clients[n]);
    for (unsigned n = 0; n < w.n_infers; n++)
        close_infer(&w.infers[n]);
    turn();
    assert_null(app->lanes);
    assert_int_equal(app->seated, 0);
    assert_int_equal(app->waiting, 0);
    assert_int_equal(app->kept, 0);
    assert_int_equal(app->transfer.used, 0);
    uv_walk(&app->loop, close_handle, NULL);
    (void)uv_run(&app->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&app->loop), 0);
    wire_end_close(&app->control);
    wire_end_close(&app->ticket);
    wire_end_close(&app->proof);
    wire_end_close(&w.super);
    wire_end_close(&w.keeper);
    wire_end_close(&w.prover);
    wire_inbox_done(&app->inbox);
    buf_done(&app->tail);
    wire_pack_done(&app->tickets);
    pool_done(&app->free_calls);
    about_done(&app->about);
    wire_inbox_done(&w.inbox);
    wire_msg_done(&w.last);
    free(app);
    assert_int_equal(count_fds(), fds_before);
    return 0;
}

/* With what the timer does about results, without waiting for it. */
void turn(void)
{
    for (int n = 0; n < 6; n++) {
        (void)uv_run(&w.app->loop, UV_RUN_NOWAIT);
        lanes_hear(w.app);
    }
}

void turn_for(unsigned ms)
{
    for (uint64_t end = clock_mono_ms() + ms; clock_mono_ms() < end; (void)usleep(1000))
        turn();
}

void time_passes(void)
{
    for (unsigned n = 0; n < CALLS_MAX; n++)
        if (w.app->calls[n] != NULL)
            w.app->calls[n]->deadline_ms = 0;
    for (unsigned n = 0; n < PROOFS_MAX; n++)
        w.app->proofs[n].deadline_ms = 0;
    for (struct lane *l = w.app->lanes; l != NULL; l = l->next)
        l->meta_ms = 0;
    (void)lanes_tick(w.app, clock_mono_ms());
    (void)proofs_tick(w.app, clock_mono_ms());
    calls_tick(w.app, clock_mono_ms());
    turn();
}

/* ── requests ── */

static struct cid cid_of(unsigned n)
{
    uint8_t digest[SHA256_LEN] = {(uint8_t)n, (uint8_t)(n >> 8)};
    return cid_make(1, CID_RAW, digest);
}

const char *request_of(unsigned n, const char *value)
{
    static char text[512];
    char cid_text[CID_TEXT_SIZE];
    struct cid cid = cid_of(n);
    cid_to_text(&cid, cid_text);
    (void)snprintf(
        text, sizeof(text),
        "{\"ipfs_hash\":\"%s\",\"model_inputs\":{\"numbers\":[{\"name\":\"x\",\"values\":[%s,2],\"shape\":[2]}]}}",
        cid_text, value);
    return text;
}

char *large_request(unsigned n, size_t count)
{
    static const char entry[] = "{\"value\":\"1500000000\",\"decimals\":\"9\"}";
    char cid_text[CID_TEXT_SIZE];
    struct cid cid = cid_of(n);
    cid_to_text(&cid, cid_text);
    char *text = malloc(count * sizeof(entry) + 512);
    assert_non_null(text);
    char *at = text + sprintf(text, "{\"ipfs_hash\":\"%s\",\"model_inputs\":{\"numbers\":[{\"name\":\"x\",\"values\":[",
                              cid_text);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, entry, sizeof(entry) - 1);
        at += sizeof(entry) - 1;
        *at++ = i + 1 < count ? ',' : ']';
    }
    (void)sprintf(at, ",\"shape\":[%zu]}]}}", count);
    return text;
}

/* ── the supervisor and the keeper ── */

static bool hear(const struct wire_end *end)
{
    turn();
    wire_msg_done(&w.last);
    w.last = WIRE_MSG_NONE;
    err_t e = wire_recv(end, &w.inbox, false, &w.last);
    assert_true(e == OK || e == ERR_WOULD_BLOCK);
    return e == OK;
}

static bool super_has(enum wire_type type)
{
    while (hear(&w.super))
        if (w.last.type == type || w.last.type != MSG_FRONT_ACTIVE)
            return true;
    return false;
}

const void *super_hears(enum wire_type type)
{
    if (!super_has(type))
        fail_msg("the supervisor hears nothing instead of %s", wire_row((uint16_t)type)->name);
    assert_string_equal(wire_row(w.last.type)->name, wire_row((uint16_t)type)->name);
    return w.last.fixed;
}

void super_hears_nothing(void)
{
    if (super_has(MSG_NONE_))
        fail_msg("the supervisor hears %s", wire_row(w.last.type)->name);
}

uint32_t super_asked(unsigned n)
{
    struct cid cid = cid_of(n);
    const struct msg_front_load *load = super_hears(MSG_FRONT_LOAD);
    assert_true(view_equal(view_of(load->model.cid, load->model.cid_len), cid_view(&cid)));
    assert_int_equal(load->model.path_len, 0);
    return load->request;
}

void super_says(enum wire_type type, const void *fixed, const char *tail)
{
    assert_ok(wire_send(&w.super, type, fixed, view_of(tail, strlen(tail)), NULL, 0));
    turn();
}

void super_evicts(const struct infer *i)
{
    struct msg_front_infer evict = {.infer = i->number};
    super_says(MSG_FRONT_EVICT, &evict, "");
}

void super_fails(uint32_t request, err_t reason, uint32_t retry_ms, const char *why)
{
    struct msg_front_failed failed = {.request = request, .reason = reason, .retry_ms = retry_ms};
    super_says(MSG_FRONT_FAILED, &failed, why);
}

struct infer *super_loads(uint32_t request)
{
    struct wire_end job = {.fd = -1}, cancel = {.fd = -1};
    assert_true(w.n_infers < WORLD_INFERS);
    struct infer *i = &w.infers[w.n_infers++];
    i->number = 1000 + w.n_infers;
    struct msg_front_model loaded = {.request = request, .infer = i->number, .model_sha256 = {0xab}};
    assert_ok(wire_pair(CHAN_JOB, &job, &i->job));
    assert_ok(wire_pair(CHAN_CANCEL, &cancel, &i->cancel));
    assert_ok(wire_send(&w.super, MSG_FRONT_MODEL, &loaded, view_of(NULL, 0), (const int[]){job.fd, cancel.fd}, 2));
    wire_end_close(&job);
    wire_end_close(&cancel);
    turn();
    return i;
}

struct infer *super_loads_ready(uint32_t request)
{
    struct infer *i = super_loads(request);
    infer_introduces(i);
    return i;
}

unsigned tickets(void)
{
    while (hear(&w.keeper)) {
        assert_int_equal(w.last.type, MSG_TICKET);
        assert_true(w.n_tickets < TICKETS_MAX);
        memcpy(&w.tickets[w.n_tickets++], w.last.fixed, sizeof(w.tickets[0]));
    }
    return w.n_tickets;
}

const struct msg_document_ask *keeper_asked(void)
{
    if (!hear(&w.prover))
        fail_msg("nobody asks for a document");
    return w.last.fixed;
}

void keeper_asked_nothing(void)
{
    assert_false(hear(&w.prover));
}

void keeper_proves(uint32_t id, err_t result, struct view document)
{
    const struct msg_document d = {.id = id, .result = result};
    assert_ok(wire_send(&w.prover, MSG_DOCUMENT, &d, document, NULL, 0));
    turn();
}

void keeper_signs(uint64_t job)
{
    keeper_signs_all(&job, 1);
}

void keeper_signs_all(const uint64_t *jobs, size_t count)
{
    static uint8_t room[4 * KIB]; /* tests call this while allocations fail */
    struct buf tail = {.data = room, .cap = sizeof(room), .max = sizeof(room)};
    const struct msg_empty none = {0};
    for (size_t n = 0; n < count; n++) {
        const struct wire_receipt r = {jobs[n], view_of("statement", 9), view_of("\x42zz", 3)}; /* a CBOR byte string */
        assert_ok(wire_receipts_put(&tail, &r));
    }
    assert_ok(wire_send(&w.keeper, MSG_RECEIPTS, &none, buf_view(&tail), NULL, 0));
    turn();
}

void keeper_refuses(uint64_t job, err_t reason)
{
    struct msg_no_receipt no = {.job = job, .reason = reason};
    assert_ok(wire_send(&w.keeper, MSG_NO_RECEIPT, &no, view_of(NULL, 0), NULL, 0));
    turn();
}

/* ── infer processes ── */

static const int64_t any_dim[] = {DIM_ANY};

static struct value_desc tensor(const char *name, const int64_t *dims)
{
    return (struct value_desc){
        .name = view_of(name, strlen(name)), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = dims};
}

void infer_introduces(struct infer *i)
{
    AUTO(signature_done) struct signature s = {0};
    const struct msg_empty none = {0};
    const struct value_desc input = tensor("x", any_dim);
    const struct value_desc output = tensor("y", any_dim);
    assert_ok(signature_make(&input, 1, &output, 1, &s));
    assert_ok(wire_send(&i->job, MSG_META, &none, s.encoded, NULL, 0));
    turn();
}

bool infer_has_job(struct infer *i)
{
    struct pollfd p = {.fd = i->job.fd, .events = POLLIN};
    turn();
    return poll(&p, 1, 0) == 1;
}

static void check_ticket(const struct infer *i, const struct msg_job *job)
{
    for (unsigned n = tickets(); n > 0; n--) {
        const struct msg_ticket *t = &w.tickets[n - 1];
        if (t->job == job->job && t->infer == i->number && memcmp(&t->nonce, &job->nonce, sizeof(t->nonce)) == 0)
            return;
    }
    fail_msg("a job without its ticket");
}

struct job infer_takes(struct infer *i)
{
    AUTO(value_set_done) struct value_set set = {0};
    struct job j = {0};
    size_t size = 0;
    if (!hear(&i->job))
        fail_msg("no job is there");
    assert_int_equal(w.last.type, MSG_JOB);
    memcpy(&j.head, w.last.fixed, sizeof(j.head));
    assert_true(j.head.slot < SLOTS_MAX);
    struct map *area = &i->inputs[j.head.slot];
    j.new_area = w.last.n_fds > 0;
    if (j.new_area) {
        map_done(area);
        assert_ok(memfd_check(w.last.fds[0], SEALS_AREA, 1, w.conf.transfer_memory + MIB, &size));
        assert_ok(map_shared(w.last.fds[0], size, PROT_READ, area));
    }
    assert_true(j.head.bytes <= area->size);
    assert_ok(value_set_parse(w.last.tail, j.head.bytes, &set));
    assert_int_equal(set.descs.count, 1);
    j.count = set.places[0].len / sizeof(float);
    if (j.count > 0)
        memcpy(&j.first, area->addr + set.places[0].offset, sizeof(float));
    check_ticket(i, &j.head);
    return j;
}

int output_area(size_t size, int seals, struct map *ret)
{
    int fd = -1;
    map_done(ret);
    assert_ok(memfd_new("output", size, &fd));
    assert_ok(map_shared(fd, size, PROT_READ | PROT_WRITE, ret));
    assert_ok(memfd_seal(fd, seals));
    return fd;
}

struct buf encoded_output(size_t count)
{
    AUTO(value_set_done) struct value_set set = {0};
    const int64_t dims[] = {(int64_t)count};
    const struct value_desc y = tensor("y", dims);
    const uint64_t len = count * sizeof(float);
    struct buf tail = BUF_WITH(WIRE_TAIL_MAX);
    assert_ok(value_set_make(&y, 1, &len, GIB, &set));
    assert_ok(value_set_encode(&set, &tail));
    return tail;
}

void infer_says(struct infer *i, const struct msg_result *r, struct view tail, int fd)
{
    assert_ok(wire_send(&i->job, MSG_RESULT, r, tail, &fd, fd >= 0));
    turn();
}

void infer_answers(struct infer *i, const struct job *j)
{
    AUTO_BUF struct buf tail = encoded_output(j->count);
    AUTO_FD int fd = -1;
    struct msg_result r = {.job = j->head.job, .bytes = j->head.bytes, .slot = j->head.slot};
    struct map *in = &i->inputs[j->head.slot];
    struct map *out = &i->outputs[j->head.slot];
    if (j->head.bytes > out->size)
        fd = output_area(MAX(j->head.bytes, 64 * KIB), SEALS_OUTPUT, out);
    for (size_t n = 0; n < j->count; n++) {
        float x = 0;
        memcpy(&x, in->addr + n * sizeof(x), sizeof(x));
        x *= 2;
        memcpy(out->addr + n * sizeof(x), &x, sizeof(x));
    }
    if (out->size > 4 * MIB)
        map_done(out); /* as the real one does */
    infer_says(i, &r, buf_view(&tail), fd);
}

void infer_fails(struct infer *i, const struct job *j, err_t e, const char *why)
{
    struct msg_result r = {.job = j->head.job, .result = e, .slot = j->head.slot};
    infer_says(i, &r, view_of(why, strlen(why)), -1);
}

void infer_dies(struct infer *i)
{
    close_infer(i);
    turn();
}

void expect_ended(struct infer *i)
{
    struct wire_msg m = WIRE_MSG_NONE;
    err_t e = OK;
    turn();
    while ((e = wire_recv(&i->job, &w.inbox, false, &m)) == OK)
        wire_msg_done(&m);
    assert_string_equal(err_name(e), "CLOSED");
}

struct infer *load(unsigned n)
{
    struct client *c = post(request_of(n, "1"));
    struct infer *i = super_loads_ready(super_asked(n));
    struct job j = infer_takes(i);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    return i;
}

void run_one(struct infer *i, unsigned n)
{
    struct client *c = post(request_of(n, "1"));
    struct job j = infer_takes(i);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
}
