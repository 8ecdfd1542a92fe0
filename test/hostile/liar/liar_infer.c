/* veronnx-infer, except that it lies: its life, truthful where the lie says nothing. It needs no ONNX Runtime for y = 2x. */
#include "fake.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pull/pull.h"
#include "tensor/digest.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define ENGINE     "liar 1.0"

/* ── words ── */

void fake_note(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    size_t len = MIN((size_t)MAX(n, 0), sizeof(line) - 2);
    line[len++] = '\n';
    AUTO_FD int fd = open("../verdict", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)!fd_write_all(fd, line, len);
}

void fake_fail(const char *what)
{
    fake_note("FAIL %s", what);
    _exit(3);
}

int fake_send_raw(const struct wire_end *end, const void *bytes, size_t len, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 253)];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS}; /* descriptor 0, n times */
    }
    return sendmsg(end->fd, &msg, MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

/* WANT, no flags, a CID of 36 bytes (wire/block.h). */
int fake_want(const struct fake *f)
{
    static const uint8_t frame[] = {38, 0, 0, 0, 1, 0, 1, 0x55, 0x12, 0x20, 'c', 'l', 'i', 'e', 'n', 't', ' ', 'd', 'a', 't', 'a'};
    uint8_t bytes[4 + 38] = {0};
    memcpy(bytes, frame, sizeof(frame));
    ssize_t n = write(f->block_fd, bytes, sizeof(bytes));
    return n >= 0 ? (int)n : -errno;
}

/* ── start ── */

/* The first word of the file, and a number behind it. */
static const struct lie *read_lie(unsigned *ret_variant)
{
    char text[128] = "", *rest = text;
    AUTO_FD int fd = open("../lie", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return NULL;
    const char *name = strsep(&rest, " \n");
    *ret_variant = rest != NULL ? (unsigned)strtoul(rest, NULL, 10) : 0;
    for (const struct lie *l = lies; l->name != NULL; l++)
        if (strcmp(l->name, name) == 0)
            return l;
    fake_fail("no such lie");
}

NORETURN static void become_honest(char **argv)
{
    char own[PATH_BYTES] = "", path[PATH_BYTES + 64];
    if (readlink("/proc/self/exe", own, sizeof(own) - 1) > 0) {
        (void)snprintf(path, sizeof(path), "%.*s/honest/veronnx-infer", (int)(strrchr(own, '/') - own), own);
        (void)execv(path, argv);
    }
    _exit(127);
}

static void expect_message(struct fake *f, enum wire_type type, struct wire_msg *ret)
{
    err_t e = wire_recv(&f->control, &f->inbox, true, ret);
    if (e == ERR_CLOSED)
        _exit(0);
    EXPECT(e == OK && ret->type == (uint16_t)type);
}

static void start(struct fake *f)
{
    const struct msg_empty none = {0};
    const char *engine = f->lie->engine != NULL ? f->lie->engine : ENGINE;
    AUTO(wire_msg_done) struct wire_msg config = WIRE_MSG_NONE, assign = WIRE_MSG_NONE;
    const struct value_desc x = {.name = view_of("x", 1), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = (const int64_t[]){DIM_ANY}};
    struct value_desc y = x;
    y.name = view_of("y", 1);
    y.type.dtype = f->lie->strings ? DTYPE_STRING : DTYPE_FLOAT;
    f->control = (struct wire_end){CONTROL_FD, CHAN_INFER, SIDE_B};
    f->job = (struct wire_end){-1, CHAN_JOB, SIDE_B};
    f->cancel = (struct wire_end){-1, CHAN_CANCEL, SIDE_B};
    EXPECT(sha256_setup() == OK && signature_make(&x, 1, &y, 1, &f->signature) == OK);
    EXPECT(wire_inbox_init(&f->inbox, CHAN_INFER) == OK && wire_inbox_init(&f->job_inbox, CHAN_JOB) == OK);
    expect_message(f, MSG_INFER_CONFIG, &config);
    EXPECT(wire_send_wait(&f->control, MSG_INFER_HELLO, &none, view_of(engine, strlen(engine)), NULL, 0) == OK);
    expect_message(f, MSG_INFER_ASSIGN, &assign);
    f->assign = *(const struct msg_infer_assign *)assign.fixed;
    f->block_fd = TAKE_FD(assign.fds[0]);
    f->report = (struct wire_end){TAKE_FD(assign.fds[1]), CHAN_REPORT, SIDE_B};
    if (f->lie->on_assigned != NULL)
        f->lie->on_assigned(f);
}

/* ── the model ── */

static err_t say_size(void *self, uint64_t size, uint64_t *ret_deadline_ms)
{
    struct fake *f = self;
    const struct msg_infer_bytes wanted = {.bytes = size};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    if (f->lie->on_size == NULL || !f->lie->on_size(f, size))
        EXPECT(wire_send_wait(&f->control, MSG_INFER_SIZE, &wanted, view_of(NULL, 0), NULL, 0) == OK);
    expect_message(f, MSG_INFER_GRANT, &m);
    *ret_deadline_ms = clock_mono_ms() + 10000;
    return OK;
}

static void hand_over(struct fake *f, struct pulled *p)
{
    struct msg_infer_sealed sealed = {.size = p->size, .file_cid_len = p->cid.len};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    memcpy(sealed.file_cid, p->cid.bytes, p->cid.len);
    memcpy(sealed.model_sha256, p->sha256, sizeof(sealed.model_sha256));
    if (f->lie->on_sealed == NULL || !f->lie->on_sealed(f, &sealed, p->fd))
        EXPECT(wire_send_wait(&f->control, MSG_INFER_SEALED, &sealed, view_of(NULL, 0), &p->fd, 1) == OK);
    expect_message(f, MSG_INFER_PROCEED, &m);
    fd_close(&p->fd);
    if (f->lie->on_proceed != NULL)
        f->lie->on_proceed(f);
}

static void get_model(struct fake *f)
{
    const struct msg_infer_scanned scanned = {0};
    const struct msg_infer_loaded loaded = {0};
    struct pull_params p = {
        .block_fd = f->block_fd,
        .stop_fd = -1,
        .file_fd = -1,
        .model = f->assign.model,
        .max_file_bytes = f->assign.max_file_bytes,
        .deadline_ms = clock_mono_ms() + 10000,
        .seed = 1,
        .on_size = say_size,
        .user = f,
    };
    struct pulled pulled = {.fd = -1};
    EXPECT(hasher_new(&p.hasher) == OK);
    EXPECT(pull_model(&p, &pulled) == OK);
    hasher_free(&p.hasher);
    hand_over(f, &pulled);
    if (f->lie->on_scanned == NULL || !f->lie->on_scanned(f))
        EXPECT(wire_send_wait(&f->control, MSG_INFER_SCANNED, &scanned, view_of(NULL, 0), NULL, 0) == OK);
    EXPECT(wire_send_wait(&f->control, MSG_INFER_LOADED, &loaded, view_of(NULL, 0), NULL, 0) == OK);
    if (f->lie->on_loaded != NULL)
        f->lie->on_loaded(f);
}

/* ── jobs ── */

void fake_report(struct fake *f, const struct msg_report *r)
{
    (void)!wire_send_wait(&f->report, MSG_REPORT, r, view_of(NULL, 0), NULL, 0);
}

int fake_area(const void *bytes, size_t len, int seals)
{
    int fd = -1;
    EXPECT(memfd_new("fake", 0, &fd) == OK && fd_write_all(fd, bytes, len) == OK);
    if (seals != 0)
        EXPECT(memfd_seal(fd, seals) == OK);
    return fd;
}

void fake_result(struct fake *f, const struct work *w, int fd)
{
    AUTO_BUF struct buf tail = {.max = WIRE_TAIL_MAX};
    EXPECT(value_set_encode(&w->out, &tail) == OK);
    (void)!wire_send_wait(&f->job, MSG_RESULT, &w->result, buf_view(&tail), &fd, fd >= 0);
}

/* "y" of the same shape: twice the numbers, or a fixed string for each. */
static void compute(const struct fake *f, struct work *w, const uint8_t *area)
{
    struct value_desc y = w->in.descs.items[0];
    size_t count = w->in.places[0].len / sizeof(float);
    size_t size = f->lie->strings ? 12 : sizeof(float);
    uint64_t len = count * size;
    y.name = view_of("y", 1);
    y.type.dtype = f->lie->strings ? DTYPE_STRING : DTYPE_FLOAT;
    w->bytes = mem_alloc(MAX(count, 1U), size);
    EXPECT(w->bytes != NULL && value_set_make(&y, 1, &len, len, &w->out) == OK);
    for (size_t i = 0; i < count; i++) {
        float x = 0;
        memcpy(&x, area + i * sizeof(float), sizeof(x));
        x *= 2;
        memcpy(w->bytes + i * size, f->lie->strings ? (const void *)"\x08\0\0\0in order" : &x, size);
    }
}

static void prepare(struct fake *f, const struct wire_msg *m, const uint8_t *area, struct work *w)
{
    memcpy(&w->job, m->fixed, sizeof(w->job));
    EXPECT(value_set_parse(m->tail, w->job.bytes, &w->in) == OK && w->in.descs.count == 1);
    compute(f, w, area);
    w->report = (struct msg_report){.job = w->job.job, .nonce = w->job.nonce};
    w->result = (struct msg_result){.job = w->job.job, .slot = w->job.slot, .bytes = w->out.total};
    EXPECT(tensor_digest_of(&w->in, area, w->report.in_descriptors, w->report.in_tensors) == OK);
    EXPECT(tensor_digest_of(&w->out, w->bytes, w->report.out_descriptors, w->report.out_tensors) == OK);
}

static void work_done(struct work *w)
{
    value_set_done(&w->in);
    value_set_done(&w->out);
    mem_free(w->bytes);
}

static struct map areas[64]; /* the input areas, by slot */

static void serve_job(struct fake *f)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    AUTO(work_done) struct work w = {0};
    size_t size = 0;
    if (wire_recv(&f->job, &f->job_inbox, false, &m) != OK) {
        wire_end_close(&f->job);
        return;
    }
    unsigned slot = ((const struct msg_job *)m.fixed)->slot % COUNT_OF(areas);
    if (m.n_fds > 0) {
        map_done(&areas[slot]);
        EXPECT(memfd_check(m.fds[0], SEALS_AREA, 1, GIB, &size) == OK);
        EXPECT(map_shared(m.fds[0], size, PROT_READ, &areas[slot]) == OK);
    }
    prepare(f, &m, areas[slot].addr, &w);
    if (f->lie->on_job != NULL && f->lie->on_job(f, &w))
        return;
    AUTO_FD int fd = fake_area(w.bytes, MAX(w.out.total, 1U), SEALS_OUTPUT);
    fake_report(f, &w.report);
    fake_result(f, &w, fd);
}

static void serve_front(struct fake *f)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    const struct msg_empty none = {0};
    expect_message(f, MSG_INFER_FRONT, &m);
    wire_end_close(&f->job);
    wire_end_close(&f->cancel);
    f->job.fd = TAKE_FD(m.fds[0]);
    f->cancel.fd = TAKE_FD(m.fds[1]);
    if (f->lie->on_front == NULL || !f->lie->on_front(f))
        (void)!wire_send(&f->job, MSG_META, &none, f->signature.encoded, NULL, 0);
}

int main(int argc UNUSED, char **argv)
{
    static struct fake f;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    f.lie = read_lie(&f.variant);
    if (f.lie == NULL)
        become_honest(argv);
    fake_note("lying %s", f.lie->name);
    start(&f);
    get_model(&f);
    for (;;) {
        struct pollfd p[] = {{.fd = f.control.fd, .events = POLLIN}, {.fd = f.job.fd, .events = POLLIN}};
        EXPECT(poll(p, 2, -1) > 0);
        if (p[0].revents != 0)
            serve_front(&f);
        else if (p[1].revents != 0)
            serve_job(&f);
    }
}
