/* Pulling over a real socket pair from sources of every kind. */
#include "pull/pull.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ipld/build.h"
#include "unit.h"
#include "wire/block.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum manner {
    HONEST,
    BYTE_BY_BYTE,
    WRONG_BYTES,
    OTHER_BLOCK,    /* one that nobody asked for comes first */
    WRONG_AT_FIRST, /* with all that may be in flight at a time, and more */
    ALWAYS_WRONG,
    ALWAYS_OTHER,
    DEAF, /* reads one want, then sends wrong blocks only */
    NOT_THERE,
    LEAF_NOT_THERE,
    OTHER_NOT_THERE, /* says so of a block that nobody asked for */
    DEAD,
    HANGS_UP,
    GARBAGE,
    SPEAKS_OUR_PART,
    LONG_FRAME,
    SILENT,
};

struct block {
    struct cid cid;
    uint8_t *bytes;
    size_t len;
};

/* The other end: a thread that answers wants in its manner until the channel closes. */
struct source {
    enum manner manner;
    int fd;
    struct block blocks[64];
    size_t count;
    struct cid root;
    uint64_t size;
    unsigned wants;
    unsigned refusals;
    struct cid sent_wrong; /* the last one; a refusal must name it */
    pthread_t thread;
};

static err_t keep(void *user, const struct cid *cid, struct view bytes)
{
    struct source *s = user;
    assert_true(s->count < COUNT_OF(s->blocks));
    s->blocks[s->count++] = (struct block){*cid, mem_copy(bytes.data, bytes.len), bytes.len};
    return OK;
}

static void cut(struct source *s, unsigned version, const uint8_t *file, size_t len)
{
    struct build *build = NULL;
    assert_ok(build_new(version, &(struct build_sink){s, keep}, &build));
    assert_ok(build_push(build, view_of(file, len)));
    assert_ok(build_finish(build, &s->root, &s->size));
    build_free(&build);
}

static void source_done(struct source *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->blocks[i].bytes);
}

static void send_frame(const struct source *s, const struct block_frame *f)
{
    AUTO_BUF struct buf out = {.max = BLOCK_FRAME_MAX};
    assert_ok(block_encode_head(&out, f));
    assert_ok(buf_put_view(&out, f->bytes));
    size_t step = s->manner == BYTE_BY_BYTE ? 1 : out.len;
    for (size_t at = 0; at < out.len; at += step)
        if (write(s->fd, out.data + at, step) < 0)
            return;
}

static const struct block *find(const struct source *s, struct view cid)
{
    for (size_t i = 0; i < s->count; i++)
        if (view_equal(cid_view(&s->blocks[i].cid), cid))
            return &s->blocks[i];
    return NULL;
}

static void send_wrong(struct source *s, const struct block_frame *f)
{
    assert_ok(cid_from_bytes(f->cid, &s->sent_wrong));
    AUTO_MEM uint8_t *copy = mem_copy(f->bytes.data, f->bytes.len);
    struct block_frame wrong = *f;
    copy[0] ^= 1;
    wrong.bytes = view_of(copy, f->bytes.len);
    send_frame(s, &wrong);
}

static struct cid other_cid(void)
{
    static const uint8_t digest[SHA256_LEN] = {1};
    return cid_make(1, CID_RAW, digest);
}

static void send_other(struct source *s)
{
    s->sent_wrong = other_cid();
    send_frame(s, &(struct block_frame){
                      .type = BLOCK_BLOCK, .source = 3, .cid = cid_view(&s->sent_wrong), .bytes = view_of("x", 1)});
}

static void send_not_found(const struct source *s, struct view cid)
{
    send_frame(s, &(struct block_frame){.type = BLOCK_NOT_FOUND, .cid = cid});
}

static void answer(struct source *s, struct view cid)
{
    const struct block *b = find(s, cid);
    if (b == NULL) {
        send_not_found(s, cid);
        return;
    }
    struct block_frame f = {.type = BLOCK_BLOCK, .source = 3, .cid = cid, .bytes = view_of(b->bytes, b->len)};
    bool first = s->wants++ == 0;
    if (s->manner == ALWAYS_WRONG || (s->manner == WRONG_BYTES && first) ||
        (s->manner == WRONG_AT_FIRST && s->wants <= 100)) {
        send_wrong(s, &f);
    } else if (s->manner == ALWAYS_OTHER || (s->manner == OTHER_BLOCK && first)) {
        for (int i = 0; i <= (s->manner == ALWAYS_OTHER ? PULL_REFUSED_MAX : 0); i++)
            send_other(s);
        send_frame(s, &f);
    } else if (s->manner == DEAF) {
        for (int i = 0; i <= PULL_REFUSED_MAX; i++)
            send_wrong(s, &f);
    } else if (s->manner == NOT_THERE) {
        send_not_found(s, cid);
    } else if (s->manner == LEAF_NOT_THERE && !first) {
        send_not_found(s, cid);
    } else if (s->manner == OTHER_NOT_THERE) {
        struct cid other = other_cid();
        send_not_found(s, cid_view(&other));
    } else if (s->manner == DEAD) {
        send_frame(s, &(struct block_frame){.type = BLOCK_SOURCE_DEAD});
    } else if (s->manner == GARBAGE) {
        (void)!write(s->fd, "HTTP/1.1 400 Bad Request\r\n", 26);
    } else if (s->manner == SPEAKS_OUR_PART) {
        send_frame(s, &(struct block_frame){.type = BLOCK_WANT, .cid = cid});
    } else if (s->manner == LONG_FRAME) {
        (void)!write(s->fd, "\xff\xff\xff\x7f\x03", 5);
    } else if (s->manner == HANGS_UP) {
        (void)shutdown(s->fd, SHUT_RDWR);
    } else if (s->manner != SILENT) {
        send_frame(s, &f);
    }
}

static void take_refusal(struct source *s, const struct block_frame *f)
{
    assert_int_equal(f->source, 3);
    assert_true(view_equal(f->cid, cid_view(&s->sent_wrong)));
    s->refusals++;
}

static void *serve(void *self)
{
    struct source *s = self;
    AUTO_BUF struct buf in = {.max = BLOCK_WANTS_MAX};
    for (;;) {
        uint8_t *room = NULL;
        struct block_frame f;
        assert_ok(buf_reserve(&in, 256, &room));
        ssize_t n = read(s->fd, room, 256);
        if (n <= 0)
            return NULL;
        buf_commit(&in, (size_t)n);
        struct view v = buf_view(&in);
        while (block_decode(&v, BLOCK_FROM_INFER, &f) == OK)
            if (f.type == BLOCK_REFUSED)
                take_refusal(s, &f);
            else
                answer(s, f.cid);
        buf_consume(&in, in.len - v.len);
    }
}

/* ── the puller ── */

static uint8_t file[5 * MIB];

/* What the puller said. */
struct asked {
    err_t answer;
    uint64_t size;
    unsigned times;
    int fd; /* of the file, where the test made it */
    uint64_t prefix;
    err_t prefix_answer;
    unsigned progress;
    uint64_t written;
    unsigned refused;
};

static err_t on_size(void *user, uint64_t size, uint64_t *ret_deadline_ms)
{
    struct asked *a = user;
    a->size = size;
    a->times++;
    *ret_deadline_ms = clock_mono_ms() + 10000;
    return a->answer;
}

/* What is before the prefix is right and in place. */
static err_t on_prefix(void *user, uint64_t prefix)
{
    struct asked *a = user;
    assert_int_equal(a->times, 1);
    assert_true(prefix > a->prefix && prefix <= a->size);
    if (a->fd >= 0) {
        AUTO_MEM uint8_t *bytes = mem_alloc(1, prefix);
        assert_ok(fd_read_at(a->fd, 0, bytes, prefix));
        assert_memory_equal(bytes, file, prefix);
    }
    a->prefix = prefix;
    return a->prefix_answer;
}

static void on_progress(void *user, uint64_t written, uint64_t size, uint32_t sources)
{
    struct asked *a = user;
    assert_true(size == a->size && written >= a->written && written <= size);
    assert_int_equal(sources, 1 << 3);
    a->written = written;
    a->progress++;
}

static void on_refused(void *user, uint32_t source, err_t reason)
{
    struct asked *a = user;
    assert_int_equal(source, 3);
    assert_true(reason == ERR_BLOCK_MISMATCH || reason == ERR_BLOCK_UNWANTED);
    a->refused++;
}

static void fill_file(void)
{
    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i * 2654435761U >> 13);
}

struct setup {
    enum manner manner;
    unsigned version;
    size_t size;
    err_t size_answer;
    err_t prefix_answer;
    uint64_t max;
    bool stop;
    bool own_file;
};

static struct hasher *hasher;

/* Pulls `size` bytes of `file` from a source of this manner. */
static err_t pull(const struct setup *with, struct pulled *ret, struct source *s)
{
    int fds[2], stop[2];
    struct asked asked = {.answer = with->size_answer, .prefix_answer = with->prefix_answer, .fd = -1};
    if (with->own_file)
        asked.fd = fileno(tmpfile());
    *s = (struct source){.manner = with->manner};
    cut(s, with->version, file, with->size);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stop), 0);
    s->fd = fds[1];
    if (with->manner == DEAF)
        assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), 0);
    struct pull_params p = {
        .block_fd = fds[0],
        .stop_fd = stop[0],
        .file_fd = asked.fd,
        .hasher = hasher,
        .max_file_bytes = with->max != 0 ? with->max : GIB,
        .deadline_ms = clock_mono_ms() + (with->manner == SILENT ? 100 : 10000),
        .on_size = on_size,
        .on_prefix = on_prefix,
        .on_progress = on_progress,
        .on_refused = on_refused,
        .user = &asked,
    };
    p.model.cid_len = s->root.len;
    memcpy(p.model.cid, s->root.bytes, s->root.len);
    if (with->stop)
        (void)close(stop[1]);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    err_t e = pull_model(&p, ret);
    (void)shutdown(fds[0], SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    source_done(s);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(stop[0]);
    if (!with->stop)
        (void)close(stop[1]);
    assert_true(asked.times <= 1);
    assert_true(s->refusals <= asked.refused); /* the last ones need not be sent */
    if (e == OK) {
        assert_int_equal(s->refusals, asked.refused);
        assert_int_equal(asked.size, with->size);
        assert_int_equal(asked.prefix, with->size);
        assert_true(asked.progress > 0);
    }
    return e;
}

static void expect_file(const struct setup *with)
{
    struct pulled got = {.fd = -1};
    struct source s;
    AUTO(map_done) struct map map = {0};
    uint8_t sha256[SHA256_LEN];
    size_t size = 0;
    assert_ok(pull(with, &got, &s));
    assert_int_equal(got.size, with->size);
    assert_ok(memfd_check(got.fd, SEALS_FILE, with->size, with->size, &size));
    if (size > 0) {
        assert_ok(map_shared(got.fd, size, PROT_READ, &map));
        assert_memory_equal(map.addr, file, size);
    }
    assert_ok(sha256_of(file, size, sha256));
    assert_memory_equal(got.sha256, sha256, SHA256_LEN);
    assert_true(cid_equal(&got.cid, &s.root));
    uint64_t sent = 0; /* each block once */
    for (size_t i = 0; i < s.count; i++)
        sent += find(&s, cid_view(&s.blocks[i].cid)) == &s.blocks[i] ? s.blocks[i].len : 0;
    for (size_t i = 0; i < SOURCE_NUMBERS; i++)
        assert_int_equal(got.from[i], i == 3 ? sent : 0);
    fd_close(&got.fd);
}

static void into_a_file_of_the_caller(void **state UNUSED)
{
    struct pulled got = {.fd = 99};
    struct source s;
    uint8_t sha256[SHA256_LEN];
    assert_ok(pull(&(struct setup){.size = sizeof(file), .own_file = true}, &got, &s));
    assert_int_equal(got.fd, -1);
    assert_ok(sha256_of(file, sizeof(file), sha256));
    assert_memory_equal(got.sha256, sha256, SHA256_LEN);
}

static void expect_error(const struct setup *with, err_t e)
{
    struct pulled got = {.fd = -1};
    struct source s;
    assert_err(pull(with, &got, &s), e);
    assert_int_equal(got.fd, -1);
}

/* ── cases ── */

static void files_of_many_sizes(void **state UNUSED)
{
    static const size_t sizes[] = {0,           1, 255, BUILD_CHUNK - 1, BUILD_CHUNK, BUILD_CHUNK + 1, 3 * BUILD_CHUNK,
                                   sizeof(file)};
    for (unsigned version = 0; version < 2; version++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            expect_file(&(struct setup){.version = version, .size = sizes[i]});
}

static void frames_in_single_bytes(void **state UNUSED)
{
    expect_file(&(struct setup){.manner = BYTE_BY_BYTE, .size = 1000});
}

static void a_fault_of_the_source_is_survived(void **state UNUSED)
{
    static const enum manner manners[] = {WRONG_BYTES, OTHER_BLOCK};
    for (size_t i = 0; i < COUNT_OF(manners); i++) {
        struct pulled got = {.fd = -1};
        struct source s;
        assert_ok(pull(&(struct setup){.manner = manners[i], .size = BUILD_CHUNK + 1}, &got, &s));
        assert_int_equal(s.refusals, 1);
        assert_int_equal(s.wants, manners[i] == WRONG_BYTES ? 4 : 3); /* a root and two leaves, one of them twice */
        fd_close(&got.fd);
    }
}

static void many_wrong_blocks_are_survived(void **state UNUSED)
{
    struct pulled got = {.fd = -1};
    struct source s;
    assert_ok(pull(&(struct setup){.manner = WRONG_AT_FIRST, .size = sizeof(file)}, &got, &s));
    assert_int_equal(s.refusals, 100);
    fd_close(&got.fd);
}

static void a_source_that_goes_on_lying_is_not(void **state UNUSED)
{
    struct pulled got = {.fd = -1};
    struct source s;
    assert_err(pull(&(struct setup){.manner = ALWAYS_WRONG, .size = 1000}, &got, &s), ERR_BLOCK_MISMATCH);
    assert_int_equal(s.wants, PULL_REFUSED_MAX + 1);
    expect_error(&(struct setup){.manner = ALWAYS_OTHER, .size = 1000}, ERR_BLOCK_UNWANTED);
}

/* What a fetcher was told that did not read outgrew its buffer, and the error said that something was too large. */
static void a_liar_that_does_not_read_is_found_out(void **state UNUSED)
{
    expect_error(&(struct setup){.manner = DEAF, .size = 20000}, ERR_BLOCK_MISMATCH);
}

static void what_a_source_may_say_instead(void **state UNUSED)
{
    expect_error(&(struct setup){.manner = NOT_THERE, .size = 1000}, ERR_MODEL_NOT_FOUND);
    expect_error(&(struct setup){.manner = LEAF_NOT_THERE, .size = BUILD_CHUNK + 1}, ERR_MODEL_INCOMPLETE);
    expect_error(&(struct setup){.manner = DEAD, .size = 1000}, ERR_SOURCE_DEAD);
    expect_error(&(struct setup){.manner = HANGS_UP, .size = 1000}, ERR_SOURCE_DEAD);
}

static void what_no_source_may_say(void **state UNUSED)
{
    expect_error(&(struct setup){.manner = GARBAGE, .size = 1000}, ERR_PROTOCOL);
    expect_error(&(struct setup){.manner = SPEAKS_OUR_PART, .size = 1000}, ERR_PROTOCOL);
    expect_error(&(struct setup){.manner = LONG_FRAME, .size = 1000}, ERR_PROTOCOL);
    expect_error(&(struct setup){.manner = OTHER_NOT_THERE, .size = 1000}, ERR_PROTOCOL);
}

static void a_silent_source(void **state UNUSED)
{
    expect_error(&(struct setup){.manner = SILENT, .size = 1000}, ERR_MODEL_LOAD_TIMEOUT);
}

static void the_supervisor_stops_it(void **state UNUSED)
{
    expect_error(&(struct setup){.manner = SILENT, .size = 1000, .stop = true}, ERR_CLOSED);
}

static void sizes_that_are_refused(void **state UNUSED)
{
    expect_error(&(struct setup){.size = 1001, .max = 1000}, ERR_MODEL_TOO_LARGE);
    expect_error(&(struct setup){.size = 1000, .size_answer = ERR_MODEL_OVER_BUDGET}, ERR_MODEL_OVER_BUDGET);
    expect_file(&(struct setup){.size = 1000, .max = 1000});
}

static void the_caller_stops_it(void **state UNUSED)
{
    expect_error(&(struct setup){.size = sizeof(file), .prefix_answer = ERR_CLOSED}, ERR_CLOSED);
}

/* A stream that has brought the answer to its only want can be used again. */
static void after_an_unknown_cid_comes_another(void **state UNUSED)
{
    static const uint8_t digest[SHA256_LEN] = {1};
    struct cid unknown = cid_make(1, CID_RAW, digest);
    struct source s = {.manner = HONEST};
    struct asked asked = {.fd = -1};
    struct pulled got = {.fd = -1};
    int fds[2];
    cut(&s, 1, file, 1000);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    s.fd = fds[1];
    struct pull_params p = {.block_fd = fds[0],
                            .stop_fd = -1,
                            .file_fd = -1,
                            .hasher = hasher,
                            .max_file_bytes = GIB,
                            .deadline_ms = clock_mono_ms() + 10000,
                            .on_size = on_size,
                            .user = &asked};
    p.model.cid_len = unknown.len;
    memcpy(p.model.cid, unknown.bytes, unknown.len);
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    assert_err(pull_model(&p, &got), ERR_MODEL_NOT_FOUND);
    assert_int_equal(asked.times, 0);
    p.model.cid_len = s.root.len;
    memcpy(p.model.cid, s.root.bytes, s.root.len);
    assert_ok(pull_model(&p, &got));
    assert_int_equal(got.size, 1000);
    fd_close(&got.fd);
    (void)shutdown(fds[0], SHUT_RDWR);
    (void)pthread_join(s.thread, NULL);
    source_done(&s);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* All that the source says is there from the beginning, so that nobody else allocates. */
static void memory_can_be_refused(void **state UNUSED)
{
    err_t e = ERR_NOMEM;
    for (long n = 0; e != OK; n++) {
        struct source s = {.manner = HONEST};
        struct asked asked = {.fd = -1};
        struct pulled got = {.fd = -1};
        int fds[2];
        cut(&s, 0, file, 1000);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        s.fd = fds[1];
        answer(&s, cid_view(&s.root));
        struct pull_params p = {.block_fd = fds[0],
                                .stop_fd = -1,
                                .file_fd = -1,
                                .hasher = hasher,
                                .max_file_bytes = GIB,
                                .deadline_ms = clock_mono_ms() + 10000,
                                .on_size = on_size,
                                .user = &asked};
        p.model.cid_len = s.root.len;
        memcpy(p.model.cid, s.root.bytes, s.root.len);
        mem_fail_after(n);
        e = pull_model(&p, &got);
        mem_fail_after(-1);
        assert_true(n < 100 && (e == OK || e == ERR_NOMEM));
        assert_int_equal(e == OK, got.fd >= 0);
        fd_close(&got.fd);
        source_done(&s);
        (void)close(fds[0]);
        (void)close(fds[1]);
    }
}

static void models_that_are_none(void **state UNUSED)
{
    struct pulled got = {.fd = -1};
    struct pull_params p = {.block_fd = -1, .stop_fd = -1, .file_fd = -1, .hasher = hasher};
    assert_err(pull_model(&p, &got), ERR_MODEL_ID_INVALID);
    p.model.cid_len = CID_MAX + 1;
    assert_err(pull_model(&p, &got), ERR_MODEL_ID_INVALID);
    p.model.cid_len = 34;
    p.model.path_len = MODEL_PATH_MAX + 1;
    assert_err(pull_model(&p, &got), ERR_MODEL_ID_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_many_sizes),
        cmocka_unit_test(into_a_file_of_the_caller),
        cmocka_unit_test(frames_in_single_bytes),
        cmocka_unit_test(a_fault_of_the_source_is_survived),
        cmocka_unit_test(many_wrong_blocks_are_survived),
        cmocka_unit_test(a_source_that_goes_on_lying_is_not),
        cmocka_unit_test(a_liar_that_does_not_read_is_found_out),
        cmocka_unit_test(what_a_source_may_say_instead),
        cmocka_unit_test(what_no_source_may_say),
        cmocka_unit_test(a_silent_source),
        cmocka_unit_test(the_supervisor_stops_it),
        cmocka_unit_test(sizes_that_are_refused),
        cmocka_unit_test(the_caller_stops_it),
        cmocka_unit_test(after_an_unknown_cid_comes_another),
        cmocka_unit_test(memory_can_be_refused),
        cmocka_unit_test(models_that_are_none),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    fill_file();
    if (hasher_new(&hasher) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hasher_free(&hasher);
    return failed;
}
