/* The other ends of all channels of one keeper. */
#include "stage.h"

#include "attest/module.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "keeper/keeper.h"
#include "nsm/root.h"
#include "nsm/sim.h"
#include "receipt/receipt.h"
#include "wire/receipts.h"
#include "wire/roles.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define ENGINE      "onnxruntime 0.0.0;test"

/* ── the security module ── */

void (*stage_bend)(const struct nsm_request *q, struct nsm_response *p) = NULL;
const uint8_t stage_pcrs[3][PCR_LEN] = {{0xa0}, {0xa1}, {0xa2}};

static err_t answer(struct nsm_device *device, const struct wire_end *end, struct wire_inbox *inbox)
{
    static uint8_t room[NSM_RESPONSE_MAX];
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct nsm_request q;
    uint32_t id = 0;
    TRY(wire_recv(end, inbox, true, &m));
    TRY(module_request(&m, &id, &q));
    struct nsm_response p = device_ask(device, &q, room);
    if (stage_bend != NULL)
        stage_bend(&q, &p);
    return module_reply(end, id, &p);
}

static err_t serve_module(const struct stage *s, const struct wire_end *end)
{
    static struct sim sim;
    AUTO(issued_done) struct issued root = {0};
    struct wire_inbox inbox = {0};
    AUTO_FD int folder = open(s->module_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TRY(root_open(folder, clock_wall_us() / 1000000, &root));
    TRY(sim_init(&sim, &root, stage_pcrs));
    TRY(wire_inbox_init(&inbox, CHAN_MODULE));
    struct nsm_device device = sim_device(&sim);
    err_t e = OK;
    while (e == OK)
        e = answer(&device, end, &inbox);
    return e;
}

static int start_module(struct stage *s)
{
    AUTO(wire_end_close) struct wire_end keeper = {.fd = -1}, module = {.fd = -1};
    assert_ok(wire_pair(CHAN_MODULE, &keeper, &module));
    s->module_pid = fork();
    assert_true(s->module_pid >= 0);
    if (s->module_pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        wire_end_close(&keeper);
        wire_end_close(&s->control);
        _exit(serve_module(s, &module) == ERR_CLOSED ? 0 : 1);
    }
    return TAKE_FD(keeper.fd);
}

/* ── the keeper ── */

/* What a child of the supervisor finds at its start. cmocka's handlers would call what the jail does not allow. */
static void become_keeper(const struct stage *s, int control, int log)
{
    static const int handled[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    int c = fcntl(control, F_DUPFD, 10), l = fcntl(log, F_DUPFD, 10);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        (void)signal(handled[i], SIG_DFL);
    if (chdir(s->empty_dir) == 0 && dup2(c, CONTROL_FD) == CONTROL_FD && dup2(l, LOG_FD) == LOG_FD)
        _exit(keeper_main());
    _exit(127);
}

int stage_control_room = 0;

void stage_open(struct stage *s)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2];
    *s = (struct stage){.control = {.fd = -1}};
    (void)snprintf(s->empty_dir, sizeof(s->empty_dir), P_tmpdir "/veronnx-keeper-XXXXXX");
    assert_non_null(mkdtemp(s->empty_dir));
    (void)snprintf(s->module_dir, sizeof(s->module_dir), P_tmpdir "/veronnx-module-XXXXXX");
    assert_non_null(mkdtemp(s->module_dir));
    assert_ok(wire_pair(CHAN_KEEPER, &s->control, &remote));
    if (stage_control_room != 0)
        assert_int_equal(setsockopt(remote.fd, SOL_SOCKET, SO_SNDBUF, &stage_control_room, sizeof(int)), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log), 0);
    s->log_fd = log[0];
    assert_ok(wire_inbox_init(&s->inbox, CHAN_KEEPER));
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        become_keeper(s, remote.fd, log[1]);
    (void)close(log[1]);
}

static void next_message(struct stage *s, enum wire_type type, struct wire_msg *ret)
{
    stage_wait_readable(&s->control);
    assert_ok(wire_recv(&s->control, &s->inbox, false, ret));
    assert_int_equal(ret->type, type);
}

void stage_ask_start(struct stage *s, uint8_t kind)
{
    static const char names[] = "localhost\0"
                                "127.0.0.1\0"
                                "::1";
    AUTO_FD int module = start_module(s);
    s->start = (struct msg_keeper_start){.kind = kind, .not_after = STAGE_NOT_AFTER};
    memset(s->start.node_digest, 0x4e, DIGEST_LEN);
    memset(s->start.policy_digest, 0x50, DIGEST_LEN);
    assert_ok(wire_send(&s->control, MSG_KEEPER_START, &s->start, view_of(names, sizeof(names)), &module, 1));
}

void stage_start(struct stage *s)
{
    struct wire_msg m = WIRE_MSG_NONE;
    stage_ask_start(s, STATEMENT_SIMULATED);
    next_message(s, MSG_KEEPER_READY, &m);
    memcpy(&s->ready, m.fixed, sizeof(s->ready));
    assert_int_equal(m.tail.len, sizeof(s->identity));
    memcpy(&s->identity, m.tail.data, sizeof(s->identity));
    assert_ok(identity_check(&s->identity));
    assert_ok(es256_verifier_init(&s->key, s->ready.receipt_key));
}

static void print_log(const struct stage *s)
{
    struct log_record r;
    char line[512];
    while (recv(s->log_fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        if (log_format(&r, ROLE_KEEPER, 0, line) == OK)
            print_message("%s\n", line);
}

void stage_pause(const struct stage *s)
{
    int status = 0;
    assert_int_equal(kill(s->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(s->pid, &status, WUNTRACED), s->pid);
    assert_true(WIFSTOPPED(status));
}

void stage_resume(const struct stage *s)
{
    assert_int_equal(kill(s->pid, SIGCONT), 0);
}

int stage_wait(struct stage *s)
{
    int status = 0;
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    pid_t ended = 0;
    while ((ended = waitpid(s->pid, &status, WNOHANG)) == 0 && clock_mono_ms() < until)
        (void)usleep(1000);
    if (ended == 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, &status, 0);
    }
    s->pid = 0;
    return status;
}

/* Without a keeper it has ended. */
static void remove_module(struct stage *s)
{
    static const char *const files[] = {ROOT_CERT_FILE, ROOT_KEY_FILE};
    char path[sizeof(s->module_dir) + 32];
    if (s->module_pid != 0)
        (void)waitpid(s->module_pid, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", s->module_dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(s->module_dir);
}

void stage_free(struct stage *s)
{
    wire_end_close(&s->control);
    wire_inbox_done(&s->inbox);
    fd_close(&s->log_fd);
    es256_done(&s->key);
    (void)rmdir(s->empty_dir);
    remove_module(s);
}

int stage_setup(void **state)
{
    struct stage *s = mem_alloc(1, sizeof(*s));
    assert_non_null(s);
    assert_ok(sha256_setup());
    stage_open(s);
    stage_start(s);
    *state = s;
    return 0;
}

int stage_teardown(void **state)
{
    struct stage *s = *state;
    wire_end_close(&s->control);
    int status = s->pid != 0 ? stage_wait(s) : 0;
    if (status != 0)
        print_log(s);
    stage_free(s);
    mem_free(s);
    return status;
}

unsigned stage_open_fds(const struct stage *s)
{
    char path[64];
    unsigned n = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *e = NULL; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

void stage_accused(struct stage *s, uint32_t infer, uint16_t generation, err_t reason)
{
    struct wire_msg m = WIRE_MSG_NONE;
    next_message(s, MSG_KEEPER_ACCUSE, &m);
    const struct msg_keeper_accuse *a = m.fixed;
    assert_int_equal(a->infer, infer);
    assert_int_equal(a->generation, generation);
    assert_err(err_from_wire(a->reason), reason);
}

void stage_not_accused(const struct stage *s)
{
    assert_err(wire_wait(&s->control, 0), ERR_TIMEOUT);
}

/* ── a front ── */

void stage_front_new(struct stage *s, uint16_t generation, struct stage_front *ret)
{
    AUTO(wire_end_close) struct wire_end sign = {.fd = -1}, ticket = {.fd = -1}, proof = {.fd = -1};
    struct msg_keeper_front known = {.generation = generation};
    *ret = (struct stage_front){
        .generation = generation, .last_job = (uint64_t)generation << 48, .receipts = BUF_WITH(WIRE_TAIL_MAX)};
    assert_ok(wire_pair(CHAN_SIGN, &ret->sign, &sign));
    assert_ok(wire_pair(CHAN_TICKET, &ret->ticket, &ticket));
    assert_ok(wire_pair(CHAN_PROOF, &ret->proof, &proof));
    assert_ok(wire_stamp(&ticket));
    assert_ok(wire_inbox_init(&ret->inbox, CHAN_TICKET));
    assert_ok(wire_send(&s->control, MSG_KEEPER_FRONT, &known, NOTHING, (const int[]){sign.fd, ticket.fd}, 2));
    assert_ok(wire_send(&s->control, MSG_KEEPER_PROOF, &known, NOTHING, &proof.fd, 1));
}

void stage_front_done(struct stage_front *f)
{
    wire_end_close(&f->sign);
    wire_end_close(&f->ticket);
    wire_end_close(&f->proof);
    wire_inbox_done(&f->inbox);
    buf_done(&f->receipts);
}

void stage_front_die(struct stage *s, struct stage_front *f)
{
    struct msg_keeper_front gone = {.generation = f->generation};
    stage_front_done(f);
    assert_ok(wire_send(&s->control, MSG_KEEPER_FRONT_GONE, &gone, NOTHING, NULL, 0));
}

err_t stage_ticket_raw(struct stage_front *f, uint32_t infer, uint64_t job, const struct wire_nonce *nonce)
{
    struct msg_ticket t = {.job = job, .infer = infer, .nonce = *nonce};
    return wire_send(&f->ticket, MSG_TICKET, &t, NOTHING, NULL, 0);
}

uint64_t stage_ticket(struct stage_front *f, uint32_t infer, const struct wire_nonce *nonce)
{
    assert_ok(stage_ticket_raw(f, infer, ++f->last_job, nonce));
    return f->last_job;
}

err_t stage_ask(struct stage_front *f, uint32_t id, const struct wire_nonce *nonce)
{
    struct msg_document_ask ask = {.id = id, .nonce = *nonce};
    return wire_send(&f->proof, MSG_DOCUMENT_ASK, &ask, NOTHING, NULL, 0);
}

struct view stage_document(struct stage_front *f, uint32_t id, err_t *ret_result)
{
    struct wire_msg m = WIRE_MSG_NONE;
    stage_wait_readable(&f->proof);
    assert_ok(wire_recv(&f->proof, &f->inbox, false, &m));
    assert_int_equal(m.type, MSG_DOCUMENT);
    const struct msg_document *d = m.fixed;
    assert_int_equal(d->id, id);
    *ret_result = err_from_wire(d->result);
    return m.tail;
}

void stage_receipt_done(struct stage_receipt *r)
{
    buf_done(&r->bytes);
}

static void receive_receipts(struct stage_front *f)
{
    struct wire_msg m = WIRE_MSG_NONE;
    stage_wait_readable(&f->ticket);
    assert_ok(wire_recv(&f->ticket, &f->inbox, false, &m));
    assert_int_equal(m.type, MSG_RECEIPTS);
    assert_true(m.tail.len > 0);
    assert_ok(buf_put_view(&f->receipts, m.tail));
}

void stage_receive(const struct stage *s, struct stage_front *f, struct stage_receipt *ret)
{
    struct es256 key = s->key;
    const struct receipt_expect expect = {.allow_simulated = true};
    if (f->receipts.len == 0)
        receive_receipts(f);
    struct view rest = buf_view(&f->receipts);
    struct wire_receipt r;
    assert_ok(wire_receipts_next(&rest, &r));
    const struct receipt_parts parts = {.statement = r.statement, .cose = r.cose};
    assert_ok(receipt_pack(&parts, ret->text));
    ret->bytes = (struct buf){0};
    assert_ok(receipt_unpack(view_of(ret->text, strlen(ret->text)), &ret->bytes, &ret->receipt, NULL));
    assert_ok(receipt_verify(&ret->receipt, &key, &expect, NULL));
    assert_int_equal(ret->receipt.statement.job, r.job);
    ret->job = r.job;
    buf_consume(&f->receipts, f->receipts.len - rest.len);
}

void stage_no_receipt(struct stage_front *f, uint64_t job, err_t reason)
{
    struct wire_msg m = WIRE_MSG_NONE;
    assert_int_equal(f->receipts.len, 0);
    stage_wait_readable(&f->ticket);
    assert_ok(wire_recv(&f->ticket, &f->inbox, false, &m));
    assert_int_equal(m.type, MSG_NO_RECEIPT);
    const struct msg_no_receipt *no = m.fixed;
    assert_int_equal(no->job, job);
    assert_err(err_from_wire(no->reason), reason);
}

struct view stage_handshake(uint8_t room[static 160], size_t len)
{
    static const char context[] = "TLS 1.3, server CertificateVerify";
    memset(room, ' ', 64);
    memcpy(room + 64, context, sizeof(context));
    memset(room + 64 + sizeof(context), 0xd1, len);
    return view_of(room, 64 + sizeof(context) + len);
}

bool stage_sign(struct stage_front *f, struct view text, uint8_t ret_der[static 80], size_t *ret_len)
{
    struct wire_msg m = WIRE_MSG_NONE;
    struct msg_tls_sign question = {.id = ++f->last_sign};
    if (wire_send(&f->sign, MSG_TLS_SIGN, &question, text, NULL, 0) != OK)
        return false;
    stage_wait_readable(&f->sign);
    if (wire_recv(&f->sign, &f->inbox, false, &m) != OK)
        return false;
    assert_int_equal(m.type, MSG_TLS_SIGNATURE);
    assert_int_equal(((const struct msg_tls_sign *)m.fixed)->id, question.id);
    memcpy(ret_der, m.tail.data, m.tail.len);
    *ret_len = m.tail.len;
    return true;
}

/* What was there when the first signature was asked for has been taken, judged and answered when the second one comes. */
void stage_silence(struct stage_front *f)
{
    uint8_t room[160], der[80];
    size_t n = 0;
    assert_true(stage_sign(f, stage_handshake(room, 32), der, &n));
    assert_true(stage_sign(f, stage_handshake(room, 32), der, &n));
    assert_int_equal(f->receipts.len, 0);
    assert_err(wire_wait(&f->ticket, 0), ERR_TIMEOUT);
}

static void assert_cut(const struct wire_end *end)
{
    struct pollfd p = {.fd = end->fd};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    assert_true((p.revents & POLLHUP) != 0);
}

void stage_front_cut(struct stage_front *f)
{
    assert_cut(&f->sign);
    assert_cut(&f->ticket);
    assert_cut(&f->proof);
}

/* ── an infer ── */

void stage_infer_known_at(struct stage *s, uint32_t number, uint16_t path_len, struct stage_infer *ret)
{
    AUTO(wire_end_close) struct wire_end keeper = {.fd = -1};
    *ret = (struct stage_infer){.number = number};
    ret->known = (struct msg_keeper_infer){.infer = number, .asked = {.cid_len = 36, .path_len = path_len}};
    memset(ret->known.epoch, (int)(number & 0xff) ^ 0xe0, EPOCH_LEN);
    memset(ret->known.asked.cid, (int)(number & 0xff) ^ 0xa0, 36);
    memset(ret->known.asked.path, 'p', path_len);
    ret->sealed = (struct msg_keeper_sealed){.infer = number, .file_cid_len = 34};
    memset(ret->sealed.file_cid, (int)(number & 0xff) ^ 0xf0, 34);
    memset(ret->sealed.model_sha256, (int)(number & 0xff) ^ 0x30, DIGEST_LEN);
    assert_ok(wire_pair(CHAN_REPORT, &keeper, &ret->report));
    assert_ok(wire_send(&s->control, MSG_KEEPER_INFER, &ret->known, NOTHING, &keeper.fd, 1));
}

void stage_infer_known(struct stage *s, uint32_t number, struct stage_infer *ret)
{
    stage_infer_known_at(s, number, 13, ret);
}

void stage_infer_sealed(struct stage *s, struct stage_infer *i, struct view engine)
{
    assert_ok(wire_send(&s->control, MSG_KEEPER_SEALED, &i->sealed, engine, NULL, 0));
}

void stage_infer_new(struct stage *s, uint32_t number, struct stage_infer *ret)
{
    stage_infer_known(s, number, ret);
    stage_infer_sealed(s, ret, view_of(ENGINE, strlen(ENGINE)));
}

void stage_infer_done(struct stage_infer *i)
{
    wire_end_close(&i->report);
}

void stage_infer_gone(struct stage *s, struct stage_infer *i)
{
    struct msg_keeper_infer_gone gone = {.infer = i->number};
    stage_infer_done(i);
    assert_ok(wire_send(&s->control, MSG_KEEPER_INFER_GONE, &gone, NOTHING, NULL, 0));
}

struct msg_report stage_report(uint64_t job, uint8_t seed, const struct wire_nonce *nonce)
{
    struct msg_report r = {.job = job, .nonce = *nonce};
    memset(r.in_descriptors, seed, DIGEST_LEN);
    memset(r.in_tensors, seed ^ 1, DIGEST_LEN);
    memset(r.out_descriptors, seed ^ 2, DIGEST_LEN);
    memset(r.out_tensors, seed ^ 3, DIGEST_LEN);
    return r;
}

err_t stage_report_send(const struct stage_infer *i, const struct msg_report *r)
{
    return wire_send(&i->report, MSG_REPORT, r, NOTHING, NULL, 0);
}

void stage_infer_cut(struct stage_infer *i)
{
    assert_cut(&i->report);
}

/* ── anything ── */

struct wire_nonce stage_nonce(uint8_t seed, uint8_t len)
{
    struct wire_nonce n = {.len = len};
    memset(n.bytes, seed, MIN(len, NONCE_MAX));
    return n;
}

void stage_round(struct stage *s, struct stage_front *f, struct stage_infer *i)
{
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct wire_nonce nonce = stage_nonce(7, NONCE_MIN);
    struct msg_report r = stage_report(stage_ticket(f, i->number, &nonce), 0x77, &nonce);
    assert_ok(stage_report_send(i, &r));
    stage_receive(s, f, &got);
    assert_int_equal(got.job, r.job);
    assert_memory_equal(got.receipt.statement.input.tensors, r.in_tensors, DIGEST_LEN);
}

void stage_send_raw(const struct wire_end *end, const void *bytes, size_t len, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 64)];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
        for (unsigned i = 0; i < n_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &end->fd, sizeof(int));
    }
    assert_int_equal(sendmsg(end->fd, &msg, MSG_NOSIGNAL), (ssize_t)len);
}

void stage_wait_readable(const struct wire_end *end)
{
    assert_ok(wire_wait(end, PATIENCE_MS));
}

/* ── one front and two infers ── */

int cast_setup(void **state)
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

int cast_teardown(void **state)
{
    struct cast *c = *state;
    *state = c->stage;
    stage_front_done(&c->front);
    stage_infer_done(&c->a);
    stage_infer_done(&c->b);
    return stage_teardown(state);
}

void cast_end_of_a(struct cast *c, err_t reason)
{
    stage_accused(c->stage, c->a.number, 0, reason);
    stage_infer_cut(&c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_silence(&c->front);
    stage_not_accused(c->stage);
}

void cast_end_of_front(struct cast *c, err_t reason)
{
    uint16_t next = c->front.generation + 1;
    stage_accused(c->stage, 0, c->front.generation, reason);
    stage_front_cut(&c->front);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, next, &c->front);
    stage_round(c->stage, &c->front, &c->a);
    stage_round(c->stage, &c->front, &c->b);
    stage_not_accused(c->stage);
}

void cast_report(const struct stage_infer *i, uint64_t job, const struct wire_nonce *nonce)
{
    struct msg_report r = stage_report(job, (uint8_t)job, nonce);
    assert_ok(stage_report_send(i, &r));
}
