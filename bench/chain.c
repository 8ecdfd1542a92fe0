/* chain KEEPER DEPTH: the way of a request between the processes and nothing else. The keeper is the real one;
   this program is its supervisor and the front, and a child of it stands for infer: it answers a job at once,
   without tensors, with the messages that infer sends. DEPTH jobs are under way. A time is from sending the ticket
   to having both the result and the signed receipt. */
#include "rounds.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "tensor/values.h"
#include "wire/frame.h"
#include "wire/receipts.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GENERATION 1
#define INFER      1
#define DEPTH_MAX  256 /* the keeper has room for more tickets */
#define ANSWER_MS  10000
#define DAY_S      86400

struct job {
    uint64_t start_ns;
    bool has_result;
    bool has_receipt;
};

struct chain {
    struct wire_end control; /* to the keeper */
    struct wire_end ticket;
    struct wire_end job;
    struct wire_inbox inbox;
    struct buf job_tail;
    int epoll;
    unsigned depth;
    uint64_t last_job;
    unsigned under_way;
    struct job jobs[DEPTH_MAX]; /* by job % DEPTH_MAX */
};

/* ── the stand-in for infer ── */

static void encode(const char *name, int64_t width, struct buf *ret)
{
    const int64_t dims[] = {1, width};
    const struct value_desc desc = {
        .name = view_of(name, strlen(name)), .type.dtype = DTYPE_FLOAT, .rank = 2, .dims = dims};
    const uint64_t len = (uint64_t)width * sizeof(float);
    AUTO(value_set_done) struct value_set set = {0};
    buf_init(ret, WIRE_TAIL_MAX);
    if (value_set_make(&desc, 1, &len, MIB, &set) != OK || value_set_encode(&set, ret) != OK)
        give_up("descriptors", err_text(ERR_INTERNAL));
}

static err_t answer(const struct wire_end *job, const struct wire_end *report, const struct msg_job *j,
                    struct view tail)
{
    struct msg_report r = {.job = j->job, .nonce = j->nonce};
    struct msg_result result = {.job = j->job, .slot = j->slot};
    TRY(wire_send_wait(job, MSG_RESULT, &result, tail, NULL, 0));
    return wire_send_wait(report, MSG_REPORT, &r, view_of(NULL, 0), NULL, 0);
}

NORETURN static void be_infer(const struct wire_end *job, const struct wire_end *report)
{
    struct wire_inbox inbox = {0};
    struct buf tail = {0};
    err_t e = wire_inbox_init(&inbox, CHAN_JOB);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    encode("y", 3, &tail);
    while (e == OK) {
        struct wire_msg m = WIRE_MSG_NONE;
        e = wire_recv(job, &inbox, true, &m);
        if (e == OK)
            e = answer(job, report, m.fixed, buf_view(&tail));
    }
    _exit(e == ERR_CLOSED ? 0 : 1);
}

/* ── the keeper and its security module ── */

/* As the supervisor starts it. */
NORETURN static void become(char *path, int control, int log)
{
    char empty_dir[] = "/tmp/veronnx-bench-XXXXXX";
    char *const args[] = {path, NULL}, *const env[] = {NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), c = fcntl(control, F_DUPFD, 10), l = fcntl(log, F_DUPFD, 10);
    if (mkdtemp(empty_dir) != NULL && chdir(empty_dir) == 0 && rmdir(empty_dir) == 0 && dup2(null, 0) == 0 &&
        dup2(null, 1) == 1 && dup2(c, CONTROL_FD) == CONTROL_FD && dup2(l, LOG_FD) == LOG_FD)
        (void)execve(path, args, env);
    _exit(127);
}

static void start_process(char *path, enum wire_chan channel, struct wire_end *ret_control)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2];
    if (wire_pair(channel, ret_control, &remote) != OK ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) != 0)
        give_up("socketpair", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork", strerror(errno));
    if (pid == 0)
        become(path, remote.fd, log[1]);
    (void)close(log[1]); /* log[0] stays open and is never read: who writes drops what does not fit */
}

/* veronnx-nsm-sim from the keeper's folder, with a root that is gone when this returns. Its control channel stays open. */
static err_t start_module(const char *keeper, struct wire_end *ret_module)
{
    AUTO(wire_inbox_done) struct wire_inbox inbox = {0};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    static struct wire_end control;
    char path[PATH_MAX], folder[] = "/tmp/veronnx-bench-XXXXXX";
    const char *slash = strrchr(keeper, '/');
    int n = snprintf(path, sizeof(path), "%.*s/veronnx-nsm-sim", slash != NULL ? (int)(slash - keeper) : 1, slash != NULL ? keeper : ".");
    if (n < 0 || (size_t)n >= sizeof(path) || mkdtemp(folder) == NULL)
        return ERR_IO;
    AUTO_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    start_process(path, CHAN_NSM, &control);
    TRY(wire_inbox_init(&inbox, CHAN_NSM));
    TRY(wire_pair(CHAN_MODULE, ret_module, &remote));
    TRY(wire_send_wait(&control, MSG_NSM_STATE, &(struct msg_empty){0}, view_of(NULL, 0), &dir, 1));
    TRY(wire_send_wait(&control, MSG_NSM_START, &(struct msg_empty){0}, view_of(NULL, 0), &remote.fd, 1));
    TRY(wire_wait(&control, ANSWER_MS));
    TRY(wire_recv(&control, &inbox, false, &m));
    if (m.type != MSG_NSM_READY || unlinkat(dir, "sim-root.pem", 0) != 0 || unlinkat(dir, "sim-root.key", 0) != 0 || rmdir(folder) != 0)
        return ERR_PROTOCOL;
    return OK;
}

static err_t introduce_node(struct chain *c, const char *keeper)
{
    static const char names[] = "localhost";
    struct msg_keeper_start start = {.kind = 2, .not_after = clock_wall_us() / 1000000 + DAY_S};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    AUTO(wire_end_close) struct wire_end module = {.fd = -1};
    TRY(start_module(keeper, &module));
    TRY(wire_send_wait(&c->control, MSG_KEEPER_START, &start, view_of(names, sizeof(names)), &module.fd, 1));
    TRY(wire_wait(&c->control, ANSWER_MS));
    TRY(wire_recv(&c->control, &c->inbox, false, &m));
    return m.type == MSG_KEEPER_READY ? OK : ERR_PROTOCOL;
}

static err_t introduce_front(struct chain *c)
{
    AUTO(wire_end_close) struct wire_end sign = {.fd = -1};
    AUTO(wire_end_close) struct wire_end sign_remote = {.fd = -1};
    AUTO(wire_end_close) struct wire_end ticket_remote = {.fd = -1};
    struct msg_keeper_front front = {.generation = GENERATION};
    TRY(wire_pair(CHAN_SIGN, &sign, &sign_remote));
    TRY(wire_pair(CHAN_TICKET, &c->ticket, &ticket_remote));
    return wire_send_wait(&c->control, MSG_KEEPER_FRONT, &front, view_of(NULL, 0),
                          (const int[]){sign_remote.fd, ticket_remote.fd}, 2);
}

static err_t introduce_infer(const struct chain *c, const struct wire_end *report)
{
    static const char engine[] = "onnxruntime=1.30.0/0123456789;isa=x86-64;threads=1;no=runtime;in=this;measurement=1";
    static const uint8_t cid[] = {0x12, 0x20}; /* a CIDv0 of zeros */
    struct msg_keeper_infer infer = {.infer = INFER, .asked.cid_len = 34};
    struct msg_keeper_sealed sealed = {.infer = INFER, .file_cid_len = 34};
    memcpy(infer.asked.cid, cid, sizeof(cid));
    memcpy(sealed.file_cid, cid, sizeof(cid));
    TRY(wire_send_wait(&c->control, MSG_KEEPER_INFER, &infer, view_of(NULL, 0), &report->fd, 1));
    return wire_send_wait(&c->control, MSG_KEEPER_SEALED, &sealed, view_of(engine, sizeof(engine) - 1), NULL, 0);
}

/* ── the front ── */

static err_t watch(const struct chain *c, const struct wire_end *end)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)end};
    return epoll_ctl(c->epoll, EPOLL_CTL_ADD, end->fd, &e) == 0 ? OK : err_errno();
}

static err_t begin(struct chain *c)
{
    uint64_t number = (uint64_t)GENERATION << 48 | ++c->last_job;
    struct msg_ticket ticket = {.job = number, .infer = INFER};
    struct msg_job job = {.job = number, .run_ms = ANSWER_MS};
    c->jobs[number % DEPTH_MAX] = (struct job){.start_ns = clock_mono_ns()};
    c->under_way++;
    TRY(wire_send(&c->ticket, MSG_TICKET, &ticket, view_of(NULL, 0), NULL, 0));
    return wire_send(&c->job, MSG_JOB, &job, buf_view(&c->job_tail), NULL, 0);
}

/* Half of a job is there. With the other half it is done, and the next one begins. */
static err_t note(struct chain *c, uint64_t number, bool is_receipt, uint64_t until_ns, struct times *t)
{
    struct job *j = &c->jobs[number % DEPTH_MAX];
    j->has_result = j->has_result || !is_receipt;
    j->has_receipt = j->has_receipt || is_receipt;
    if (!j->has_result || !j->has_receipt)
        return OK;
    uint64_t now = clock_mono_ns();
    times_add(t, now - j->start_ns);
    c->under_way--;
    return now < until_ns ? begin(c) : OK;
}

/* What one message brings: a result, or any number of receipts. */
static err_t take(struct chain *c, const struct wire_end *end, uint64_t until_ns, struct times *t)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_recv(end, &c->inbox, false, &m));
    if (m.type == MSG_RESULT)
        return note(c, ((const struct msg_result *)m.fixed)->job, false, until_ns, t);
    if (m.type != MSG_RECEIPTS)
        return ERR_PROTOCOL;
    while (m.tail.len > 0) {
        struct wire_receipt r;
        TRY(wire_receipts_next(&m.tail, &r));
        TRY(note(c, r.job, true, until_ns, t));
    }
    return OK;
}

static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    struct chain *c = self;
    struct epoll_event events[2];
    while (c->under_way < c->depth)
        TRY(begin(c));
    while (c->under_way > 0) {
        int n = epoll_wait(c->epoll, events, COUNT_OF(events), -1);
        for (int i = 0; i < n; i++)
            TRY(take(c, events[i].data.ptr, until_ns, t));
    }
    return OK;
}

/* ── the start ── */

static err_t start(struct chain *c, char *keeper)
{
    AUTO(wire_end_close) struct wire_end job_remote = {.fd = -1};
    AUTO(wire_end_close) struct wire_end report = {.fd = -1};
    AUTO(wire_end_close) struct wire_end report_remote = {.fd = -1};
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    encode("x", 4, &c->job_tail);
    TRY(wire_inbox_init(&c->inbox, CHAN_JOB));
    start_process(keeper, CHAN_KEEPER, &c->control);
    TRY(wire_pair(CHAN_JOB, &c->job, &job_remote));
    TRY(wire_pair(CHAN_REPORT, &report, &report_remote));
    TRY(introduce_node(c, keeper));
    TRY(introduce_front(c));
    TRY(introduce_infer(c, &report));
    pid_t pid = fork();
    if (pid == 0)
        be_infer(&job_remote, &report_remote);
    TRY(pid > 0 ? OK : err_errno());
    TRY(watch(c, &c->ticket));
    return watch(c, &c->job);
}

int main(int argc, char **argv)
{
    static struct chain c;
    if (argc != 3)
        give_up("usage", "chain KEEPER DEPTH");
    c.depth = (unsigned)MIN(MAX(strtoul(argv[2], NULL, 10), 1U), DEPTH_MAX);
    err_t e = start(&c, argv[1]);
    if (e != OK)
        give_up("the keeper", err_name(e));
    return rounds_serve("chain", run, &c);
}
