/* Datagrams of one message or several: everything is checked against the table before a handler sees it. */
#include "wire/frame.h"

#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const struct wire_row wire_rows[] = {
#define WIRE_ROW(name, chan, from, type, tail, min, max)                                                               \
    [MSG_##name] = {#name, chan, from, min, max, sizeof(type), tail},
    WIRE_TABLE(WIRE_ROW)
#undef WIRE_ROW
};

#define WIRE_ALIGNED(name, chan, from, type, tail, min, max)                                                           \
    _Static_assert(sizeof(type) % 8 == 0 && (max) <= WIRE_FDS_MAX && (tail) <= WIRE_TAIL_MAX, #name);
WIRE_TABLE(WIRE_ALIGNED)

/* What may share a datagram: one of each for every request. */
static const bool shares[MSG_COUNT_] = {
    [MSG_TICKET] = true, [MSG_JOB] = true, [MSG_RESULT] = true, [MSG_REPORT] = true};

#define BOUNDARY 8U /* in a datagram of several each begins at a multiple of this */

const struct wire_row *wire_row(uint16_t type)
{
    return type != MSG_NONE_ && type < COUNT_OF(wire_rows) ? &wire_rows[type] : NULL;
}

void wire_end_close(struct wire_end *end)
{
    fd_close(&end->fd);
}

err_t wire_pair(enum wire_chan chan, struct wire_end *ret_a, struct wire_end *ret_b)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return err_errno();
    *ret_a = (struct wire_end){fds[0], chan, SIDE_A};
    *ret_b = (struct wire_end){fds[1], chan, SIDE_B};
    return OK;
}

/* The kernel doubles what it is told, for its own needs. */
err_t wire_stream(int *ret_reader, int *ret_sender)
{
    int fds[2], room = WIRE_STREAM_ROOM / 2;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return err_errno();
    (void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    *ret_reader = fds[0];
    *ret_sender = fds[1];
    return OK;
}

static size_t room_of(const struct wire_row *row)
{
    return sizeof(struct wire_head) + row->fixed + row->tail;
}

err_t wire_inbox_init(struct wire_inbox *in, enum wire_chan chan)
{
    size_t size = 0;
    for (size_t i = 1; i < COUNT_OF(wire_rows); i++)
        if (wire_rows[i].chan == chan)
            size = MAX(size, MAX(room_of(&wire_rows[i]), shares[i] ? WIRE_PACK_MAX : 0));
    *in = (struct wire_inbox){.data = mem_alloc(1, size), .size = size};
    return in->data != NULL ? OK : ERR_NOMEM;
}

void wire_inbox_drop(struct wire_inbox *in)
{
    in->rest = (struct view){0};
}

void wire_inbox_done(struct wire_inbox *in)
{
    mem_free(in->data);
    *in = (struct wire_inbox){0};
}

void wire_msg_done(struct wire_msg *m)
{
    for (unsigned i = 0; i < WIRE_FDS_MAX; i++)
        fd_close(&m->fds[i]);
}

/* ── sending ── */

static err_t send_flags(const struct wire_end *end, struct msghdr *msg, int flags, size_t size)
{
    for (;;) {
        ssize_t n = sendmsg(end->fd, msg, flags | MSG_NOSIGNAL);
        if (n >= 0)
            return (size_t)n == size ? OK : ERR_IO;
        if (errno != EINTR)
            return err_errno();
    }
}

static err_t send_parts(const struct wire_end *end, enum wire_type type, const void *fixed, const struct iovec *tail,
                        unsigned n_tail, const int *fds, unsigned n_fds, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control = {0};
    struct iovec parts[6];
    const struct wire_row *row = wire_row((uint16_t)type);
    size_t tail_len = 0;
    if (row == NULL || row->chan != end->chan || row->from != end->side || n_tail > COUNT_OF(parts) - 2)
        return ERR_INTERNAL;
    for (unsigned i = 0; i < n_tail; i++) {
        parts[2 + i] = tail[i];
        tail_len += tail[i].iov_len;
    }
    if (tail_len > row->tail || n_fds < row->fds_min || n_fds > row->fds_max)
        return ERR_TOO_LARGE;
    struct wire_head head = {(uint16_t)type, (uint16_t)n_fds, (uint32_t)(row->fixed + tail_len)};
    parts[0] = (struct iovec){&head, sizeof(head)};
    parts[1] = (struct iovec){(void *)(uintptr_t)fixed, row->fixed};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2 + n_tail};
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    return send_flags(end, &msg, flags, sizeof(head) + row->fixed + tail_len);
}

err_t wire_sendv(const struct wire_end *end, enum wire_type type, const void *fixed, const struct iovec *tail,
                 unsigned n_tail, const int *fds, unsigned n_fds)
{
    return send_parts(end, type, fixed, tail, n_tail, fds, n_fds, MSG_DONTWAIT);
}

err_t wire_send(const struct wire_end *end, enum wire_type type, const void *fixed, struct view tail, const int *fds,
                unsigned n_fds)
{
    struct iovec part = {(void *)(uintptr_t)tail.data, tail.len};
    return send_parts(end, type, fixed, &part, 1, fds, n_fds, MSG_DONTWAIT);
}

err_t wire_send_wait(const struct wire_end *end, enum wire_type type, const void *fixed, struct view tail,
                     const int *fds, unsigned n_fds)
{
    struct iovec part = {(void *)(uintptr_t)tail.data, tail.len};
    return send_parts(end, type, fixed, &part, 1, fds, n_fds, 0);
}

/* ── sending several ── */

void wire_pack_done(struct wire_pack *p)
{
    buf_done(&p->bytes);
    p->count = 0;
}

void wire_pack_clear(struct wire_pack *p)
{
    buf_clear(&p->bytes);
    p->count = 0;
}

static size_t padding(size_t len)
{
    return -len % BOUNDARY;
}

err_t wire_pack_put(struct wire_pack *p, const struct wire_end *end, enum wire_type type, const void *fixed,
                    struct view tail)
{
    static const uint8_t zero[BOUNDARY];
    const struct wire_row *row = wire_row((uint16_t)type);
    uint8_t *room = NULL;
    if (row == NULL || row->chan != end->chan || row->from != end->side || !shares[type])
        return ERR_INTERNAL;
    if (tail.len > row->tail || tail.len > WIRE_PACK_MAX)
        return ERR_TOO_LARGE;
    struct wire_head head = {(uint16_t)type, 0, (uint32_t)(row->fixed + tail.len)};
    size_t gap = padding(p->bytes.len);
    TRY(buf_reserve(&p->bytes, gap + sizeof(head) + head.len, &room)); /* all of it or nothing */
    TRY(buf_put(&p->bytes, zero, gap));
    TRY(buf_put(&p->bytes, &head, sizeof(head)));
    TRY(buf_put(&p->bytes, fixed, row->fixed));
    TRY(buf_put_view(&p->bytes, tail));
    p->count++;
    return OK;
}

err_t wire_pack_send(struct wire_pack *p, const struct wire_end *end, bool wait)
{
    struct iovec part = {p->bytes.data, p->bytes.len};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    err_t e = p->count > 0 ? send_flags(end, &msg, wait ? 0 : MSG_DONTWAIT, part.iov_len) : OK;
    wire_pack_clear(p);
    return e;
}

/* ── receiving ── */

/* What is left of the control buffer beside a time stamp holds more descriptors than any message has: all are taken, those
   too many are closed, and their number then does not fit the table. */
static void take_descriptors(struct cmsghdr *c, struct wire_msg *m)
{
    unsigned n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < n; i++) {
        AUTO_FD int fd = -1;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        if (m->n_fds < WIRE_FDS_MAX)
            m->fds[m->n_fds] = TAKE_FD(fd);
        m->n_fds++;
    }
}

static void take_control(struct msghdr *msg, struct wire_msg *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS) {
            take_descriptors(c, m);
        } else if (c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof(t));
            m->stamp_ns = (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
        }
    }
}

static bool is_zero(struct view v)
{
    bool zero = true;
    for (size_t i = 0; i < v.len; i++)
        zero = zero && v.data[i] == 0;
    return zero;
}

/* What stands behind a message is another one, on its boundary. */
static err_t take_gap(const struct wire_inbox *in, struct view *rest)
{
    struct view gap = {0};
    if (rest->len == 0)
        return OK;
    return view_take(rest, padding((size_t)(rest->data - in->data)), &gap) == OK && rest->len > 0 && is_zero(gap)
               ? OK
               : ERR_PROTOCOL;
}

/* The first message of what lies in the inbox. */
static err_t take_message(const struct wire_end *end, struct wire_inbox *in, struct wire_msg *m)
{
    struct wire_head head;
    struct view rest = in->rest, body = {0};
    if (view_copy(&rest, &head, sizeof(head)) != OK || view_take(&rest, head.len, &body) != OK)
        return ERR_PROTOCOL;
    const struct wire_row *row = wire_row(head.type);
    if (row == NULL || row->chan != end->chan || row->from == end->side)
        return ERR_PROTOCOL;
    if (head.len < row->fixed || head.len - row->fixed > row->tail)
        return ERR_PROTOCOL;
    if (head.fds != m->n_fds || m->n_fds < row->fds_min || m->n_fds > row->fds_max)
        return ERR_PROTOCOL;
    bool alone = in->rest.data == in->data && rest.len == 0;
    if (!alone && (!shares[head.type] || m->n_fds > 0 || in->rest.len > WIRE_PACK_MAX))
        return ERR_PROTOCOL;
    TRY(take_gap(in, &rest));
    m->type = head.type;
    m->fixed = body.data;
    m->tail = view_of(body.data + row->fixed, head.len - row->fixed);
    m->stamp_ns = in->stamp_ns;
    in->rest = rest;
    return OK;
}

static err_t receive(const struct wire_end *end, struct wire_inbox *in, bool wait, struct wire_msg *m)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX) + CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {in->data, in->size};
    struct msghdr msg = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t n = 0;
    do { /* a peer that ended with unread messages leaves ECONNRESET, once, in front of what it had sent */
        n = recvmsg(end->fd, &msg, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return err_errno();
    take_control(&msg, m); /* an empty datagram can bring descriptors too */
    if (n == 0)
        return m->n_fds > 0 ? ERR_PROTOCOL : ERR_CLOSED;
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return ERR_PROTOCOL;
    in->rest = view_of(in->data, (size_t)n);
    in->stamp_ns = m->stamp_ns;
    return OK;
}

err_t wire_recv(const struct wire_end *end, struct wire_inbox *in, bool wait, struct wire_msg *ret)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    if (!wire_more(in))
        TRY(receive(end, in, wait, &m));
    err_t e = take_message(end, in, &m);
    if (e != OK) {
        wire_inbox_drop(in);
        return e;
    }
    *ret = m;
    m = WIRE_MSG_NONE;
    return OK;
}

err_t wire_room(const struct wire_end *end, int bytes)
{
    return setsockopt(end->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0 ? OK : err_errno();
}

err_t wire_stamp(const struct wire_end *end)
{
    int on = 1;
    return setsockopt(end->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 ? OK : err_errno();
}

err_t wire_wait(const struct wire_end *end, int timeout_ms)
{
    struct pollfd p = {.fd = end->fd, .events = POLLIN};
    int n = 0;
    do {
        n = poll(&p, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno();
    return n > 0 ? OK : ERR_TIMEOUT;
}

err_t wire_dispatch(const struct wire_route *routes, size_t n, uint32_t state, void *self, struct wire_msg *m)
{
    err_t e = ERR_PROTOCOL;
    for (size_t i = 0; i < n; i++) {
        if ((uint16_t)routes[i].type != m->type)
            continue;
        if ((routes[i].states & state) != 0)
            e = routes[i].handle(self, m);
        break;
    }
    wire_msg_done(m);
    return e;
}
