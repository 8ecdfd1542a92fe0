/* What an infer can try. */
#include "fake.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/roles.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ── the host, after SEALED ── */

static void want(struct fake *f, const char *when)
{
    char byte = 0;
    struct pollfd p = {.fd = f->block_fd, .events = POLLIN};
    int sent = fake_want(f);
    (void)poll(&p, 1, 100);
    fake_note("%s: write %s, read %zd", when, sent >= 0 ? "went out" : strerror(-sent), read(f->block_fd, &byte, 1));
}

static void want_after_sealed(struct fake *f)
{
    want(f, "sealed");
}

static bool want_with_data(struct fake *f, struct work *w UNUSED)
{
    want(f, "with data");
    return false;
}

/* ── reports ── */

static void report_another(struct fake *f, const struct work *w, uint64_t job)
{
    struct msg_report r = w->report;
    r.job = job;
    fake_report(f, &r);
}

static void report_early(struct fake *f)
{
    struct msg_report r = {0};
    for (uint64_t n = 1; n < 20; n++) {
        r.job = (uint64_t)1 << 48 | n;
        fake_report(f, &r);
    }
}

static bool report_next(struct fake *f, struct work *w)
{
    report_another(f, w, w->job.job + 1);
    return false;
}

/* The job before this one is another model's, and still running. */
static bool report_last(struct fake *f, struct work *w)
{
    report_another(f, w, w->job.job - 1);
    return true;
}

static bool report_twice(struct fake *f, struct work *w)
{
    report_another(f, w, w->job.job);
    return false;
}

static bool report_nonce(struct fake *f, struct work *w)
{
    w->report.nonce.len = 16;
    w->report.nonce.bytes[0] ^= 1;
    (void)f;
    return false;
}

static bool report_nothing(struct fake *f, struct work *w)
{
    AUTO_FD int fd = fake_area(w->bytes, MAX(w->out.total, 1U), SEALS_OUTPUT);
    fake_result(f, w, fd);
    return true;
}

static bool report_garbage(struct fake *f, struct work *w)
{
    const struct wire_head head = {MSG_REPORT, 0, 3};
    (void)w;
    EXPECT(fake_send_raw(&f->report, &head, sizeof(head), 0) == 0);
    return false;
}

/* ── what front is told ── */

static bool bad_meta(struct fake *f)
{
    static uint8_t noise[WIRE_TAIL_MAX];
    const struct msg_empty none = {0};
    struct view good = f->signature.encoded;
    const struct msg_result early = {.job = 1};
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(i * i >> 3);
    switch (f->variant) {
    case 0:
        return wire_send_wait(&f->job, MSG_META, &none, view_of(noise, sizeof(noise)), NULL, 0) == OK;
    case 1:
        return wire_send_wait(&f->job, MSG_META, &none, view_of(NULL, 0), NULL, 0) == OK;
    case 2:
        return wire_send_wait(&f->job, MSG_META, &none, view_of(good.data, good.len - 1), NULL, 0) == OK;
    case 3:
        return wire_send_wait(&f->job, MSG_RESULT, &early, view_of(NULL, 0), NULL, 0) == OK;
    case 4: /* twice */
        return wire_send_wait(&f->job, MSG_META, &none, good, NULL, 0) != OK;
    default:
        return fake_send_raw(&f->job, noise, 5000, 10) == 0;
    }
}
#define BAD_METAS 6

/* Sends a result that is wrong in one way. The report was true. */
static bool bad_result(struct fake *f, struct work *w)
{
    static uint8_t noise[WIRE_TAIL_MAX];
    AUTO_FD int good = fake_area(w->bytes, MAX(w->out.total, 1U), SEALS_OUTPUT), none = -1;
    AUTO_FD int fd = -1;
    int pair[2] = {-1, -1};
    fake_report(f, &w->report);
    switch (f->variant) {
    case 0:
        w->result.job++;
        break;
    case 1:
        w->result.slot = 9999;
        break;
    case 2: /* no area */
        fake_result(f, w, none);
        return true;
    case 3: /* it could shrink while front reads */
        fd = fake_area(w->bytes, w->out.total, 0);
        fake_result(f, w, fd);
        return true;
    case 4: /* it could be written */
        fd = fake_area(w->bytes, w->out.total, SEALS_AREA);
        fake_result(f, w, fd);
        return true;
    case 5: /* not a file */
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 || errno != 0);
        fake_result(f, w, pair[0] >= 0 ? pair[0] : f->report.fd);
        return true;
    case 6: /* shorter than it says */
        fd = fake_area(w->bytes, 1, SEALS_OUTPUT);
        fake_result(f, w, fd);
        return true;
    case 7:
        w->result.bytes = UINT64_MAX;
        break;
    case 8:
        w->result.bytes = 0;
        break;
    case 9: /* a tail that is no value set */
        memset(noise, 0x80, sizeof(noise));
        (void)!wire_send_wait(&f->job, MSG_RESULT, &w->result, view_of(noise, sizeof(noise)), &good, 1);
        return true;
    case 10: /* an error that there is not */
        w->result.result = UINT32_MAX;
        break;
    case 11: /* a sentence of 80 KiB of terminal controls */
        w->result.result = ERR_RUN_FAILED;
        memset(noise, 0x1b, sizeof(noise));
        (void)!wire_send_wait(&f->job, MSG_RESULT, &w->result, view_of(noise, sizeof(noise)), NULL, 0);
        return true;
    case 12:
        return fake_send_raw(&f->job, noise, 100, 10) == 0;
    default: /* not a word, for ever */
        return true;
    }
    fake_result(f, w, good);
    return true;
}

/* The area is sealed for everybody but us: what front reads changes under its eyes. */
static atomic_bool scribbling;

static void *scribble(void *self)
{
    struct map *m = self;
    static const uint8_t lens[] = {8, 0xff, 0, 7, 200};
    for (unsigned n = 0; atomic_load(&scribbling); n++)
        for (size_t i = 0; i + 12 <= m->size; i += 12) {
            volatile uint8_t *at = m->addr + i;
            at[0] = lens[n % COUNT_OF(lens)];
            at[3] = n % 7 == 0 ? 0xff : 0;
            at[4] = n % 2 == 0 ? 0xf0 : '"';
        }
    return NULL;
}

static bool scribble_strings(struct fake *f, struct work *w)
{
    AUTO_FD int fd = fake_area(w->bytes, MAX(w->out.total, 1U), 0);
    AUTO(map_done) struct map map = {0};
    pthread_t thread;
    EXPECT(map_shared(fd, MAX(w->out.total, 1U), PROT_READ | PROT_WRITE, &map) == OK);
    EXPECT(memfd_seal(fd, SEALS_OUTPUT) == OK);
    atomic_store(&scribbling, true);
    EXPECT(pthread_create(&thread, NULL, scribble, &map) == 0);
    fake_report(f, &w->report);
    fake_result(f, w, fd);
    (void)usleep(50000);
    atomic_store(&scribbling, false);
    EXPECT(pthread_join(thread, NULL) == 0);
    return true;
}

/* Nothing is ever read from the channel for cancellations, so nothing may be put there. */
static bool use_cancel(struct fake *f)
{
    const struct wire_head head = {MSG_CANCEL, 0, 8};
    int error = fake_send_raw(&f->cancel, &head, sizeof(head), 253);
    fake_note("cancel: %s", strerror(error));
    return false;
}

/* Five of these are more descriptors than a process of infer may have: while they lie in a socket, no other one can send any, not even
   one of another test. */
static void hoard(const struct wire_end *end)
{
    const struct wire_head head = {MSG_CANCEL, 0, 8};
    fake_note("hoards"); /* and may be killed before it can say anything else */
    int error = fake_send_raw(end, &head, sizeof(head), 253);
    if (error != 0)
        fake_note("FAIL hoard: %s", strerror(error));
}

static void *hoard_when_idle(void *job)
{
    (void)sleep(2); /* by then nobody expects anything of it */
    hoard(job);
    return NULL;
}

/* After so many short jobs that its results no longer wake anybody by themselves. */
static bool hoard_in_job(struct fake *f, struct work *w UNUSED)
{
    static unsigned jobs;
    pthread_t thread;
    if (++jobs == 40)
        EXPECT(pthread_create(&thread, NULL, hoard_when_idle, &f->job) == 0 && pthread_detach(thread) == 0);
    return false;
}

/* And its model is never loaded. */
static void hoard_in_report(struct fake *f)
{
    hoard(&f->report);
    for (;;)
        (void)sleep(60); /* pause is no call that the jail allows */
}

/* ── what the supervisor is told ── */

static bool bad_size(struct fake *f, uint64_t size UNUSED)
{
    const struct msg_infer_bytes wanted = {.bytes = f->variant == 0 ? 0 : f->variant == 1 ? UINT64_MAX : INT64_MAX};
    return wire_send_wait(&f->control, MSG_INFER_SIZE, &wanted, view_of(NULL, 0), NULL, 0) == OK;
}

/* As if nobody had the root, which it has seen. */
static void come_back(struct fake *f)
{
    const struct msg_infer_failed returned = {.reason = ERR_MODEL_NOT_FOUND};
    (void)!wire_send_wait(&f->control, MSG_INFER_RETURNED, &returned, view_of(NULL, 0), NULL, 0);
}

static bool come_back_sized(struct fake *f, uint64_t size)
{
    const struct msg_infer_bytes wanted = {.bytes = size};
    err_t e = wire_send_wait(&f->control, MSG_INFER_SIZE, &wanted, view_of(NULL, 0), NULL, 0);
    come_back(f);
    return e == OK;
}

static void tell_progress(struct fake *f, uint64_t bytes)
{
    const struct msg_infer_progress p = {.bytes = bytes, .sources = 1};
    (void)!wire_send_wait(&f->control, MSG_INFER_PROGRESS, &p, view_of(NULL, 0), NULL, 0);
}

static bool early_progress(struct fake *f, uint64_t size UNUSED)
{
    tell_progress(f, 0);
    return false;
}

/* More than there is, or less than before. */
static bool bad_progress(struct fake *f, struct msg_infer_sealed *sealed, int fd UNUSED)
{
    tell_progress(f, sealed->size + (f->variant == 0));
    tell_progress(f, sealed->size - 1);
    return false;
}

static bool bad_sealed(struct fake *f, struct msg_infer_sealed *sealed, int fd)
{
    AUTO_FD int other = -1;
    switch (f->variant) {
    case 0: /* no seals */
        other = fake_area("model", 5, 0);
        break;
    case 1: /* another size */
        other = fake_area("model", 5, SEALS_FILE);
        break;
    case 2: /* a size of its own */
        sealed->size++;
        break;
    case 3:
        sealed->file_cid_len = 200;
        break;
    case 4: /* no name, and half of one */
        sealed->file_cid_len = 0;
        break;
    case 5:
        sealed->file_cid_len = 33;
        break;
    case 7: /* another model's name */
        sealed->file_cid[sealed->file_cid_len - 1] ^= 1;
        break;
    default: { /* more descriptors than any message has */
        const struct wire_head head = {MSG_INFER_SEALED, 10, sizeof(*sealed)};
        uint8_t bytes[sizeof(head) + sizeof(*sealed)] = {0};
        memcpy(bytes, &head, sizeof(head));
        return fake_send_raw(&f->control, bytes, sizeof(bytes), 10) == 0;
    }
    }
    int file = other >= 0 ? other : fd;
    return wire_send_wait(&f->control, MSG_INFER_SEALED, sealed, view_of(NULL, 0), &file, 1) == OK;
}

/* Not at all, twice with another answer, and with one that does not exist. */
static bool bad_scanned(struct fake *f)
{
    struct msg_infer_scanned scanned = {.random_operator = f->variant == 2 ? 2 : 1};
    for (unsigned n = 0; n < MIN(f->variant, 2U); n++)
        EXPECT(wire_send_wait(&f->control, MSG_INFER_SCANNED, &scanned, view_of(NULL, 0), NULL, 0) == OK);
    return f->variant != 1;
}

static void loaded_twice(struct fake *f)
{
    const struct msg_infer_loaded loaded = {0};
    (void)!wire_send_wait(&f->control, MSG_INFER_LOADED, &loaded, view_of(NULL, 0), NULL, 0);
}

/* Asks for memory as fast as it can, and reads the answers. */
static void *read_control(void *self)
{
    const struct fake *f = self;
    char bytes[4096];
    while (recv(f->control.fd, bytes, sizeof(bytes), 0) > 0)
        continue;
    _exit(0);
}

static void flood_control(struct fake *f)
{
    const struct msg_infer_bytes wanted = {.bytes = 1};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, read_control, f) == 0);
    fake_note("flooding");
    while (wire_send_wait(&f->control, MSG_INFER_MEMORY, &wanted, view_of(NULL, 0), NULL, 0) == OK)
        continue;
    _exit(0);
}

static void flood_log(struct fake *f UNUSED)
{
    struct log_record r = {.role = ROLE_INFER, .count = 3};
    fake_note("flooding");
    for (uint64_t n = 0;; n++) {
        r.event = (uint16_t)(n % 3 == 0 ? n : LOG_PEER_REFUSED); /* most of these events are not there, or not its own */
        r.args[1] = n % 7 == 0 ? INT64_MIN : 4711;
        if (send(LOG_FD, &r, sizeof(r), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
            _exit(0);
    }
}

/* What is not a record: too short, too long, with descriptors. */
static void bad_log(struct fake *f)
{
    static const struct {
        size_t len;
        unsigned n_fds;
    } wrong[] = {{7, 0}, {4096, 0}, {sizeof(struct log_record), 1}, {sizeof(struct log_record), 200}};
    static const char bytes[4096];
    struct wire_end log = {.fd = LOG_FD};
    EXPECT(f->variant < COUNT_OF(wrong));
    EXPECT(fake_send_raw(&log, bytes, wrong[f->variant].len, wrong[f->variant].n_fds) == 0);
}

/* A channel that is at its end can be read for ever. */
static void close_log(struct fake *f UNUSED)
{
    (void)close(LOG_FD);
}

const struct lie lies[] = {
    {.name = "nothing"},
    {.name = "want", .on_proceed = want_after_sealed, .on_job = want_with_data},
    {.name = "report-early", .on_assigned = report_early},
    {.name = "report-next", .on_job = report_next},
    {.name = "report-last", .on_job = report_last},
    {.name = "report-twice", .on_job = report_twice},
    {.name = "report-nonce", .on_job = report_nonce},
    {.name = "report-nothing", .on_job = report_nothing},
    {.name = "report-garbage", .on_job = report_garbage},
    {.name = "meta", .on_front = bad_meta},
    {.name = "result", .on_job = bad_result},
    {.name = "strings", .strings = true, .on_job = scribble_strings},
    {.name = "cancel", .on_front = use_cancel},
    {.name = "hoard-job", .on_job = hoard_in_job},
    {.name = "hoard-report", .on_assigned = hoard_in_report},
    {.name = "engine-empty", .engine = ""},
    {.name = "engine-control", .engine = "liar\x1b[2J"},
    {.name = "size", .on_size = bad_size},
    {.name = "sealed", .on_sealed = bad_sealed},
    {.name = "progress-early", .on_size = early_progress},
    {.name = "progress", .on_sealed = bad_progress},
    {.name = "back-sized", .on_size = come_back_sized},
    {.name = "back-loaded", .on_loaded = come_back},
    {.name = "scanned", .on_scanned = bad_scanned},
    {.name = "loaded-twice", .on_loaded = loaded_twice},
    {.name = "flood-control", .on_loaded = flood_control},
    {.name = "flood-log", .on_loaded = flood_log},
    {.name = "log", .on_loaded = bad_log},
    {.name = "close-log", .on_loaded = close_log},
    {.name = NULL},
};
