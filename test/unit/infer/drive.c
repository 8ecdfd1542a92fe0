/* The other ends of all channels of one veronnx-infer. */
#include "drive.h"

#include "base/clock.h"
#include "base/log.h"
#include "ipld/build.h"
#include "tensor/digest.h"
#include "../unit.h"
#include "wire/block.h"
#include "wire/conf.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000

/* ── the process ── */

static void become_infer(const struct drive *d, int control, int log)
{
    const char *bin = getenv("VERONNX_BIN"), *locale = getenv("LOCPATH"), *library = getenv("ONNXRUNTIME_ROOT");
    char path[4096], env_locale[4096], env_library[4096];
    char *const args[] = {(char *)(uintptr_t)"veronnx-infer", NULL};
    char *const env[] = {(char *)(uintptr_t)"ORT_DISABLE_TELEMETRY=1", env_locale, env_library, NULL};
    const char *exe = d->options.exe != NULL ? d->options.exe : "veronnx-infer";
    (void)snprintf(path, sizeof(path), "%s/%s", bin, exe);
    (void)snprintf(env_locale, sizeof(env_locale), "LOCPATH=%s", locale != NULL ? locale : "");
    (void)snprintf(env_library, sizeof(env_library), "ONNXRUNTIME_ROOT=%s", library);
    int c = fcntl(control, F_DUPFD, 10), l = fcntl(log, F_DUPFD, 10);
    if (chdir(d->empty_dir) == 0 && dup2(c, CONTROL_FD) == CONTROL_FD && dup2(l, LOG_FD) == LOG_FD)
        (void)execve(path, args, env);
    _exit(127);
}

/* Shows what the process logged and how it ended, before a test fails. */
static void tell_end(const struct drive *d)
{
    struct log_record r;
    char line[512];
    int status = 0;
    while (recv(d->log_fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r))
        if (log_format(&r, ROLE_INFER, 0, line) == OK)
            print_message("%s\n", line);
    (void)usleep(100000);
    if (waitpid(d->pid, &status, WNOHANG) == d->pid)
        print_message("it ended with status %#x\n", (unsigned)status);
}

/* Waits for a message that must come. */
static void receive(const struct drive *d, const struct wire_end *end, struct wire_inbox *in, struct wire_msg *ret)
{
    err_t e = wire_more(in) ? OK : wire_wait(end, PATIENCE_MS);
    if (e == OK)
        e = wire_recv(end, in, false, ret);
    if (e != OK)
        tell_end(d);
    assert_ok(e);
}

void drive_start(struct drive *d, const struct drive_options *options)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct msg_infer_config how = {.prepares = options->prepares};
    int log[2];
    *d = (struct drive){.options = *options, .report.fd = -1, .job.fd = -1, .cancel.fd = -1, .file_fd = -1};
    for (size_t i = 0; i < DRIVE_SLOTS; i++)
        d->slots[i].in_fd = d->slots[i].out_fd = -1;
    (void)snprintf(d->empty_dir, sizeof(d->empty_dir), P_tmpdir "/veronnx-drive-XXXXXX");
    assert_non_null(mkdtemp(d->empty_dir));
    assert_ok(wire_pair(CHAN_INFER, &d->control, &remote));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log), 0);
    d->log_fd = log[0];
    assert_ok(wire_inbox_init(&d->control_in, CHAN_INFER));
    assert_ok(wire_inbox_init(&d->report_in, CHAN_REPORT));
    assert_ok(wire_inbox_init(&d->job_in, CHAN_JOB));
    d->pid = fork();
    assert_true(d->pid >= 0);
    if (d->pid == 0)
        become_infer(d, remote.fd, log[1]);
    (void)close(log[1]);
    wire_end_close(&remote);
    AUTO_FD int config = drive_config(options);
    assert_ok(wire_send(&d->control, MSG_INFER_CONFIG, &how, view_of(NULL, 0), &config, 1));
    receive(d, &d->control, &d->control_in, &m);
    assert_int_equal(m.type, MSG_INFER_HELLO);
    memcpy(d->engine, m.tail.data, m.tail.len);
}

static void close_front(struct drive *d)
{
    for (size_t i = 0; i < DRIVE_SLOTS; i++) {
        fd_close(&d->slots[i].in_fd);
        fd_close(&d->slots[i].out_fd);
        map_done(&d->slots[i].in);
        map_done(&d->slots[i].out);
    }
    wire_end_close(&d->job);
    wire_end_close(&d->cancel);
    signature_done(&d->signature);
}

int drive_wait(struct drive *d)
{
    int status = 0;
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    pid_t ended = 0;
    while ((ended = waitpid(d->pid, &status, WNOHANG)) == 0 && clock_mono_ms() < until)
        (void)usleep(1000);
    if (ended == 0)
        (void)kill(d->pid, SIGKILL);
    assert_int_equal(ended, d->pid);
    close_front(d);
    wire_end_close(&d->control);
    wire_end_close(&d->report);
    wire_inbox_done(&d->control_in);
    wire_inbox_done(&d->report_in);
    wire_inbox_done(&d->job_in);
    fd_close(&d->log_fd);
    fd_close(&d->file_fd);
    (void)rmdir(d->empty_dir);
    return status;
}

int drive_end(struct drive *d)
{
    wire_end_close(&d->control);
    return drive_wait(d);
}

void drive_down(struct drive *d)
{
    assert_int_equal(drive_end(d), 0);
}

const char *drive_model(const char *name)
{
    static char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s.onnx", getenv("VERONNX_MODELS"), name);
    return path;
}

struct drive_value drive_tensor(const char *name, enum dtype dtype, uint8_t rank, const int64_t *dims,
                                const void *bytes, size_t len)
{
    return (struct drive_value){
        .desc = {.name = text_view(name), .type = {.dtype = (uint8_t)dtype}, .rank = rank, .dims = dims},
        .payload = view_of(bytes, len),
    };
}

/* ── the model ── */

struct block {
    struct cid cid;
    uint8_t *bytes;
    size_t len;
};

struct blocks {
    struct block *items;
    size_t count;
    struct cid root;
    uint8_t sha256[SHA256_LEN];
    uint64_t size;
    int fd; /* our end of the block channel */
    struct buf in;
};

static err_t keep_block(void *user, const struct cid *cid, struct view bytes)
{
    struct blocks *b = user;
    b->items = mem_resize(b->items, (b->count + 1) * sizeof(*b->items));
    assert_non_null(b->items);
    b->items[b->count++] = (struct block){*cid, mem_copy(bytes.data, bytes.len), bytes.len};
    return OK;
}

static void cut(const char *path, struct blocks *b)
{
    struct build *build = NULL;
    struct build_sink sink = {b, keep_block};
    static uint8_t piece[64 * KIB];
    struct sha256 hash = {0};
    FILE *f = fopen(path, "rbe");
    size_t n = 0;
    assert_non_null(f);
    assert_ok(sha256_init(&hash));
    assert_ok(build_new(0, &sink, &build));
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        assert_ok(build_push(build, view_of(piece, n)));
        assert_ok(sha256_update(&hash, piece, n));
    }
    assert_ok(build_finish(build, &b->root, &b->size));
    assert_ok(sha256_final(&hash, b->sha256));
    sha256_done(&hash);
    build_free(&build);
    (void)fclose(f);
}

static void blocks_done(struct blocks *b)
{
    for (size_t i = 0; i < b->count; i++)
        mem_free(b->items[i].bytes);
    mem_free(b->items);
    buf_done(&b->in);
    fd_close(&b->fd);
}

static void send_block(struct drive *d, const struct blocks *b, struct view cid)
{
    AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
    if (d->options.missing && d->returned == 0) {
        assert_ok(block_encode_head(&out, &(struct block_frame){.type = BLOCK_NOT_FOUND, .cid = cid}));
        assert_ok(fd_write_all(b->fd, out.data, out.len));
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!view_equal(cid_view(&b->items[i].cid), cid))
            continue;
        struct block_frame f = {.type = BLOCK_BLOCK, .cid = cid, .bytes = view_of(b->items[i].bytes, b->items[i].len)};
        assert_ok(block_encode_head(&out, &f));
        assert_ok(buf_put(&out, b->items[i].bytes, b->items[i].len));
        if (d->options.lie && d->wants++ == 0)
            out.data[out.len - 1] ^= 1;
        (void)!fd_write_all(b->fd, out.data, out.len);
        return;
    }
    fail_msg("a block was wanted that is not there");
}

static void serve_blocks(struct drive *d, struct blocks *b)
{
    uint8_t *room = NULL;
    struct block_frame f;
    assert_ok(buf_reserve(&b->in, 4096, &room));
    ssize_t n = read(b->fd, room, 4096);
    if (n <= 0) {
        fd_close(&b->fd);
        return;
    }
    buf_commit(&b->in, (size_t)n);
    struct view in = buf_view(&b->in);
    while (!d->options.silent && block_decode(&in, BLOCK_FROM_INFER, &f) == OK)
        send_block(d, b, f.cid);
    buf_consume(&b->in, b->in.len - in.len);
}

long drive_status_kib(const struct drive *d, const char *key)
{
    char path[64], line[256];
    long kib = -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key), NULL, 10);
    (void)fclose(f);
    return kib;
}

static uint64_t first_grant(const struct drive *d)
{
    if (d->options.never_grant)
        return 0;
    if (d->options.data_room != 0)
        return (uint64_t)drive_status_kib(d, "VmData:") * KIB + d->options.data_room;
    return d->options.data_limit != 0 ? d->options.data_limit : GIB;
}

void drive_grant(struct drive *d, uint64_t bytes)
{
    struct msg_infer_bytes answer = {.bytes = bytes};
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    if (d->options.die) {
        wire_end_close(&d->control);
        return;
    }
    if (bytes > 0 && !JAIL_SANITIZED) /* shadow memory counts as data */
        assert_int_equal(prlimit(d->pid, RLIMIT_DATA, &limit, NULL), 0);
    assert_ok(wire_send(&d->control, MSG_INFER_GRANT, &answer, view_of(NULL, 0), NULL, 0));
}

static void on_sealed(struct drive *d, struct wire_msg *m, struct blocks *b)
{
    struct msg_empty none = {0};
    size_t size = 0;
    uint8_t sha256[SHA256_LEN];
    struct map map = {0};
    memcpy(&d->sealed, m->fixed, sizeof(d->sealed));
    assert_ok(memfd_check(m->fds[0], SEALS_FILE, b->size, b->size, &size));
    assert_ok(map_shared(m->fds[0], size, PROT_READ, &map));
    assert_ok(sha256_of(map.addr, map.size, sha256));
    map_done(&map);
    assert_memory_equal(sha256, b->sha256, SHA256_LEN);
    assert_memory_equal(d->sealed.model_sha256, b->sha256, SHA256_LEN);
    assert_true(view_equal(view_of(d->sealed.file_cid, d->sealed.file_cid_len), cid_view(&b->root)));
    d->file_fd = TAKE_FD(m->fds[0]);
    (void)shutdown(b->fd, SHUT_RDWR);
    fd_close(&b->fd);
    assert_ok(wire_send(&d->control, MSG_INFER_PROCEED, &none, view_of(NULL, 0), NULL, 0));
}

static void assign(struct drive *d, enum wire_type type, const struct cid *root, uint64_t granted, int fd)
{
    AUTO(wire_end_close) struct wire_end report = {.fd = -1};
    const char *domains = d->options.domains;
    struct msg_infer_assign a = {
        .infer = 7,
        .max_file_bytes = 256 * MIB,
        .max_output_bytes = d->options.output_max != 0 ? d->options.output_max : 64 * MIB,
        .granted_bytes = granted,
        .load_ms = d->options.load_ms != 0 ? d->options.load_ms : 60000,
        .run_ms = 30000, .prepared = d->options.prepared,
    };
    a.model.cid_len = root->len;
    memcpy(a.model.cid, root->bytes, root->len);
    wire_end_close(&d->report);
    assert_ok(wire_pair(CHAN_REPORT, &d->report, &report));
    assert_ok(wire_send(&d->control, type, &a, view_of(domains, domains != NULL ? strlen(domains) + 1 : 0),
                        (const int[]){fd, report.fd}, 2));
}

static void assign_blocks(struct drive *d, struct blocks *b)
{
    int blocks[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, blocks), 0);
    b->fd = blocks[0];
    assign(d, MSG_INFER_ASSIGN, &b->root, 0, blocks[1]);
    (void)close(blocks[1]);
}

static void on_progress(struct drive *d, const struct msg_infer_progress *p, uint64_t size)
{
    assert_in_range(p->bytes, d->received, size);
    assert_int_equal(p->sources, 1);
    d->received = p->bytes;
    d->progress++;
}

/* What the supervisor does with a message; false when the load is over. */
static bool on_message(struct drive *d, struct wire_msg *m, struct blocks *b, err_t *ret)
{
    *ret = OK;
    switch (m->type) {
    case MSG_INFER_SIZE:
        assert_int_equal(((const struct msg_infer_bytes *)m->fixed)->bytes, b->size);
        drive_grant(d, first_grant(d));
        return true;
    case MSG_INFER_MEMORY:
        d->asked_for_memory++;
        drive_grant(d, d->options.data_more);
        return true;
    case MSG_INFER_PROGRESS:
        on_progress(d, m->fixed, b->size);
        return true;
    case MSG_INFER_SEALED:
        on_sealed(d, m, b);
        return true;
    case MSG_INFER_SCANNED:
        memcpy(&d->scanned, m->fixed, sizeof(d->scanned));
        return true;
    case MSG_INFER_LOADED:
        memcpy(&d->loaded, m->fixed, sizeof(d->loaded));
        return false;
    case MSG_INFER_FAILED:
    case MSG_INFER_RETURNED:
        d->returned += m->type == MSG_INFER_RETURNED;
        *ret = err_from_wire(((const struct msg_infer_failed *)m->fixed)->reason);
        memcpy(d->why, m->tail.data, m->tail.len);
        return false;
    default:
        fail_msg("unexpected message %u", m->type);
        return false;
    }
}

void drive_up(struct drive *d, const struct drive_options *options, const char *model)
{
    drive_start(d, options);
    assert_ok(drive_load(d, drive_model(model)));
    drive_front(d);
}

static err_t see_it_through(struct drive *d, struct blocks *b)
{
    while (d->control.fd >= 0) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        struct pollfd fds[] = {{.fd = d->control.fd, .events = POLLIN}, {.fd = b->fd, .events = POLLIN}};
        err_t reason = OK;
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (fds[1].revents != 0)
            serve_blocks(d, b);
        if (fds[0].revents == 0)
            continue;
        if (wire_recv(&d->control, &d->control_in, false, &m) != OK)
            return ERR_MODEL_DIED;
        if (!on_message(d, &m, b, &reason))
            return reason;
    }
    return ERR_CLOSED;
}

err_t drive_load(struct drive *d, const char *path)
{
    AUTO(blocks_done) struct blocks b = {.fd = -1, .in = {.max = 64 * KIB}};
    cut(path, &b);
    assign_blocks(d, &b);
    return see_it_through(d, &b);
}

err_t drive_reload(struct drive *d, int fd, uint64_t data)
{
    struct blocks none = {.fd = -1};
    struct cid any = cid_make(0, CID_DAG_PB, (const uint8_t[SHA256_LEN]){0});
    struct rlimit limit = {.rlim_cur = data, .rlim_max = RLIM_INFINITY};
    if (!JAIL_SANITIZED)
        assert_int_equal(prlimit(d->pid, RLIMIT_DATA, &limit, NULL), 0);
    assign(d, MSG_INFER_RELOAD, &any, data, fd);
    return see_it_through(d, &none);
}

/* ── front and keeper ── */

void drive_front(struct drive *d)
{
    struct wire_end job, cancel;
    struct msg_infer_front front = {.generation = ++d->generation};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    close_front(d);
    assert_ok(wire_pair(CHAN_JOB, &d->job, &job));
    assert_ok(wire_pair(CHAN_CANCEL, &d->cancel, &cancel));
    assert_ok(wire_send(&d->control, MSG_INFER_FRONT, &front, view_of(NULL, 0), (const int[]){job.fd, cancel.fd}, 2));
    wire_end_close(&job);
    wire_end_close(&cancel);
    receive(d, &d->job, &d->job_in, &m);
    assert_int_equal(m.type, MSG_META);
    assert_ok(signature_parse(m.tail, &d->signature));
    d->last_job = (uint64_t)d->generation << 48;
}

static void need_input(struct drive_slot *s, size_t size)
{
    if (s->in.size >= size && s->in.size > 0)
        return;
    map_done(&s->in);
    fd_close(&s->in_fd);
    assert_ok(memfd_new("input", MAX(size, 4096U), &s->in_fd));
    assert_ok(memfd_seal(s->in_fd, SEALS_AREA));
    assert_ok(map_shared(s->in_fd, MAX(size, 4096U), PROT_READ | PROT_WRITE, &s->in));
    s->in_is_new = true;
}

static void make_set(const struct drive_value *values, size_t count, struct value_set *ret)
{
    struct value_desc *descs = mem_alloc(count + 1, sizeof(*descs));
    uint64_t *lens = mem_alloc(count + 1, sizeof(*lens));
    for (size_t i = 0; i < count; i++) {
        descs[i] = values[i].desc;
        lens[i] = values[i].payload.len;
    }
    assert_ok(value_set_make(descs, count, lens, 1 * GIB, ret));
    mem_free(descs);
    mem_free(lens);
}

uint64_t drive_put(struct drive *d, struct wire_pack *p, uint16_t slot, uint32_t run_ms,
                   const struct drive_value *inputs, size_t count)
{
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf tail = {.max = WIRE_TAIL_MAX};
    struct drive_slot *s = &d->slots[slot];
    make_set(inputs, count, &set);
    need_input(s, set.total);
    for (size_t i = 0; i < count; i++)
        if (inputs[i].payload.len > 0)
            memcpy(s->in.addr + set.places[i].offset, inputs[i].payload.data, inputs[i].payload.len);
    assert_ok(value_set_encode(&set, &tail));
    struct msg_job job = {++d->last_job, .bytes = set.total, .run_ms = run_ms, .slot = slot, .nonce.len = NONCE_MIN};
    memcpy(job.nonce.bytes, &job.job, sizeof(job.job));
    assert_ok(p != NULL ? wire_pack_put(p, &d->job, MSG_JOB, &job, buf_view(&tail))
                        : wire_send(&d->job, MSG_JOB, &job, buf_view(&tail), &s->in_fd, s->in_is_new));
    s->in_is_new = false;
    return job.job;
}

void drive_cancel(struct drive *d, uint64_t job)
{
    assert_ok(wire_send(&d->cancel, MSG_CANCEL, &(struct msg_cancel){.job = job}, view_of(NULL, 0), NULL, 0));
}

void drive_report(struct drive *d, struct msg_report *ret)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    receive(d, &d->report, &d->report_in, &m);
    assert_int_equal(m.type, MSG_REPORT);
    memcpy(ret, m.fixed, sizeof(*ret));
    assert_int_equal(ret->nonce.len, NONCE_MIN);
    assert_memory_equal(ret->nonce.bytes, &ret->job, sizeof(ret->job));
}

static void take_area(struct drive_slot *s, int *fd)
{
    size_t size = 0;
    if (*fd < 0)
        return;
    map_done(&s->out);
    fd_close(&s->out_fd);
    s->out_fd = TAKE_FD(*fd);
    assert_ok(memfd_check(s->out_fd, SEALS_OUTPUT, 1, GIB, &size));
    assert_true(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->out_fd, 0) == MAP_FAILED);
    assert_ok(map_shared(s->out_fd, size, PROT_READ, &s->out));
}

void drive_result(struct drive *d, struct drive_outcome *ret)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    *ret = (struct drive_outcome){0};
    receive(d, &d->job, &d->job_in, &m);
    assert_int_equal(m.type, MSG_RESULT);
    memcpy(&ret->result, m.fixed, sizeof(ret->result));
    struct drive_slot *s = &d->slots[ret->result.slot];
    if (ret->result.result != OK) {
        memcpy(ret->why, m.tail.data, m.tail.len);
        return;
    }
    take_area(s, &m.fds[0]);
    assert_true(ret->result.bytes <= s->out.size);
    assert_ok(value_set_parse(m.tail, ret->result.bytes, &ret->set));
    ret->area = mem_copy(s->out.addr, ret->set.total);
    for (size_t i = 0; i < ret->set.descs.count; i++)
        assert_ok(payload_check(&ret->set.descs.items[i],
                                view_of(ret->area + ret->set.places[i].offset, ret->set.places[i].len)));
}

void drive_outcome_done(struct drive_outcome *o)
{
    value_set_done(&o->set);
    mem_free(o->area);
    *o = (struct drive_outcome){0};
}

static void check_digests(const struct drive_value *inputs, size_t count, const struct drive_outcome *o)
{
    AUTO(value_set_done) struct value_set set = {0};
    uint8_t descriptors[SHA256_LEN], tensors[SHA256_LEN];
    make_set(inputs, count, &set);
    uint8_t *area = mem_alloc(1, set.total + 1);
    for (size_t i = 0; i < count; i++)
        if (inputs[i].payload.len > 0)
            memcpy(area + set.places[i].offset, inputs[i].payload.data, inputs[i].payload.len);
    assert_ok(tensor_digest_of(&set, area, descriptors, tensors));
    mem_free(area);
    assert_memory_equal(o->report.in_descriptors, descriptors, SHA256_LEN);
    assert_memory_equal(o->report.in_tensors, tensors, SHA256_LEN);
    assert_ok(tensor_digest_of(&o->set, o->area, descriptors, tensors));
    assert_memory_equal(o->report.out_descriptors, descriptors, SHA256_LEN);
    assert_memory_equal(o->report.out_tensors, tensors, SHA256_LEN);
}

err_t drive_run(struct drive *d, const struct drive_value *inputs, size_t count, struct drive_outcome *ret)
{
    struct msg_report report;
    uint64_t job = drive_send(d, 0, 30000, inputs, count);
    drive_report(d, &report);
    assert_ok(wire_wait(&d->job, 0)); /* front relies on it: the result was sent before */
    drive_result(d, ret);
    ret->report = report;
    assert_int_equal(report.job, job);
    assert_int_equal(ret->result.job, job);
    assert_int_equal(report.result, ret->result.result);
    if (ret->result.result == OK)
        check_digests(inputs, count, ret);
    return err_from_wire(ret->result.result);
}
