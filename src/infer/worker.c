/* One job: copy and digest the inputs, run, digest the outputs, publish them, answer, report. Results and reports of
   short runs that follow each other go together. */
#include "infer/worker.h"

#include "base/clock.h"
#include "base/mem.h"
#include "infer/end.h"
#include "infer/job.h"
#include "infer/warm.h"
#include "tensor/digest.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>

#define COPY_CHUNK   (16 * KIB) /* hashed while it is still in the nearest cache */
#define PRIVATE_KEEP (4 * MIB)  /* what a worker keeps between jobs for copies of inputs */
#define HOLD_MAX     16U        /* results that wait for another */
#define HOLD_RUN_US  100U       /* and how long the last run may have taken */
#define KNOWN_MAX    256        /* what is said of inputs; if it is longer it is read each time */

struct worker {
    struct crew *crew;
    struct worker *next;
    pthread_mutex_t lock; /* of the next six: the watcher has them during a run that takes long */
    const struct front *front;
    struct wire_inbox inbox; /* the jobs that came together with the one that runs */
    struct wire_pack results;
    struct wire_pack reports;
    bool running;
    bool seen;  /* by the watcher, in this run */
    bool alone; /* the last job was the only one under way */
    struct run run;
    struct tensor_digest in_digest;
    struct tensor_digest out_digest;
    uint8_t *memory; /* private: holds the copies, from the first address that is a multiple of VALUE_ALIGN */
    size_t memory_size;
    struct buf tail; /* of the RESULT */
    size_t known_len; /* 0: none */
    uint8_t known[KNOWN_MAX]; /* what the last job said of its inputs, if none is text: the next three are of them */
    struct value_set in_set;
    const char **names; /* of the inputs that are given */
    OrtValue **inputs;
    struct value_set out_set; /* what `tail` says */
    OrtValue **made;
    struct output *outputs;
    struct value_desc *descs;
    uint64_t *lens;
};

/* A job and what becomes of it. */
struct job {
    struct front *front;
    struct slot *slot;
    const struct wire_msg *message;
    const struct msg_job *head;
    const uint8_t *area; /* of the inputs; front may write to it at any time */
    int area_fd; /* of a new output area, or -1 */
    struct msg_report report;
    struct msg_result result;
    struct why why;
};

static void job_done(struct job *j)
{
    fd_close(&j->area_fd);
}

/* ── inputs ── */

static void drop_inputs(struct worker *w)
{
    for (size_t i = 0; i < w->crew->session.signature.input_count; i++)
        value_release(&w->inputs[i]);
}

/* Where the copies go. ONNX Runtime's own tensors are aligned like this, and the order of some sums depends on it. */
static err_t private_room(struct worker *w, size_t size, uint8_t **ret)
{
    size_t need = size + VALUE_ALIGN;
    if (need > w->memory_size) {
        drop_inputs(w); /* they lie in it */
        mem_free(w->memory);
        w->memory = mem_alloc(1, need);
        w->memory_size = w->memory != NULL ? need : 0;
    }
    if (w->memory == NULL)
        return ERR_NOMEM;
    *ret = w->memory + -(uintptr_t)w->memory % VALUE_ALIGN;
    return OK;
}

/* What is hashed is the copy: front may write to `from` at any time. */
static err_t copy_and_hash(struct tensor_digest *digest, uint8_t *to, const uint8_t *from, size_t len)
{
    TRY(tensor_digest_value(digest, len));
    for (size_t at = 0; at < len; at += COPY_CHUNK) {
        size_t n = MIN(COPY_CHUNK, len - at);
        area_copy(to + at, from + at, n);
        TRY(tensor_digest_bytes(digest, to + at, n));
    }
    return OK;
}

static void name_inputs(struct worker *w)
{
    const struct session *s = &w->crew->session;
    const struct desc_list *descs = &w->in_set.descs;
    for (size_t i = 0, declared = 0; i < descs->count; i++, declared++) {
        while (!view_equal(s->signature.inputs[declared].name, descs->items[i].name))
            declared++;
        w->names[i] = s->input_names[declared];
    }
}

static bool has_text(const struct desc_list *descs)
{
    bool text = false;
    for (size_t i = 0; i < descs->count; i++)
        text |= descs->items[i].type.dtype == DTYPE_STRING;
    return text;
}

/* Most jobs have inputs like those of the one before: then they are read, compared with what the model takes and made
   values already, and only their bytes are new. */
static err_t know_inputs(struct worker *w, struct job *j)
{
    const struct signature *s = &w->crew->session.signature;
    struct view said = j->message->tail;
    if (w->known_len > 0 && view_equal(said, view_of(w->known, w->known_len)))
        return w->in_set.total <= j->head->bytes ? OK : ERR_PROTOCOL;
    w->known_len = 0;
    drop_inputs(w);
    value_set_done(&w->in_set);
    TRY(job_inputs(j->message, &w->in_set));
    err_t e = signature_takes(s, &w->in_set.descs);
    if (e != OK)
        return job_blame(s, &w->in_set.descs, e, &j->why);
    name_inputs(w);
    if (said.len <= sizeof(w->known) && !has_text(&w->in_set.descs)) {
        memcpy(w->known, said.data, said.len);
        w->known_len = said.len;
    }
    return OK;
}

static err_t take_input(struct worker *w, size_t i, struct view payload, struct why *why)
{
    const struct value_desc *d = &w->in_set.descs.items[i];
    if (payload_check(d, payload) != OK)
        return why_set(why, ERR_VALUE_RANGE, "input %.*s: the bytes are not those of its type and shape",
                       (int)d->name.len, (const char *)d->name.data);
    return w->inputs[i] == NULL ? value_make(&w->crew->maker, d, payload, &w->inputs[i]) : OK;
}

static err_t take_inputs(struct worker *w, struct job *j)
{
    uint8_t *room = NULL;
    TRY(know_inputs(w, j));
    TRY(private_room(w, w->in_set.total, &room));
    TRY(tensor_digest_begin(&w->in_digest, &w->in_set.descs, j->report.in_descriptors));
    for (size_t i = 0; i < w->in_set.descs.count; i++) {
        struct value_place at = w->in_set.places[i];
        TRY(copy_and_hash(&w->in_digest, room + at.offset, j->area + at.offset, at.len));
        TRY(take_input(w, i, view_of(room + at.offset, at.len), &j->why));
    }
    return tensor_digest_final(&w->in_digest, j->report.in_tensors);
}

/* ── outputs ── */

static err_t read_outputs(struct worker *w)
{
    const struct signature *s = &w->crew->session.signature;
    size_t left = w->crew->output_max;
    for (size_t i = 0; i < s->output_count; i++) {
        struct output *o = &w->outputs[i];
        TRY(output_read(&w->crew->maker, w->made[i], &s->outputs[i], left, o));
        w->descs[i] = o->desc;
        w->lens[i] = o->payload.len;
        left -= o->payload.len;
    }
    return OK;
}

/* Whether they are described like those of the job before; names and types are the model's. */
static bool same_outputs(const struct worker *w)
{
    const struct value_set *last = &w->out_set;
    bool same = w->tail.len > 0;
    for (size_t i = 0; same && i < last->descs.count; i++) {
        const struct value_desc *d = &w->descs[i], *was = &last->descs.items[i];
        same = d->type.optional == was->type.optional && d->rank == was->rank && w->lens[i] == last->places[i].len &&
               (d->rank == 0 || memcmp(d->dims, was->dims, d->rank * sizeof(*d->dims)) == 0);
    }
    return same;
}

/* Also encodes what the RESULT will say of them, because that may turn out to be too long. */
static err_t describe_outputs(struct worker *w)
{
    if (same_outputs(w))
        return OK;
    buf_clear(&w->tail);
    value_set_done(&w->out_set);
    err_t e = value_set_make(w->descs, w->crew->session.signature.output_count, w->lens, w->crew->output_max,
                             &w->out_set);
    if (e == OK)
        e = value_set_encode(&w->out_set, &w->tail);
    if (e != OK)
        buf_clear(&w->tail);
    return e == ERR_TOO_LARGE ? ERR_OUTPUT_TOO_LARGE : e;
}

static err_t digest_outputs(struct worker *w, struct job *j)
{
    TRY(describe_outputs(w));
    TRY(tensor_digest_begin(&w->out_digest, &w->out_set.descs, j->report.out_descriptors));
    for (size_t i = 0; i < w->out_set.descs.count; i++) {
        TRY(tensor_digest_value(&w->out_digest, w->lens[i]));
        TRY(tensor_digest_bytes(&w->out_digest, w->outputs[i].payload.data, w->lens[i]));
    }
    return tensor_digest_final(&w->out_digest, j->report.out_tensors);
}

static err_t publish(struct worker *w, struct job *j)
{
    uint8_t *area = NULL;
    TRY(slot_output(j->slot, w->out_set.total, w->crew->output_max, &area, &j->area_fd));
    for (size_t i = 0; i < w->out_set.descs.count; i++)
        if (w->lens[i] > 0)
            memcpy(area + w->out_set.places[i].offset, w->outputs[i].payload.data, w->lens[i]);
    j->result.bytes = w->out_set.total;
    return OK;
}

/* ── the run ── */

static err_t run_model(struct worker *w, struct job *j)
{
    const struct session *s = &w->crew->session;
    uint64_t start = clock_mono_ns();
    err_t e = ort_run_result(ort->Run(s->ort, w->run.options, w->names, (const OrtValue *const *)w->inputs,
                                      w->in_set.descs.count, s->output_names, s->signature.output_count, w->made));
    j->result.run_us = (uint32_t)MIN((clock_mono_ns() - start) / 1000, UINT32_MAX);
    return e;
}

/* Inputs that are known stay, as long as the memory does that they lie in. */
static void release_values(struct worker *w)
{
    for (size_t i = 0; i < w->crew->session.signature.output_count; i++) {
        output_done(&w->outputs[i]);
        value_release(&w->made[i]);
    }
    if (w->known_len == 0 || w->memory_size > PRIVATE_KEEP)
        drop_inputs(w);
    if (w->memory_size > PRIVATE_KEEP) {
        mem_free(w->memory);
        w->memory = NULL;
        w->memory_size = 0;
    }
}

static err_t compute(struct worker *w, struct job *j)
{
    TRY(take_inputs(w, j));
    TRY(run_model(w, j));
    TRY(read_outputs(w));
    TRY(digest_outputs(w, j));
    return publish(w, j);
}

static err_t attempt(struct worker *w, struct job *j)
{
    err_t e = compute(w, j);
    release_values(w);
    return e;
}

/* When memory was short, once more with more of it. */
static err_t attempt_twice(struct worker *w, struct job *j)
{
    struct memory *memory = &w->crew->memory;
    uint64_t granted = memory->granted;
    err_t e = attempt(w, j);
    if (e == ERR_NOMEM && memory_more(memory, granted, w->run.deadline_ms))
        e = attempt(w, j);
    return e == ERR_NOMEM ? ERR_RUN_OUT_OF_MEMORY : e;
}

/* A run that is stopped fails like any other; only then it matters that it was. */
static err_t run_job(struct worker *w, struct job *j)
{
    struct runs *runs = &w->crew->runs;
    err_t e = runs_begin(runs, &w->run, j->front, j->head->job, clock_mono_ms() + MIN(j->head->run_ms, w->crew->run_ms));
    if (e == OK && !atomic_load(&j->front->dead))
        e = attempt_twice(w, j);
    else
        e = ERR_RUN_CANCELLED;
    err_t stopped = runs_end(runs, &w->run);
    return e == ERR_RUN_FAILED && stopped != OK ? stopped : e;
}

/* ── the answer ── */

static void check_sent(err_t e, enum role role, enum wire_type type)
{
    if (e != OK && (e != ERR_CLOSED || role != ROLE_FRONT))
        end_refusing(role, type, e);
}

/* The results first: what the keeper says of a job follows its result. A front that is gone does not matter: its
   channel's end is seen by the next receive. One that is there would wait for an answer that cannot be sent until the
   run is long overdue. */
static void flush(struct worker *w)
{
    check_sent(wire_pack_send(&w->results, &w->front->job, true), ROLE_FRONT, MSG_RESULT);
    check_sent(wire_pack_send(&w->reports, &w->crew->report, true), ROLE_KEEPER, MSG_REPORT);
}

static void put_result(struct worker *w, const struct msg_result *r, struct view tail, const int *area_fd)
{
    if (*area_fd < 0 && wire_pack_put(&w->results, &w->front->job, MSG_RESULT, r, tail) == OK)
        return;
    flush(w);
    check_sent(wire_send_wait(&w->front->job, MSG_RESULT, r, tail, area_fd, *area_fd >= 0), ROLE_FRONT, MSG_RESULT);
}

static void put_report(struct worker *w, const struct msg_report *r)
{
    if (wire_pack_put(&w->reports, &w->crew->report, MSG_REPORT, r, view_of(NULL, 0)) == OK)
        return;
    flush(w);
    check_sent(wire_send_wait(&w->crew->report, MSG_REPORT, r, view_of(NULL, 0), NULL, 0), ROLE_KEEPER, MSG_REPORT);
}

static void answer(struct worker *w, const struct msg_job *head, struct msg_result *r, err_t e, struct view tail,
                   int area_fd)
{
    r->job = head->job;
    r->slot = head->slot;
    r->result = (uint32_t)e;
    put_result(w, r, tail, &area_fd);
}

static void report(struct worker *w, const struct msg_job *head, struct msg_report *r, err_t e)
{
    if (e != OK)
        *r = (struct msg_report){0};
    r->job = head->job;
    r->result = (uint32_t)e;
    r->nonce = head->nonce;
    put_report(w, r);
}

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

static void finish(struct worker *w, struct job *j, err_t e)
{
    struct view why = text_of(j->why.text[0] != '\0' ? j->why.text : err_text(e));
    slot_unmap_large(j->slot);
    slot_release(j->slot);
    answer(w, j->head, &j->result, e, e == OK ? buf_view(&w->tail) : why, j->area_fd);
    report(w, j->head, &j->report, e);
}

/* Whether the end of one run is waited for by anything of others. */
static bool holds(const struct worker *w)
{
    return w->results.count > 0 || w->reports.count > 0 || wire_more(&w->inbox);
}

/* The watcher sleeps as long as nobody needs it. */
static void enter_run(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool call = holds(w);
    w->running = true;
    w->seen = false;
    (void)pthread_mutex_unlock(&w->lock);
    if (call && !atomic_load(&w->crew->holding) && !atomic_exchange(&w->crew->holding, true))
        (void)eventfd_write(w->crew->runs.wake_fd, 1);
}

static void leave_run(struct worker *w, struct job *j, err_t e)
{
    (void)pthread_mutex_lock(&w->lock);
    w->running = false;
    finish(w, j, e);
    if (!wire_more(&w->inbox) || w->results.count >= HOLD_MAX || j->result.run_us > HOLD_RUN_US)
        flush(w);
    (void)pthread_mutex_unlock(&w->lock);
}

static err_t serve(struct worker *w, struct front *f, struct wire_msg *m)
{
    AUTO(job_done) struct job j = {.front = f, .message = m, .area_fd = -1};
    TRY(job_head(m, &j.head));
    w->alone = j.head->others == 0;
    j.slot = &f->slots[j.head->slot];
    TRY(slot_take(j.slot));
    TRY(slot_input(j.slot, &m->fds[0], j.head->bytes, w->crew->input_max, &j.area));
    enter_run(w);
    err_t e = run_job(w, &j);
    if (e == ERR_PROTOCOL)
        return e;
    leave_run(w, &j, e);
    return OK;
}

/* ── what waits during a long run ── */

/* Front asks for these again. */
static void give_back(struct worker *w)
{
    while (wire_more(&w->inbox)) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        const struct msg_job *head = NULL;
        struct msg_result result = {0};
        struct msg_report none = {0};
        err_t e = wire_recv(&w->front->job, &w->inbox, false, &m);
        if (e == OK)
            e = job_head(&m, &head);
        if (e != OK)
            end_refusing(ROLE_FRONT, MSG_JOB, e);
        answer(w, head, &result, ERR_RUN_CANCELLED, text_of(err_text(ERR_RUN_CANCELLED)), -1);
        report(w, head, &none, ERR_RUN_CANCELLED);
    }
}

static bool relieve(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool held = w->running && holds(w);
    if (held && w->seen) {
        flush(w);
        give_back(w);
        flush(w);
    }
    w->seen = w->running;
    (void)pthread_mutex_unlock(&w->lock);
    return held;
}

bool workers_relieve(struct crew *crew)
{
    bool held = false;
    for (struct worker *w = crew->workers; w != NULL; w = w->next)
        held |= relieve(w);
    return held;
}

/* ── the thread ── */

err_t worker_new(struct crew *crew, struct worker **ret)
{
    struct worker *w = mem_alloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    w->crew = crew;
    w->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    w->results = w->reports = WIRE_PACK_NONE;
    buf_init(&w->tail, WIRE_TAIL_MAX);
    TRY(wire_inbox_init(&w->inbox, CHAN_JOB));
    TRY(tensor_digest_init(&w->in_digest));
    TRY(tensor_digest_init(&w->out_digest));
    TRY(ort_load_result(ort->CreateRunOptions(&w->run.options)));
    runs_add(&crew->runs, &w->run);
    w->next = crew->workers;
    crew->workers = w;
    *ret = w;
    return OK;
}

err_t worker_fit(struct worker *w)
{
    size_t n_inputs = w->crew->session.signature.input_count + 1; /* a model may have none */
    size_t n_outputs = w->crew->session.signature.output_count + 1;
    w->names = mem_alloc(n_inputs, sizeof(*w->names));
    w->inputs = mem_alloc(n_inputs, sizeof(OrtValue *));
    w->made = mem_alloc(n_outputs, sizeof(OrtValue *));
    w->outputs = mem_alloc(n_outputs, sizeof(*w->outputs));
    w->descs = mem_alloc(n_outputs, sizeof(*w->descs));
    w->lens = mem_alloc(n_outputs, sizeof(*w->lens));
    bool ok = w->names != NULL && w->inputs != NULL && w->made != NULL && w->outputs != NULL && w->descs != NULL &&
              w->lens != NULL;
    return ok ? OK : ERR_NOMEM;
}

/* Who sleeps is woken by the next job, and front is stopped for it. So where there are other jobs front may go on
   first: then one of them comes.

   A front that died with results unread resets the channel. That is told once, ahead of the jobs that are still queued:
   only what is told twice is the end. */
static err_t receive(struct worker *w, const struct front *f, struct wire_msg *ret)
{
    err_t e = wire_recv(&f->job, &w->inbox, w->alone, ret);
    if (e == ERR_WOULD_BLOCK) {
        (void)sched_yield();
        e = wire_recv(&f->job, &w->inbox, true, ret);
    }
    return e == ERR_CLOSED ? wire_recv(&f->job, &w->inbox, true, ret) : e;
}

static err_t serve_next(struct worker *w, struct front *f)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(receive(w, f, &m));
    return serve(w, f, &m);
}

static void warm(struct worker *w)
{
    const struct msg_infer_warmed said = warm_up(w->crew, &w->run);
    check_sent(wire_send_wait(w->crew->control, MSG_INFER_WARMED, &said, view_of(NULL, 0), NULL, 0), ROLE_SUPER, MSG_INFER_WARMED);
}

void worker_loop(struct worker *w)
{
    for (;;) {
        struct front *f = seat_enter(&w->crew->seat);
        err_t e = OK;
        if (f == NULL) {
            warm(w);
            continue;
        }
        w->front = f;
        while (e == OK)
            e = serve_next(w, f);
        flush(w); /* of jobs in front of a bad one */
        if (e != ERR_CLOSED)
            end_refusing(ROLE_FRONT, MSG_JOB, e);
        seat_leave(&w->crew->seat, f);
    }
}
