/* The life of the process, in the order in which it happens. */
#include "infer/infer.h"

#include "base/clock.h"
#include "base/log.h"
#include "infer/end.h"
#include "infer/load.h"
#include "infer/prepare.h"
#include "infer/watch.h"
#include "jail/jail.h"
#include "wire/conf.h"

#include <locale.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define WORKER_STACK (1 * MIB)
#define WATCH_STACK  (128 * KIB)
#define DOMAINS_ROOM (4 * KIB) /* the tail of INFER_ASSIGN */

struct infer {
    struct wire_end control;
    struct wire_inbox inbox;
    struct map conf_map;
    const struct conf *conf;
    OrtEnv *env;
    struct ort_library library;
    struct crew crew;
    struct watch watch;
    struct hasher *hasher;
    struct worker *workers[WORKERS_MAX];
    unsigned n_workers;
    sem_t go;               /* once for each worker beside the first */
    atomic_uint next_worker; /* the next thread that is let go is this one */
    int wake_fd;
    bool prepares; /* a model's prepared form, and serves none */
    /* the assignment */
    struct msg_infer_assign assign;
    uint8_t domains[DOMAINS_ROOM];
    size_t domains_len;
    int block_fd; /* -1: there is a kept file instead */
    int kept_fd;
    uint64_t start_ns;
    uint64_t deadline_ms;
    struct map file; /* until load_tidy */
};

/* ── start ── */

static err_t enter_jail(const char *library, const struct infer *i)
{
    const char *const read_only[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/proc/cpuinfo",
                                     "/proc/self/status", "/sys/bus/pci", "/sys/devices",
                                     library != NULL ? library : "/lib", getenv("LOCPATH"), NULL};
    const int keep[] = {CONTROL_FD, LOG_FD, i->wake_fd};
    const struct jail_paths paths = {
        .read_only = read_only, .empty_dir = ".", .keep_fds = keep, .n_keep_fds = COUNT_OF(keep)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_INFER_START, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_INFER, JAIL_INFER_START, failure.step, failure.os_error);
    return e;
}

static err_t tighten(enum jail_row row)
{
    struct jail_failure failure = {0};
    err_t e = jail_tighten(row, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_INFER, row, failure.step, failure.os_error);
    return e;
}

/* Waits for a message of one of these types and for no other. */
static err_t expect_either(struct infer *i, enum wire_type type, enum wire_type other, struct wire_msg *ret)
{
    struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_recv(&i->control, &i->inbox, true, &m));
    if (m.type != (uint16_t)type && m.type != (uint16_t)other) {
        wire_msg_done(&m);
        return ERR_PROTOCOL;
    }
    *ret = m;
    return OK;
}

static err_t expect(struct infer *i, enum wire_type type, struct wire_msg *ret)
{
    return expect_either(i, type, type, ret);
}

static err_t take_config(struct infer *i)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(expect(i, MSG_INFER_CONFIG, &m));
    i->prepares = ((const struct msg_infer_config *)m.fixed)->prepares != 0;
    return conf_map(m.fds[0], &i->conf_map, &i->conf);
}

static unsigned worker_count(const struct conf *c)
{
    cpu_set_t cpus;
    unsigned n = c->workers;
    if (n == 0)
        n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    return MIN(MAX(n, 1U), (unsigned)WORKERS_MAX);
}

/* ── threads ── */

static void *watch_thread(void *self)
{
    struct infer *i = self;
    watch_loop(&i->watch);
}

static void *worker_thread(void *self)
{
    struct infer *i = self;
    while (sem_wait(&i->go) != 0)
        continue;
    worker_loop(i->workers[atomic_fetch_add(&i->next_worker, 1)]);
}

static err_t start_thread(void *(*run)(void *), struct infer *i, size_t stack)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0)
        return ERR_NOMEM;
    bool ok = pthread_attr_setstacksize(&attr, stack) == 0 &&
              pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attr, run, i) == 0;
    (void)pthread_attr_destroy(&attr);
    return ok ? OK : ERR_NOMEM;
}

/* The first worker is the main thread, whose stack can grow: it loads the model before it takes jobs. */
static err_t make_threads(struct infer *i)
{
    i->n_workers = worker_count(i->conf);
    i->next_worker = 1;
    if (sem_init(&i->go, 0, 0) != 0)
        return ERR_INTERNAL;
    TRY(watch_init(&i->watch, &i->crew, &i->control, i->wake_fd));
    TRY(start_thread(watch_thread, i, WATCH_STACK));
    for (unsigned n = 0; n < i->n_workers; n++) {
        TRY(worker_new(&i->crew, &i->workers[n]));
        if (n > 0)
            TRY(start_thread(worker_thread, i, WORKER_STACK));
    }
    return OK;
}

static err_t make_crew(struct infer *i)
{
    struct crew *c = &i->crew;
    c->control = &i->control;
    c->input_max = i->conf->transfer_memory + MIB; /* areas are rounded up */
    seat_init(&c->seat);
    runs_init(&c->runs, i->wake_fd);
    TRY(memory_init(&c->memory, &i->control));
    return value_maker_init(&c->maker);
}

static err_t say_hello(struct infer *i)
{
    char engine[ENGINE_TEXT_MAX];
    struct msg_empty none = {0};
    TRY(session_engine(&i->library, MAX(i->conf->threads, 1U), engine));
    return wire_send_wait(&i->control, MSG_INFER_HELLO, &none, view_of(engine, strlen(engine)), NULL, 0);
}

/* Everything that needs files, threads or executable memory happens here, before there is a model. */
static err_t start(struct infer *i, const char *library)
{
    i->control = (struct wire_end){CONTROL_FD, CHAN_INFER, SIDE_B};
    i->block_fd = i->kept_fd = i->crew.report.fd = -1;
    (void)setpgid(0, 0); /* by its group the supervisor reaches all threads (setpriority) */
    i->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (i->wake_fd < 0 || OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return ERR_INTERNAL;
    TRY(sha256_setup());
    TRY(enter_jail(library, i));
    TRY(wire_inbox_init(&i->inbox, CHAN_INFER));
    TRY(take_config(i));
    TRY(ort_open(library, &i->library));
    TRY(ort_env_new(MAX(i->conf->threads, 1U), &i->env));
    (void)newlocale(LC_ALL_MASK, "en_US.UTF-8", NULL); /* held for ever: StringNormalizer finds it loaded */
    TRY(session_warm(i->env));
    TRY(make_crew(i));
    TRY(make_threads(i));
    TRY(hasher_new(&i->hasher));
    TRY(tighten(i->prepares ? JAIL_INFER_PREPARE : JAIL_INFER_LOAD));
    return say_hello(i);
}

/* ── the assignment ── */

/* Either the channel that its blocks come by is given, or its file, which an earlier process has sealed. */
static err_t take_assignment(struct infer *i)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(expect_either(i, MSG_INFER_ASSIGN, MSG_INFER_RELOAD, &m));
    i->assign = *(const struct msg_infer_assign *)m.fixed;
    if (m.tail.len > sizeof(i->domains) || (m.type == MSG_INFER_ASSIGN && i->assign.prepared != 0))
        return ERR_PROTOCOL;
    memcpy(i->domains, m.tail.data, m.tail.len);
    i->domains_len = m.tail.len;
    *(m.type == MSG_INFER_ASSIGN ? &i->block_fd : &i->kept_fd) = TAKE_FD(m.fds[0]);
    i->crew.report = (struct wire_end){TAKE_FD(m.fds[1]), CHAN_REPORT, SIDE_B};
    i->crew.output_max = i->assign.max_output_bytes;
    i->crew.run_ms = i->assign.run_ms;
    i->start_ns = clock_mono_ns();
    i->deadline_ms = clock_mono_ms() + i->assign.load_ms;
    return OK;
}

/* How long a file of this size may take: the fixed time, or longer at the rate of the configuration. */
static uint64_t load_time(const struct infer *i, uint64_t size)
{
    uint64_t per_ms = MAX(i->conf->load_rate / 1000, 1U);
    return MAX((uint64_t)i->assign.load_ms, size / per_ms);
}

/* The supervisor sets the memory limit, then answers. */
static err_t ask_for_size(void *self, uint64_t size, uint64_t *ret_deadline_ms)
{
    struct infer *i = self;
    struct msg_infer_bytes wanted = {.bytes = size};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    if (size == 0)
        return ERR_MODEL_NOT_ONNX;
    TRY(wire_send_wait(&i->control, MSG_INFER_SIZE, &wanted, view_of(NULL, 0), NULL, 0));
    TRY(expect(i, MSG_INFER_GRANT, &m));
    i->crew.memory.granted = ((const struct msg_infer_bytes *)m.fixed)->bytes;
    i->deadline_ms = clock_mono_ms() + load_time(i, size);
    *ret_deadline_ms = i->deadline_ms;
    return i->crew.memory.granted > 0 ? OK : ERR_MODEL_OVER_BUDGET;
}

/* The supervisor may be behind: it will hear the next one. */
static void tell_progress(void *self, uint64_t written, uint64_t size UNUSED, uint32_t sources)
{
    const struct infer *i = self;
    const struct msg_infer_progress p = {.bytes = written, .sources = (uint32_t)__builtin_popcount(sources)};
    (void)!wire_send(&i->control, MSG_INFER_PROGRESS, &p, view_of(NULL, 0), NULL, 0);
}

static void log_refused(void *self, uint32_t source, err_t reason)
{
    const struct infer *i = self;
    log_event(LOG_BLOCK_REFUSED, i->assign.infer, source, reason);
}

static err_t pull(struct infer *i, struct pulled *ret)
{
    struct pull_params p = {
        .block_fd = i->block_fd,
        .stop_fd = i->control.fd,
        .file_fd = -1,
        .hasher = i->hasher,
        .model = i->assign.model,
        .max_file_bytes = i->assign.max_file_bytes,
        .deadline_ms = i->deadline_ms,
        .on_size = ask_for_size,
        .on_progress = tell_progress,
        .on_refused = log_refused,
        .user = i,
    };
    if (getrandom(&p.seed, sizeof(p.seed), 0) != (ssize_t)sizeof(p.seed))
        return ERR_INTERNAL;
    return pull_model(&p, ret);
}

static err_t hand_over(struct infer *i, const struct pulled *p)
{
    struct msg_infer_sealed sealed = {.size = p->size, .file_cid_len = p->cid.len};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    sealed.verify_us = (uint32_t)((clock_mono_ns() - i->start_ns) / 1000);
    memcpy(sealed.file_cid, p->cid.bytes, p->cid.len);
    memcpy(sealed.model_sha256, p->sha256, sizeof(sealed.model_sha256));
    memcpy(sealed.from, p->from, sizeof(sealed.from));
    TRY(wire_send_wait(&i->control, MSG_INFER_SEALED, &sealed, view_of(NULL, 0), &p->fd, 1));
    TRY(expect(i, MSG_INFER_PROCEED, &m));
    fd_close(&i->block_fd);
    return tighten(JAIL_INFER_RUN);
}

/* ── the model ── */

static err_t load(struct infer *i, struct pulled *p, struct why *why)
{
    struct load_params params = {
        .env = i->env,
        .domains = view_of(i->domains, i->domains_len),
        .deadline_ms = i->deadline_ms,
        .prepared = i->assign.prepared != 0,
        .control = &i->control,
    };
    struct msg_infer_loaded loaded;
    i->watch.load_deadline_ms = i->deadline_ms;
    (void)sem_post(&i->watch.begin);
    TRY(load_model(p, &params, &i->crew, &i->file, &loaded, why));
    fd_close(&p->fd);
    for (unsigned n = 0; n < i->n_workers; n++)
        TRY(worker_fit(i->workers[n]));
    i->watch.state = WATCH_SERVING;
    return wire_send_wait(&i->control, MSG_INFER_LOADED, &loaded, view_of(NULL, 0), NULL, 0);
}

/* The file is complete, and was verified by the process that sealed it; there is no channel to give up. */
static err_t take_kept(struct infer *i, struct pulled *ret)
{
    size_t size = 0;
    uint64_t max = i->assign.max_file_bytes;
    TRY(memfd_check(i->kept_fd, SEALS_FILE, 1, i->assign.prepared != 0 ? PREPARED_MAX(max) : max, &size));
    i->crew.memory.granted = i->assign.granted_bytes;
    i->deadline_ms = clock_mono_ms() + load_time(i, size);
    ret->size = size;
    ret->fd = TAKE_FD(i->kept_fd);
    return tighten(JAIL_INFER_RUN);
}

static err_t get_model(struct infer *i, struct why *why)
{
    struct pulled pulled = {.fd = -1};
    if (i->kept_fd >= 0) {
        TRY(take_kept(i, &pulled));
    } else {
        TRY(pull(i, &pulled));
        TRY(hand_over(i, &pulled));
    }
    return load(i, &pulled, why);
}

/* No source has the root: nothing of a model has come in, so another one may. */
static err_t hand_back(struct infer *i)
{
    const struct msg_infer_failed none = {.reason = ERR_MODEL_NOT_FOUND};
    fd_close(&i->block_fd);
    wire_end_close(&i->crew.report);
    return wire_send_wait(&i->control, MSG_INFER_RETURNED, &none, view_of(NULL, 0), NULL, 0);
}

NORETURN static void serve(struct infer *i)
{
    unsigned limit = i->assign.workers != 0 ? MIN(i->assign.workers, i->n_workers) : i->n_workers;
    for (unsigned n = 1; n < limit; n++)
        (void)sem_post(&i->go);
    load_tidy(&i->file);
    worker_loop(i->workers[0]);
}

/* The supervisor is gone, or does what it may not: in either case it hears no more from us. */
NORETURN static void end(err_t e)
{
    if (e == ERR_CLOSED)
        _exit(0);
    end_refusing(ROLE_SUPER, 0, e);
}

/* OK with the first model that there is. A message that is out of rule ends the process. */
static err_t try_models(struct infer *i, struct why *why)
{
    for (;;) {
        err_t e = take_assignment(i);
        if (e != OK)
            end(e);
        e = get_model(i, why);
        if (e != ERR_MODEL_NOT_FOUND)
            return e;
        TRY(hand_back(i));
    }
}

/* The deadline is the watcher's. */
static err_t prepare(struct infer *i)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    AUTO_FD int fd = -1;
    struct msg_infer_prepared made = {0};
    err_t e = expect(i, MSG_INFER_PREPARE, &m);
    if (e != OK)
        end(e);
    i->start_ns = clock_mono_ns();
    i->watch.load_deadline_ms = clock_mono_ms() + ((const struct msg_infer_prepare *)m.fixed)->ms;
    (void)sem_post(&i->watch.begin);
    TRY(prepare_model(i->env, m.fds[0], i->conf->model_file_max, &fd));
    made.us = (uint32_t)((clock_mono_ns() - i->start_ns) / 1000);
    TRY(wire_send_wait(&i->control, MSG_INFER_PREPARED, &made, view_of(NULL, 0), &fd, 1));
    return ERR_CLOSED; /* that was all */
}

int infer_main(void)
{
    static struct infer infer;
    struct why why = {{0}};
    (void)setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    (void)unsetenv("ORT_LOAD_CONFIG_FROM_MODEL");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file above RLIMIT_FSIZE is an error, not a death */
    memory_tune_malloc();
    log_setup(LOG_FD, ROLE_INFER);
    err_t e = start(&infer, getenv("ONNXRUNTIME_ROOT"));
    if (e != OK)
        end(e);
    e = infer.prepares ? prepare(&infer) : try_models(&infer, &why);
    if (e == ERR_CLOSED)
        end(e);
    if (e != OK)
        end_without_model(&infer.control, e, &why);
    serve(&infer);
}
