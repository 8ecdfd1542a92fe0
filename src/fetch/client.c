/* Reading wants and sending blocks without ever waiting. */
#include "fetch/client.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SOURCE_STORE 0

void client_init(struct client *c, int *fd, uint32_t infer)
{
    *c = (struct client){.fd = TAKE_FD(*fd), .infer = infer};
    buf_init(&c->in, BLOCK_WANTS_MAX);
    buf_init(&c->head, BLOCK_HEAD_MAX);
    buf_init(&c->block, STORE_BLOCK_MAX);
}

void client_done(struct client *c)
{
    fd_close(&c->fd);
    buf_done(&c->in);
    buf_done(&c->head);
    buf_done(&c->block);
}

bool client_busy(const struct client *c)
{
    return c->head.len > 0 || c->n_queue > 0;
}

/* ── wants ── */

static err_t queue_want(struct client *c, const struct cid *cid)
{
    size_t bytes = c->queue_bytes + block_want_len(cid->len);
    if (bytes > BLOCK_WANTS_MAX || c->n_queue == CLIENT_QUEUE)
        return ERR_PROTOCOL;
    c->queue[c->n_queue++] = *cid;
    c->queue_bytes = bytes;
    return OK;
}

static void drop_want(struct client *c, size_t i)
{
    c->queue_bytes -= block_want_len(c->queue[i].len);
    c->n_queue--;
    memmove(&c->queue[i], &c->queue[i + 1], (c->n_queue - i) * sizeof(c->queue[0]));
}

/* What is being sent cannot be called back, and what was sent need not be. */
static void cancel_want(struct client *c, const struct cid *cid)
{
    for (size_t i = 0; i < c->n_queue; i++)
        if (cid_equal(&c->queue[i], cid)) {
            drop_want(c, i);
            return;
        }
}

static err_t take_frames(struct client *c)
{
    struct view rest = buf_view(&c->in);
    for (;;) {
        struct block_frame f;
        struct cid cid;
        err_t e = block_decode(&rest, BLOCK_FROM_INFER, &f);
        if (e == ERR_TRUNCATED)
            break;
        if (e != OK || cid_from_bytes(f.cid, &cid) != OK)
            return ERR_PROTOCOL;
        if (f.type == BLOCK_WANT)
            TRY(queue_want(c, &cid));
        else
            cancel_want(c, &cid);
    }
    buf_consume(&c->in, c->in.len - rest.len);
    return OK;
}

err_t client_read(struct client *c)
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
    return take_frames(c);
}

/* ── answers ── */

/* Only that a block is absent is ordinary; either way the infer hears that we have none. */
static enum block_type load_block(struct client *c, const struct store *store, const struct cid *cid)
{
    err_t e = store_get(store, cid_digest(cid), &c->block);
    if (e != OK && e != ERR_NOT_FOUND)
        log_event(LOG_BLOCK_REFUSED, c->infer, SOURCE_STORE, e);
    return e == OK ? BLOCK_BLOCK : BLOCK_NOT_FOUND;
}

static err_t begin_answer(struct client *c, const struct store *store)
{
    struct cid cid = c->queue[0];
    struct block_frame f = {.type = load_block(c, store, &cid), .source = SOURCE_STORE, .cid = cid_view(&cid)};
    f.bytes = buf_view(&c->block);
    drop_want(c, 0);
    return block_encode_head(&c->head, &f);
}

static void end_answer(struct client *c)
{
    buf_clear(&c->head);
    c->sent = 0;
    if (c->n_queue > 0)
        buf_clear(&c->block);
    else
        buf_done(&c->block);
}

/* One part of a buffer behind the first `skip` bytes. */
static struct iovec part_of(const struct buf *b, size_t skip)
{
    skip = MIN(skip, b->len);
    return (struct iovec){b->len > 0 ? b->data + skip : NULL, b->len - skip};
}

err_t client_write(struct client *c, const struct store *store)
{
    if (c->head.len == 0 && c->n_queue > 0)
        TRY(begin_answer(c, store));
    size_t head_sent = MIN(c->sent, c->head.len);
    struct iovec parts[] = {part_of(&c->head, head_sent), part_of(&c->block, c->sent - head_sent)};
    ssize_t n = sendmsg(c->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? OK : err_errno();
    c->sent += (size_t)n;
    if (c->sent == c->head.len + c->block.len)
        end_answer(c);
    return OK;
}
