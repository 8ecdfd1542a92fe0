/* What a front can try. Models are y = 2x of float: the first is `double` (any length), a second one the same with rows of 1,024,
   slow enough to be written to while it runs. */
#include "liar.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_NONCE ((struct wire_nonce){.len = 0})
#define AUTO_LANE AUTO(lane_done) struct lane

static void honest(struct liar *l, char **cids)
{
    for (; *cids != NULL; cids++) {
        AUTO_LANE a = {0};
        liar_load(l, *cids, &a);
        liar_honest_job(l, &a, 1024, 3);
        liar_honest_job(l, &a, 4096, -0.5F);
    }
}

/* ── (a) the input area is written to all the time ── */

struct scribe {
    float *area;
    size_t count;
    atomic_bool stop;
    pthread_t thread;
};

static void *scribble(void *self)
{
    struct scribe *s = self;
    for (unsigned round = 1; !atomic_load(&s->stop); round++)
        for (size_t i = 0; i < s->count; i++)
            ((volatile float *)s->area)[i] = (float)(round % 1024);
    return NULL;
}

static bool is_torn(const struct lane *a, size_t count)
{
    const float *y = (const float *)(const void *)a->slots[0].out.addr;
    for (size_t i = 1; i < count; i++)
        if (y[i] != y[0])
            return true;
    return false;
}

/* A job whose input is being written; true when what ran was a mixture. */
static bool scribbled_job(struct liar *l, struct lane *a, size_t count)
{
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    uint64_t job = liar_next_job(l);
    struct wire_nonce nonce = liar_nonce((uint8_t)job, 16);
    liar_ticket(l, a->infer, job, nonce);
    liar_job(l, a, 0, job, nonce, count);
    EXPECT(l, liar_result(l, a, &o) && o.head.result == OK && liar_receipt(l, &g));
    liar_check(l, a, &o, &g, nonce);
    return is_torn(a, count);
}

static void scribbled_jobs(struct liar *l, const char *cid, size_t count, unsigned jobs)
{
    AUTO_LANE a = {0};
    unsigned torn = 0;
    liar_load(l, cid, &a);
    struct scribe s = {.area = liar_input(l, &a, 0, count * sizeof(float)), .count = count};
    EXPECT(l, pthread_create(&s.thread, NULL, scribble, &s) == 0);
    for (unsigned n = 0; n < jobs; n++)
        torn += scribbled_job(l, &a, count);
    atomic_store(&s.stop, true);
    EXPECT(l, pthread_join(s.thread, NULL) == 0);
    liar_say(l, "%u of %u inputs changed while they were copied", torn, jobs);
    EXPECT(l, torn > 0); /* or nothing was shown */
}

static void rewrite_input(struct liar *l, char **cids)
{
    scribbled_jobs(l, cids[0], 1 << 20, 40);
    scribbled_jobs(l, cids[1], 1 << 20, 10);
}

/* Once, right after the job was sent, and again when the model must be running: whichever was taken is what the receipt says. */
static void rewrite_once(struct liar *l, char **cids)
{
    enum { COUNT = 1 << 20 };
    AUTO_LANE a = {0};
    liar_load(l, cids[1], &a);
    for (unsigned delay_us = 0; delay_us < 20000; delay_us = delay_us * 2 + 10) {
        AUTO(outcome_done) struct outcome o = {0};
        AUTO(got_done) struct got g = {0};
        uint64_t job = liar_next_job(l);
        float *x = liar_input(l, &a, 0, COUNT * sizeof(float));
        for (size_t i = 0; i < COUNT; i++)
            x[i] = 1;
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job(l, &a, 0, job, NO_NONCE, COUNT);
        (void)usleep(delay_us);
        for (size_t i = 0; i < COUNT; i++)
            x[i] = 7;
        EXPECT(l, liar_result(l, &a, &o) && o.head.result == OK && liar_receipt(l, &g));
        liar_check(l, &a, &o, &g, NO_NONCE);
    }
}

/* ── (b) the output area ── */

static void try_to_write(struct liar *l, const struct slot *s)
{
    char path[64], byte = 1;
    struct stat st;
    EXPECT(l, fstat(s->out_fd, &st) == 0);
    EXPECT(l, mmap(NULL, s->out.size, PROT_READ | PROT_WRITE, MAP_SHARED, s->out_fd, 0) == MAP_FAILED && errno == EPERM);
    EXPECT(l, mmap(NULL, s->out.size, PROT_WRITE, MAP_SHARED, s->out_fd, 0) == MAP_FAILED && errno == EPERM);
    EXPECT(l, mprotect(s->out.addr, s->out.size, PROT_READ | PROT_WRITE) != 0);
    EXPECT(l, pwrite(s->out_fd, &byte, 1, 0) < 0 && errno == EPERM);
    EXPECT(l, write(s->out_fd, &byte, 1) < 0 && errno == EPERM);
    EXPECT(l, ftruncate(s->out_fd, 0) != 0 && errno == EPERM);
    EXPECT(l, ftruncate(s->out_fd, st.st_size * 2) != 0 && errno == EPERM);
    EXPECT(l, fcntl(s->out_fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->out_fd);
    AUTO_FD int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0)
        EXPECT(l, mmap(NULL, s->out.size, PROT_WRITE, MAP_SHARED, again, 0) == MAP_FAILED && write(again, &byte, 1) < 0);
}

static void write_output(struct liar *l, char **cids)
{
    enum { COUNT = 100000 };
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    for (unsigned n = 0; n < 3; n++) {
        AUTO(outcome_done) struct outcome o = {0};
        AUTO(got_done) struct got g = {0};
        uint64_t job = liar_next_job(l);
        float *x = liar_input(l, &a, 0, COUNT * sizeof(float));
        for (size_t i = 0; i < COUNT; i++)
            x[i] = (float)n;
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job(l, &a, 0, job, NO_NONCE, COUNT);
        EXPECT(l, liar_result(l, &a, &o) && o.head.result == OK);
        try_to_write(l, &a.slots[0]);
        EXPECT(l, liar_receipt(l, &g));
        liar_check(l, &a, &o, &g, NO_NONCE);
    }
}

/* Infer's own output area comes back as the input area of another slot, and of the same: whatever it reads, it says so. */
static void output_as_input(struct liar *l, char **cids)
{
    enum { COUNT = 5000 };
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    liar_honest_job(l, &a, COUNT, 1);
    for (unsigned n = 0; n < 6; n++) {
        AUTO(outcome_done) struct outcome o = {0};
        AUTO(got_done) struct got g = {0};
        uint64_t job = liar_next_job(l);
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job_from(l, &a, n % 2, job, a.slots[0].out_fd, COUNT);
        EXPECT(l, liar_result(l, &a, &o) && o.head.result == OK && liar_receipt(l, &g));
        liar_check(l, &a, &o, &g, NO_NONCE);
        const float *y = (const float *)(const void *)a.slots[n % 2].out.addr;
        EXPECT(l, y[0] > 2); /* it did read its own output */
    }
}

/* ── areas that are none ── */

static int bad_area(unsigned which)
{
    int fds[2] = {-1, -1};
    int fd = memfd_create("liar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    switch (which) {
    case 0: /* no seals: it could shrink under the copy */
        (void)!ftruncate(fd, 4096);
        return fd;
    case 1: /* no seal against shrinking */
        (void)!ftruncate(fd, 4096);
        (void)!fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL);
        return fd;
    case 2: /* nothing in it */
        (void)!fcntl(fd, F_ADD_SEALS, SEALS_AREA);
        return fd;
    case 3: /* shorter than the job says */
        (void)!ftruncate(fd, 64);
        (void)!fcntl(fd, F_ADD_SEALS, SEALS_AREA);
        return fd;
    default: /* not a file */
        fd_close(&fd);
        (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
        fd_close(&fds[1]);
        return fds[0];
    }
}
#define BAD_AREAS 5

static void bad_areas(struct liar *l, char **cids)
{
    for (unsigned which = 0; which < BAD_AREAS; which++) {
        AUTO_LANE a = {0};
        AUTO_FD int fd = bad_area(which);
        liar_load(l, cids[0], &a);
        uint64_t job = liar_next_job(l);
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job_from(l, &a, 0, job, fd, 1024);
        liar_infer_ends(l, &a);
        liar_no_receipt(l);
    }
}

/* ── (c) nonces ── */

static void swap_nonces(struct liar *l, char **cids)
{
    const struct wire_nonce nonces[] = {NO_NONCE, liar_nonce(1, 16), liar_nonce(1, 17), liar_nonce(2, 16)};
    for (size_t n = 0; n < COUNT_OF(nonces); n++) {
        AUTO_LANE a = {0};
        liar_load(l, cids[0], &a);
        (void)liar_input(l, &a, 0, 4096);
        uint64_t job = liar_next_job(l);
        liar_ticket(l, a.infer, job, nonces[n]);
        liar_job(l, &a, 0, job, nonces[(n + 1) % COUNT_OF(nonces)], 64);
        liar_infer_ends(l, &a);
        liar_no_receipt(l);
    }
}

static void short_nonce(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    uint64_t job = liar_next_job(l);
    liar_job(l, &a, 0, job, liar_nonce(1, 15), 64);
    liar_infer_ends(l, &a);
    lane_done(&a);
    liar_load(l, cids[0], &a);
    liar_ticket(l, a.infer, job, liar_nonce(1, 15));
    liar_job(l, &a, 0, job, liar_nonce(1, 15), 64);
    liar_killed(l);
}

/* ── (d) replays ── */

/* One ticket, one report: the job that is run again costs infer its life, whatever the input is now. */
static void replay_job(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    liar_load(l, cids[0], &a);
    float *x = liar_input(l, &a, 0, 4096);
    x[0] = 1;
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g));
    liar_check(l, &a, &o, &g, NO_NONCE);
    x[0] = 2;
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
}

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

/* Two slots, two inputs, one number, at the same time: one of the two runs has the receipt, and it says which. */
static void twin_jobs(struct liar *l, char **cids)
{
    enum { COUNT = 1 << 16 };
    static float twos[COUNT], fours[COUNT];
    AUTO_LANE a = {0};
    AUTO(got_done) struct got g = {0};
    fill(twos, COUNT, 2);
    fill(fours, COUNT, 4);
    liar_load(l, cids[1], &a);
    fill(liar_input(l, &a, 0, sizeof(twos)), COUNT, 1);
    fill(liar_input(l, &a, 1, sizeof(fours)), COUNT, 2);
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, COUNT);
    liar_job(l, &a, 1, job, NO_NONCE, COUNT);
    EXPECT(l, liar_receipt(l, &g) && g.head.job == job);
    EXPECT(l, liar_matches(l, &a, twos, COUNT, &g, NO_NONCE) != liar_matches(l, &a, fours, COUNT, &g, NO_NONCE));
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
}

static void replay_ticket(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    liar_honest_job(l, &a, 64, 1);
    liar_ticket(l, a.infer, l->last_job, NO_NONCE);
    liar_job(l, &a, 0, l->last_job, NO_NONCE, 64);
    liar_killed(l);
}

/* ── (e) two models ── */

/* A ticket for one, the job to the other: no receipt, and the one that was not asked works on. */
static void mix_models(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    uint64_t job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &b, 0, job, NO_NONCE, 1024);
    liar_infer_ends(l, &b);
    liar_no_receipt(l);
    liar_honest_job(l, &a, 1024, 4);
    /* both get the job, one has the ticket: its receipt names it, and the other one ends */
    AUTO_LANE c = {0};
    AUTO(outcome_done) struct outcome o = {0};
    AUTO(got_done) struct got g = {0};
    liar_load(l, cids[1], &c);
    job = liar_next_job(l);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &c, 0, job, NO_NONCE, 1024);
    liar_infer_ends(l, &c);
    liar_job(l, &a, 0, job, NO_NONCE, 1024);
    EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g));
    liar_check(l, &a, &o, &g, NO_NONCE);
}

/* ── (f) numbers ── */

/* Jobs may come in any order once their tickets have come in theirs. */
static void jobs_backwards(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    uint64_t jobs[10];
    liar_load(l, cids[0], &a);
    for (size_t n = 0; n < COUNT_OF(jobs); n++) {
        jobs[n] = liar_next_job(l);
        liar_ticket(l, a.infer, jobs[n], liar_nonce((uint8_t)n, 16));
    }
    for (size_t n = COUNT_OF(jobs); n-- > 0;) {
        AUTO(outcome_done) struct outcome o = {0};
        AUTO(got_done) struct got g = {0};
        liar_input(l, &a, 0, 4096)[0] = (float)n;
        liar_job(l, &a, 0, jobs[n], liar_nonce((uint8_t)n, 16), 64);
        EXPECT(l, liar_result(l, &a, &o) && liar_receipt(l, &g) && g.head.job == jobs[n]);
        liar_check(l, &a, &o, &g, liar_nonce((uint8_t)n, 16));
    }
}

static void tell_ticket(struct liar *l, const char *cid, uint64_t job)
{
    AUTO_LANE a = {0};
    liar_load(l, cid, &a);
    liar_honest_job(l, &a, 64, 1);
    liar_ticket(l, a.infer, job, NO_NONCE);
    liar_job(l, &a, 0, job, NO_NONCE, 64);
    liar_killed(l);
}

static void number_falls(struct liar *l, char **cids)
{
    l->last_job += 1000;
    tell_ticket(l, cids[0], l->last_job - 500);
}

static void number_of_the_next_front(struct liar *l, char **cids)
{
    tell_ticket(l, cids[0], (uint64_t)(l->generation + 1) << 48 | 1);
}

static void number_of_the_last_front(struct liar *l, char **cids)
{
    tell_ticket(l, cids[0], (uint64_t)(l->generation - 1) << 48 | UINT32_MAX);
}

/* ── (g) one without the other ── */

static void job_without_ticket(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    liar_job(l, &a, 0, liar_next_job(l), NO_NONCE, 64);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    liar_honest_job(l, &b, 1024, 5);
}

/* More than the keeper keeps: the infer that never reports them makes room with its end. Jobs of the other make the keeper look. */
static void tickets_without_jobs(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    for (unsigned n = 0; n < 8; n++) {
        for (unsigned k = 0; k < 150; k++)
            liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE);
        liar_honest_job(l, &b, 1024, (float)n);
    }
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    liar_honest_job(l, &b, 1024, 1);
}

/* Tickets that stay when this front goes: its successor is not to suffer from them. */
static void tickets_left_behind(struct liar *l, char **cids)
{
    AUTO_LANE a = {0}, b = {0};
    liar_load(l, cids[0], &a);
    liar_load(l, cids[1], &b);
    for (unsigned n = 1; n < 1024; n++) {
        liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE);
        if (n % 100 == 0)
            liar_honest_job(l, &b, 1024, (float)n);
    }
    liar_honest_job(l, &b, 1024, 1);
    liar_ticket(l, a.infer, liar_next_job(l), NO_NONCE); /* now they are 1,024 */
    liar_say(l, "ending");
    _exit(0);
}

/* ── slots ── */

static void slot_twice(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[1], &a);
    (void)liar_input(l, &a, 0, 4 * MIB);
    for (unsigned n = 0; n < 8; n++) {
        uint64_t job = liar_next_job(l);
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job(l, &a, 0, job, NO_NONCE, MIB);
    }
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
}

/* ── other messages ── */

static void send_raw(const struct wire_end *end, uint16_t type, const void *fixed, size_t len, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 10)];
    } control = {0};
    struct wire_head head = {type, (uint16_t)n_fds, (uint32_t)len};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)fixed, len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
        memset(CMSG_DATA(c), 0, sizeof(int) * n_fds); /* descriptor 0 */
    }
    (void)!sendmsg(end->fd, &msg, MSG_NOSIGNAL);
}

/* What infer would say to the keeper, on the front's channel. */
static void forge_report(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[0], &a);
    uint64_t job = liar_next_job(l);
    struct msg_report r = {.job = job};
    liar_ticket(l, a.infer, job, NO_NONCE);
    send_raw(&l->ticket, MSG_REPORT, &r, sizeof(r), 0);
    liar_job(l, &a, 0, job, NO_NONCE, 64); /* its report makes the keeper look */
    liar_killed(l);
}

static void forge_receipt(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    struct msg_receipt r = {0};
    liar_load(l, cids[0], &a);
    send_raw(&l->ticket, MSG_RECEIPT, &r, sizeof(r), 0);
    liar_job(l, &a, 0, liar_next_job(l), NO_NONCE, 64);
    liar_killed(l);
}

static void many_descriptors(struct liar *l, char **cids)
{
    struct msg_tls_sign sign = {0};
    (void)cids;
    send_raw(&l->sign, MSG_TLS_SIGN, &sign, sizeof(sign), 10);
    liar_killed(l);
}

static void sign_a_root(struct liar *l, char **cids)
{
    static const char text[] = "\x84\x6aSignature1";
    struct msg_tls_sign sign = {0};
    (void)cids;
    EXPECT(l, wire_send(&l->sign, MSG_TLS_SIGN, &sign, view_of(text, sizeof(text)), NULL, 0) == OK);
    liar_killed(l);
}

static void odd_model(struct liar *l, char **cids)
{
    struct msg_front_load load = {.request = 1, .model = {.cid_len = 200}};
    (void)cids;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_LOAD, &load, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

static void out_of_state(struct liar *l, char **cids)
{
    const struct msg_empty none = {0};
    (void)cids;
    EXPECT(l, wire_send(&l->control, MSG_FRONT_DRAINED, &none, view_of(NULL, 0), NULL, 0) == OK);
    liar_killed(l);
}

/* An infer that is said to hang is ended; nothing of it comes as a receipt. */
static void slander(struct liar *l, char **cids)
{
    AUTO_LANE a = {0};
    liar_load(l, cids[1], &a);
    struct msg_front_infer hung = {.infer = a.infer};
    EXPECT(l, wire_send(&l->control, MSG_FRONT_HUNG, &hung, view_of(NULL, 0), NULL, 0) == OK);
    liar_infer_ends(l, &a);
    liar_no_receipt(l);
    for (uint32_t infer = 0; infer < 10000; infer += 1000) {
        struct msg_front_infer unknown = {.infer = infer};
        EXPECT(l, wire_send_wait(&l->control, MSG_FRONT_RELEASED, &unknown, view_of(NULL, 0), NULL, 0) == OK);
        EXPECT(l, wire_send_wait(&l->control, MSG_FRONT_ACTIVE, &unknown, view_of(NULL, 0), NULL, 0) == OK);
    }
}

/* ── all at once ── */

/* Four slots whose inputs are written all the time, tickets and jobs in an order of their own: whatever comes back is true. */
static void chaos(struct liar *l, char **cids)
{
    enum { COUNT = 1 << 14, JOBS = 400 };
    AUTO_LANE a = {0};
    struct scribe s[LIAR_SLOTS] = {0};
    liar_load(l, cids[0], &a);
    for (unsigned n = 0; n < LIAR_SLOTS; n++) {
        s[n] = (struct scribe){.area = liar_input(l, &a, n, COUNT * sizeof(float)), .count = COUNT};
        EXPECT(l, pthread_create(&s[n].thread, NULL, scribble, &s[n]) == 0);
    }
    for (unsigned n = 0; n < JOBS; n += LIAR_SLOTS) {
        uint64_t jobs[LIAR_SLOTS];
        for (unsigned k = 0; k < LIAR_SLOTS; k++) {
            jobs[k] = liar_next_job(l);
            liar_ticket(l, a.infer, jobs[k], liar_nonce((uint8_t)jobs[k], 24));
        }
        for (unsigned k = LIAR_SLOTS; k-- > 0;)
            liar_job(l, &a, k, jobs[k], liar_nonce((uint8_t)jobs[k], 24), COUNT);
        struct got g[LIAR_SLOTS];
        for (unsigned k = 0; k < LIAR_SLOTS; k++)
            EXPECT(l, liar_receipt(l, &g[k]));
        for (unsigned k = 0; k < LIAR_SLOTS; k++) {
            AUTO(outcome_done) struct outcome o = {0};
            EXPECT(l, liar_result(l, &a, &o) && o.head.result == OK);
            for (unsigned r = 0; r < LIAR_SLOTS; r++)
                if (g[r].head.job == o.head.job)
                    liar_check(l, &a, &o, &g[r], liar_nonce((uint8_t)o.head.job, 24));
        }
        for (unsigned k = 0; k < LIAR_SLOTS; k++)
            got_done(&g[k]);
    }
    for (unsigned n = 0; n < LIAR_SLOTS; n++) {
        atomic_store(&s[n].stop, true);
        EXPECT(l, pthread_join(s[n].thread, NULL) == 0);
    }
    EXPECT(l, l->receipts == JOBS);
}

const struct lie lies[] = {
    {"honest", honest},
    {"rewrite-input", rewrite_input},
    {"rewrite-once", rewrite_once},
    {"write-output", write_output},
    {"output-as-input", output_as_input},
    {"bad-areas", bad_areas},
    {"swap-nonces", swap_nonces},
    {"short-nonce", short_nonce},
    {"replay-job", replay_job},
    {"twin-jobs", twin_jobs},
    {"replay-ticket", replay_ticket},
    {"mix-models", mix_models},
    {"jobs-backwards", jobs_backwards},
    {"number-falls", number_falls},
    {"number-of-the-next-front", number_of_the_next_front},
    {"number-of-the-last-front", number_of_the_last_front},
    {"job-without-ticket", job_without_ticket},
    {"tickets-without-jobs", tickets_without_jobs},
    {"tickets-left-behind", tickets_left_behind},
    {"slot-twice", slot_twice},
    {"forge-report", forge_report},
    {"forge-receipt", forge_receipt},
    {"many-descriptors", many_descriptors},
    {"sign-a-root", sign_a_root},
    {"odd-model", odd_model},
    {"out-of-state", out_of_state},
    {"slander", slander},
    {"chaos", chaos},
    {NULL, NULL},
};
