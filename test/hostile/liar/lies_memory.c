/* What a front can try with the memory that it shares with an infer. */
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
        liar_fill(x, COUNT, 1);
        liar_ticket(l, a.infer, job, NO_NONCE);
        liar_job(l, &a, 0, job, NO_NONCE, COUNT);
        (void)usleep(delay_us);
        liar_fill(x, COUNT, 7);
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
        liar_fill(liar_input(l, &a, 0, COUNT * sizeof(float)), COUNT, (float)n);
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
                if (g[r].job == o.head.job)
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

const struct lie memory_lies[] = {
    {"honest", honest},
    {"rewrite-input", rewrite_input},
    {"rewrite-once", rewrite_once},
    {"write-output", write_output},
    {"output-as-input", output_as_input},
    {"bad-areas", bad_areas},
    {"slot-twice", slot_twice},
    {"chaos", chaos},
    {NULL, NULL},
};
