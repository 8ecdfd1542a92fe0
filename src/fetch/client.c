/* Reading wants and sending answers without ever waiting. */
#include "fetch/client.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

void client_init(struct client *c, int *fd, uint32_t infer, uint64_t now_ms)
{
    *c = (struct client){
        .fd = TAKE_FD(*fd), .infer = infer, .came_ms = now_ms, .went_ms = now_ms, .expect = BODY_CHUNKS_MAX};
    buf_init(&c->in, BLOCK_WANTS_MAX);
    buf_init(&c->head, BLOCK_HEAD_MAX);
    TAILQ_INIT(&c->wants);
    TAILQ_INIT(&c->ready);
}

static struct want *take_ready(struct client *c)
{
    struct want *w = TAILQ_FIRST(&c->ready);
    if (w != NULL)
        TAILQ_REMOVE(&c->ready, w, entry);
    return w;
}

void client_done(struct client *c)
{
    for (struct want *w = take_ready(c); w != NULL; w = take_ready(c)) {
        body_release(&w->body);
        mem_free(w);
    }
    body_release(&c->block);
    fd_close(&c->fd);
    buf_done(&c->in);
    buf_done(&c->head);
}

bool client_busy(const struct client *c)
{
    return c->head.len > 0 || !TAILQ_EMPTY(&c->ready);
}

/* ── frames that come ── */

static err_t add_want(struct client *c, const struct client_owner *owner, const struct cid *cid, uint8_t flags)
{
    size_t bytes = c->want_bytes + block_want_len(cid->len);
    if (bytes > BLOCK_WANTS_MAX)
        return ERR_PROTOCOL;
    TRY(owner->want(owner->self, c, cid, (flags & BLOCK_FLAG_WHOLE_DAG) != 0));
    c->want_bytes = bytes;
    return OK;
}

/* A word against a source needs a block of it: nobody can speak ill of one that gave this stream nothing. */
static err_t take_refused(struct client *c, const struct client_owner *owner, const struct cid *cid, uint32_t source)
{
    if (source >= COUNT_OF(c->from) || c->from[source].refused >= c->from[source].blocks)
        return ERR_PROTOCOL;
    c->from[source].refused++;
    owner->refused(owner->self, c, cid, source);
    return OK;
}

/* decode lets no other type through */
static err_t take_frame(struct client *c, const struct client_owner *owner, const struct block_frame *f)
{
    struct cid cid;
    if (cid_from_bytes(f->cid, &cid) != OK)
        return ERR_PROTOCOL;
    if (f->type == BLOCK_WANT)
        return add_want(c, owner, &cid, f->flags);
    if (f->type == BLOCK_REFUSED)
        return take_refused(c, owner, &cid, f->source);
    owner->cancel(owner->self, c, &cid);
    return OK;
}

static err_t take_frames(struct client *c, const struct client_owner *owner)
{
    struct view rest = buf_view(&c->in);
    for (;;) {
        struct block_frame f;
        err_t e = block_decode(&rest, BLOCK_FROM_INFER, &f);
        if (e == ERR_TRUNCATED)
            break;
        TRY(e);
        TRY(take_frame(c, owner, &f));
    }
    buf_consume(&c->in, c->in.len - rest.len);
    return OK;
}

err_t client_read(struct client *c, const struct client_owner *owner)
{
    uint8_t *room = NULL;
    size_t size = c->in.max - c->in.len;
    TRY(buf_reserve(&c->in, size, &room));
    struct iovec part = {room, size};
    ssize_t n = recvmsg(c->fd, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, MSG_DONTWAIT);
    if (n == 0)
        return ERR_CLOSED;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? OK : err_errno();
    buf_commit(&c->in, (size_t)n);
    return take_frames(c, owner);
}

/* ── answers ── */

void client_answer(struct client *c, struct want *w, enum block_type answer)
{
    w->answer = answer;
    TAILQ_REMOVE(&c->wants, w, entry);
    TAILQ_INSERT_TAIL(&c->ready, w, entry);
    if (answer != BLOCK_BLOCK)
        body_release(&w->body);
}

static err_t begin_answer(struct client *c)
{
    struct want *w = take_ready(c);
    struct block_frame f = {.type = w->answer, .source = w->source, .cid = cid_view(&w->cid)};
    c->want_bytes -= block_want_len(w->cid.len);
    c->block = TAKE_PTR(w->body);
    if (w->answer == BLOCK_SOURCE_DEAD)
        f.cid = (struct view){0};
    /* The head says how long the block is, and does not look at it. */
    f.bytes.len = c->block != NULL ? c->block->len : 0;
    if (c->block != NULL) {
        c->from[w->source].blocks++;
        c->from[w->source].bytes += c->block->len;
    }
    err_t e = block_encode_head(&c->head, &f);
    mem_free(w);
    return e;
}

static void end_answer(struct client *c)
{
    buf_clear(&c->head);
    body_release(&c->block);
    c->sent = 0;
}

err_t client_write(struct client *c, uint64_t now_ms)
{
    struct iovec parts[1 + BODY_CHUNKS_MAX];
    if (c->head.len == 0)
        TRY(begin_answer(c));
    size_t head_sent = MIN(c->sent, c->head.len), all = c->head.len + (c->block != NULL ? c->block->len : 0);
    parts[0] = (struct iovec){c->head.data + head_sent, c->head.len - head_sent};
    unsigned n_parts = 1 + (c->block != NULL ? body_parts(c->block, c->sent - head_sent, &parts[1]) : 0);
    ssize_t n = sendmsg(c->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = n_parts}, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? OK : err_errno();
    c->sent += (size_t)n;
    c->went_ms = now_ms;
    if (c->sent == all)
        end_answer(c);
    return OK;
}
