/* The pulling side of the block protocol around the verifying walk. */
#include "pull/pull.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ipld/walk.h"
#include "wire/block.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the fetcher may count on: see wire/block.h. 6 bytes of a want stand before its CID. */
_Static_assert(WALK_WANTS_MAX *(6 + CID_MAX_LEN) <= BLOCK_WANTS_MAX, "wants in flight");
_Static_assert(BLOCK_MAX <= BLOCK_DATA_MAX, "a block fits a frame");

#define READ_MIN (16 * KIB)                                                /* small blocks come many at a time */
#define OUT_MAX  (BLOCK_WANTS_MAX + PULL_REFUSED_MAX * 2 * BLOCK_HEAD_MAX) /* each refusal with another want */

struct pull {
    const struct pull_params *params;
    struct walk *walk;
    struct buf in;  /* whole frames, then the beginning of one */
    struct buf out; /* what the socket has not taken yet */
    int fd;         /* of the file; `made` when it is ours */
    int made;
    uint64_t size;
    struct cid cid;
    uint64_t prefix;
    uint64_t deadline_ms;
    uint64_t told_ms; /* when on_progress was called last */
    uint32_t sources;
    uint64_t from[SOURCE_NUMBERS];
    unsigned refused;
};

static void pull_done(struct pull *p)
{
    hasher_drop(p->params->hasher);
    walk_free(&p->walk);
    buf_done(&p->in);
    buf_done(&p->out);
    fd_close(&p->made);
}

/* ── where the walk writes ── */

static err_t on_start(void *user, uint64_t size, const struct cid *file)
{
    struct pull *p = user;
    p->size = size;
    p->cid = *file;
    TRY(p->params->on_size(p->params->user, size, &p->deadline_ms));
    if (p->params->file_fd < 0)
        TRY(memfd_new("model", size, &p->made));
    else if (ftruncate(p->params->file_fd, (off_t)size) != 0)
        return err_errno();
    p->fd = p->made >= 0 ? p->made : p->params->file_fd;
    return hasher_begin(p->params->hasher, p->fd, size);
}

/* Not through a mapping: a page fault costs more than the system call does for all pages of a block. */
static err_t on_write(void *user, uint64_t offset, struct view bytes)
{
    const struct pull *p = user;
    return fd_write_at(p->fd, offset, bytes.data, bytes.len);
}

/* ── what others hear of it ── */

static err_t tell_prefix(struct pull *p)
{
    const struct pull_params *params = p->params;
    uint64_t prefix = walk_prefix(p->walk);
    if (prefix == p->prefix)
        return OK;
    p->prefix = prefix;
    hasher_reach(params->hasher, prefix);
    return params->on_prefix != NULL ? params->on_prefix(params->user, prefix) : OK;
}

static void tell_progress(struct pull *p)
{
    const struct pull_params *params = p->params;
    uint64_t now = clock_mono_ms();
    if (params->on_progress == NULL || walk_resolving(p->walk) || now - p->told_ms < PULL_PROGRESS_MS)
        return;
    p->told_ms = now;
    params->on_progress(params->user, walk_written(p->walk), p->size, p->sources);
}

/* ── frames ── */

static err_t ask(struct pull *p)
{
    struct walk_want want;
    while (walk_want(p->walk, &want)) {
        struct block_frame frame = {
            .type = BLOCK_WANT, .flags = want.whole_dag ? BLOCK_FLAG_WHOLE_DAG : 0, .cid = cid_view(&want.cid)};
        TRY(block_encode_head(&p->out, &frame));
    }
    return OK;
}

/* A block that is not what it was sent as is its source's fault, which the fetcher hears; the walk asks again. */
static err_t refuse(struct pull *p, const struct block_frame *f, err_t reason)
{
    struct block_frame frame = {.type = BLOCK_REFUSED, .source = f->source, .cid = f->cid};
    if (p->params->on_refused != NULL)
        p->params->on_refused(p->params->user, f->source, reason);
    return ++p->refused <= PULL_REFUSED_MAX ? block_encode_head(&p->out, &frame) : reason;
}

static err_t take_block(struct pull *p, const struct block_frame *f, const struct cid *cid)
{
    err_t e = walk_block(p->walk, cid, f->bytes);
    if (e == ERR_BLOCK_MISMATCH || e == ERR_BLOCK_TOO_LARGE || e == ERR_BLOCK_UNWANTED)
        return refuse(p, f, e);
    TRY(e);
    p->sources |= UINT32_C(1) << MIN(f->source, 31U);
    p->from[MIN(f->source, SOURCE_NUMBERS - 1U)] += f->bytes.len;
    return tell_prefix(p);
}

static err_t take_frame(struct pull *p, const struct block_frame *f)
{
    struct cid cid;
    if (f->type == BLOCK_SOURCE_DEAD)
        return ERR_SOURCE_DEAD;
    if (cid_from_bytes(f->cid, &cid) != OK)
        return ERR_PROTOCOL;
    if (f->type == BLOCK_BLOCK)
        return take_block(p, f, &cid);
    if (!walk_waits_for(p->walk, &cid))
        return ERR_PROTOCOL;
    return walk_resolving(p->walk) ? ERR_MODEL_NOT_FOUND : ERR_MODEL_INCOMPLETE;
}

/* Takes all whole frames, up to the last one that the file needs. */
static err_t take_frames(struct pull *p)
{
    struct view rest = buf_view(&p->in);
    struct block_frame frame = {0};
    while (!walk_done(p->walk)) {
        err_t e = block_decode(&rest, BLOCK_FROM_FETCH, &frame);
        if (e == ERR_TRUNCATED)
            break;
        TRY(e);
        TRY(take_frame(p, &frame));
    }
    buf_consume(&p->in, p->in.len - rest.len);
    return OK;
}

/* ── bytes ── */

/* Until the stream can be read or, if there is something to say, written. */
static err_t wait_stream(const struct pull *p, short *ret_events)
{
    struct pollfd fds[] = {
        {.fd = p->params->block_fd, .events = (short)(p->out.len > 0 ? POLLIN | POLLOUT : POLLIN)},
        {.fd = p->params->stop_fd, .events = POLLIN},
    };
    uint64_t now = clock_mono_ms();
    uint64_t left = p->deadline_ms > now ? p->deadline_ms - now : 0;
    int n = 0;
    do {
        n = poll(fds, COUNT_OF(fds), (int)MIN(left, (uint64_t)BLOCK_IDLE_MS));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno();
    if (fds[1].revents != 0)
        return ERR_CLOSED;
    if (n == 0)
        return left <= BLOCK_IDLE_MS ? ERR_MODEL_LOAD_TIMEOUT : ERR_SOURCE_DEAD;
    *ret_events = fds[0].revents;
    return OK;
}

/* As much as the socket takes now: a fetcher that does not read must not make us wait. */
static err_t write_some(struct pull *p)
{
    struct iovec part = {p->out.data, p->out.len};
    const struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent = p->out.len > 0 ? sendmsg(p->params->block_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? OK : ERR_SOURCE_DEAD;
    buf_consume(&p->out, (size_t)sent);
    return OK;
}

/* Never more than the frame that is coming, or READ_MIN bytes. */
static err_t read_some(struct pull *p)
{
    uint8_t *room = NULL;
    size_t n = MAX(block_missing(buf_view(&p->in)), READ_MIN);
    TRY(buf_reserve(&p->in, n, &room));
    ssize_t got = read(p->params->block_fd, room, n);
    if (got < 0 && errno == EINTR)
        return OK;
    if (got <= 0)
        return ERR_SOURCE_DEAD;
    buf_commit(&p->in, (size_t)got);
    return OK;
}

static err_t pull_blocks(struct pull *p)
{
    while (!walk_done(p->walk)) {
        short events = 0;
        TRY(ask(p));
        TRY(write_some(p));
        TRY(wait_stream(p, &events));
        if ((events & ~POLLOUT) == 0)
            continue;
        TRY(read_some(p));
        TRY(take_frames(p));
        tell_progress(p);
    }
    return OK;
}

/* ── the file ── */

static err_t finish(struct pull *p, struct pulled *ret)
{
    struct pulled pulled = {.fd = -1, .size = p->size, .cid = p->cid};
    TRY(hasher_finish(p->params->hasher, pulled.sha256));
    if (p->made >= 0)
        TRY(memfd_seal(p->made, SEALS_FILE));
    pulled.fd = TAKE_FD(p->made);
    memcpy(pulled.from, p->from, sizeof(pulled.from));
    *ret = pulled;
    return OK;
}

err_t pull_model(const struct pull_params *params, struct pulled *ret)
{
    AUTO(pull_done)
    struct pull p = {.params = params,
                     .made = -1,
                     .deadline_ms = params->deadline_ms,
                     .in = {.max = BLOCK_FRAME_MAX + READ_MIN},
                     .out = {.max = OUT_MAX}};
    const struct wire_model *m = &params->model;
    struct walk_params walk = {.max_size = params->max_file_bytes,
                               .seed = params->seed,
                               .sink = {.user = &p, .start = on_start, .write = on_write}};
    if (m->cid_len > CID_MAX || m->path_len > MODEL_PATH_MAX)
        return ERR_MODEL_ID_INVALID;
    if (cid_from_bytes(view_of(m->cid, m->cid_len), &walk.root) != OK)
        return ERR_MODEL_ID_INVALID;
    walk.path = view_of(m->path, m->path_len);
    TRY(walk_new(&walk, &p.walk));
    TRY(pull_blocks(&p));
    return finish(&p, ret);
}
