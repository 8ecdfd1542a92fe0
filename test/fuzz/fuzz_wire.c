/* A datagram from a hostile process: the first two bytes pick a message of the table, so that it comes on the channel
   that it belongs to, and how many descriptors come with it; the rest is what stands behind its head, or all of it.
   Nothing but messages of the table may come out, their parts lie inside what came in, and what is taken has all of its
   descriptors. */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wire_msg *m, const struct wire_inbox *in)
{
    const struct wire_row *row = wire_row(m->type);
    const uint8_t *fixed = m->fixed;
    if (row == NULL || m->tail.len > row->tail || m->n_fds < row->fds_min || m->n_fds > row->fds_max)
        abort();
    if (fixed < in->data || fixed + row->fixed + m->tail.len > in->data + in->size ||
        fixed + row->fixed != m->tail.data)
        abort();
}

struct shape {
    uint16_t type;
    uint8_t n_fds;
    bool says_fds; /* another number than come */
    bool says_len;
    bool raw; /* the input has the head itself */
};

static void send_to(const struct wire_end *from, const struct shape *s, struct view bytes)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * (WIRE_FDS_MAX + 1))];
    } control = {0};
    struct wire_head head = {s->type, (uint16_t)(s->n_fds + s->says_fds), (uint32_t)bytes.len + s->says_len};
    struct iovec parts[] = {{&head, s->raw ? 0 : sizeof(head)}, {(void *)(uintptr_t)bytes.data, bytes.len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = COUNT_OF(parts)};
    if (s->n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * s->n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * s->n_fds), SOL_SOCKET, SCM_RIGHTS};
        for (size_t i = 0; i < s->n_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &from->fd, sizeof(int));
    }
    (void)!sendmsg(from->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_end a = {.fd = -1}, b = {.fd = -1};
    struct wire_inbox in = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    if (size < 3)
        return 0;
    struct shape s = {.type = data[0],
                      .n_fds = data[1] % (WIRE_FDS_MAX + 2),
                      .says_fds = (data[1] & 0x20) != 0,
                      .says_len = (data[1] & 0x40) != 0,
                      .raw = (data[1] & 0x80) != 0};
    const struct wire_row *row = wire_row(s.type);
    enum wire_chan chan = row != NULL ? (enum wire_chan)row->chan : (enum wire_chan)(s.type % CHAN_COUNT_);
    if (wire_pair(chan, &a, &b) != OK || wire_inbox_init(&in, chan) != OK)
        abort();
    bool from_a = row == NULL || row->from == SIDE_A;
    const struct wire_end *from = from_a ? &a : &b, *to = from_a ? &b : &a;
    send_to(from, &s, view_of(data + 2, size - 2));
    for (size_t n = 0; wire_recv(to, &in, false, &m) == OK; n++) {
        check(&m, &in);
        wire_msg_done(&m);
        if (n > size / sizeof(struct wire_head))
            abort(); /* more than there can be */
    }
    wire_inbox_done(&in);
    wire_end_close(&a);
    wire_end_close(&b);
    return 0;
}
