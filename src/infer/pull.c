/* The pulling side of the block protocol around the verifying walk. */
#include "infer/pull.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipld/walk.h"
#include "wire/block.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the fetcher may count on: see wire/block.h. 6 bytes of a want stand before its CID. */
_Static_assert(WALK_WANTS_MAX * (6 + CID_MAX_LEN) <= BLOCK_WANTS_MAX, "wants in flight");
_Static_assert(BLOCK_MAX <= BLOCK_DATA_MAX, "a block fits a frame");

struct pull {
    const struct pull_params *params;
    struct walk *walk;
    struct buf in; /* the frame that is coming */
    struct map file;
    int fd;
    struct cid cid;
    struct sha256 hash; /* of the first `hashed` bytes */
    uint64_t hashed;
    uint64_t deadline_ms;
    unsigned refused;
};

static void pull_done(struct pull *p)
{
    walk_free(&p->walk);
    buf_done(&p->in);
    map_done(&p->file);
    fd_close(&p->fd);
    sha256_done(&p->hash);
}

/* ── where the walk writes ── */

static err_t on_start(void *user, uint64_t size, const struct cid *file)
{
    struct pull *p = user;
    if (size == 0)
        return ERR_MODEL_NOT_ONNX;
    p->cid = *file;
    TRY(p->params->on_size(p->params->user, size, &p->deadline_ms));
    TRY(memfd_new("model", size, &p->fd));
    return map_shared(p->fd, size, PROT_READ | PROT_WRITE, &p->file);
}

static err_t on_write(void *user, uint64_t offset, struct view bytes)
{
    struct pull *p = user;
    memcpy(p->file.addr + offset, bytes.data, bytes.len);
    return OK;
}

/* Takes what has become contiguous into the running hash, so that waiting for blocks and hashing overlap. */
static err_t hash_prefix(struct pull *p)
{
    uint64_t prefix = walk_prefix(p->walk);
    if (prefix > p->hashed)
        TRY(sha256_update(&p->hash, p->file.addr + p->hashed, prefix - p->hashed));
    p->hashed = prefix;
    return OK;
}

/* ── blocks ── */

static err_t ask(struct pull *p)
{
    AUTO_BUF struct buf out = {.max = BLOCK_WANTS_MAX};
    struct walk_want want;
    while (walk_want(p->walk, &want)) {
        struct block_frame frame = {.type = BLOCK_WANT,
                                    .flags = want.whole_dag ? BLOCK_FLAG_WHOLE_DAG : 0,
                                    .cid = cid_view(&want.cid)};
        TRY(block_encode_head(&out, &frame));
    }
    return out.len == 0 || fd_write_all(p->params->block_fd, out.data, out.len) == OK ? OK : ERR_SOURCE_DEAD;
}

/* A block that is not what was asked for is its source's fault: it is charged, and the walk asks again. */
static err_t refuse(struct pull *p, const struct block_frame *f, err_t reason)
{
    log_event(LOG_BLOCK_REFUSED, p->params->infer, f->source, reason);
    return ++p->refused <= PULL_REFUSED_MAX ? OK : reason;
}

static err_t take_block(struct pull *p, const struct block_frame *f)
{
    struct cid cid;
    if (cid_from_bytes(f->cid, &cid) != OK)
        return ERR_PROTOCOL;
    err_t e = walk_block(p->walk, &cid, f->bytes);
    if (e == ERR_BLOCK_MISMATCH || e == ERR_BLOCK_TOO_LARGE || e == ERR_BLOCK_UNWANTED)
        return refuse(p, f, e);
    TRY(e);
    return hash_prefix(p);
}

static err_t take_frame(struct pull *p, const struct block_frame *f)
{
    if (f->type == BLOCK_BLOCK)
        return take_block(p, f);
    return f->type == BLOCK_NOT_FOUND ? ERR_MODEL_NOT_FOUND : ERR_SOURCE_DEAD;
}

/* ── bytes ── */

static err_t wait_readable(const struct pull *p)
{
    struct pollfd fds[] = {{.fd = p->params->block_fd, .events = POLLIN}, {.fd = p->params->stop_fd, .events = POLLIN}};
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
    return OK;
}

/* Reads on with the frame that is coming; true when it is whole. */
static err_t read_frame(struct pull *p, struct block_frame *ret_frame, bool *ret_whole)
{
    uint8_t *room = NULL;
    size_t missing = block_missing(buf_view(&p->in));
    TRY(buf_reserve(&p->in, missing, &room));
    ssize_t got = read(p->params->block_fd, room, missing);
    if (got < 0 && errno == EINTR)
        got = 0;
    else if (got <= 0)
        return ERR_SOURCE_DEAD;
    buf_commit(&p->in, (size_t)got);
    struct view in = buf_view(&p->in);
    err_t e = block_decode(&in, BLOCK_FROM_FETCH, ret_frame);
    *ret_whole = e == OK;
    return e == ERR_TRUNCATED ? OK : e;
}

static err_t pull_blocks(struct pull *p)
{
    while (!walk_done(p->walk)) {
        struct block_frame frame = {0};
        bool whole = false;
        TRY(ask(p));
        TRY(wait_readable(p));
        TRY(read_frame(p, &frame, &whole));
        if (!whole)
            continue;
        TRY(take_frame(p, &frame));
        buf_clear(&p->in);
    }
    return OK;
}

/* ── the file ── */

static err_t seal(struct pull *p, struct pulled *ret)
{
    uint64_t size = p->file.size;
    TRY(sha256_final(&p->hash, ret->sha256));
    map_done(&p->file); /* a writable mapping would forbid the seal */
    TRY(memfd_seal(p->fd, SEALS_FILE));
    ret->size = size;
    ret->cid = p->cid;
    ret->fd = TAKE_FD(p->fd);
    return OK;
}

err_t pull_model(const struct pull_params *params, struct pulled *ret)
{
    AUTO(pull_done) struct pull p = {
        .params = params, .fd = -1, .deadline_ms = params->deadline_ms, .in = {.max = BLOCK_FRAME_MAX}};
    const struct wire_model *m = &params->model;
    struct walk_params walk = {.max_size = params->max_file_bytes,
                               .seed = params->seed,
                               .sink = {.user = &p, .start = on_start, .write = on_write}};
    struct pulled pulled = {.fd = -1};
    if (m->cid_len > CID_MAX || m->path_len > MODEL_PATH_MAX)
        return ERR_MODEL_ID_INVALID;
    if (cid_from_bytes(view_of(m->cid, m->cid_len), &walk.root) != OK)
        return ERR_MODEL_ID_INVALID;
    walk.path = view_of(m->path, m->path_len);
    TRY(sha256_init(&p.hash));
    TRY(walk_new(&walk, &p.walk));
    TRY(pull_blocks(&p));
    TRY(seal(&p, &pulled));
    *ret = pulled;
    return OK;
}
