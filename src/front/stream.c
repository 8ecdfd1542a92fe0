/* Sockets, and the stream that adds nothing to them. */
#include "front/stream.h"

#include <errno.h>
#include <sys/socket.h>

err_t stream_recv(struct stream *s, void *ret_bytes, size_t room, size_t *ret_n)
{
    ssize_t n = -1;
    if (!s->may_read)
        return ERR_WOULD_BLOCK;
    s->may_read = false;
    do {
        n = recv(s->fd, ret_bytes, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno();
    if (n == 0)
        return ERR_CLOSED;
    *ret_n = (size_t)n;
    return OK;
}

err_t stream_send(struct stream *s, const void *bytes, size_t n, size_t *ret_n)
{
    ssize_t put = -1;
    do {
        put = send(s->fd, bytes, n, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    s->wants_write = put < 0 && errno == EAGAIN;
    if (put < 0)
        return err_errno();
    *ret_n = (size_t)put;
    return OK;
}

static err_t plain_open(struct stream *s)
{
    (void)s;
    return OK;
}

static err_t plain_read(struct stream *s, uint8_t *ret_bytes, size_t room, size_t *ret_n)
{
    return stream_recv(s, ret_bytes, room, ret_n);
}

static err_t plain_write(struct stream *s, struct view bytes, size_t *ret_n)
{
    return stream_send(s, bytes.data, bytes.len, ret_n);
}

static void plain_finish(struct stream *s)
{
    (void)s;
}

void stream_plain(struct stream *s, int fd)
{
    static const struct stream_ops ops = {plain_open, plain_read, plain_write, plain_finish, plain_finish};
    *s = (struct stream){.ops = &ops, .fd = fd};
}
