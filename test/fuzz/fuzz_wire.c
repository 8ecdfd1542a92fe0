/* A datagram from a hostile process: the first byte picks channel and side, the rest arrives. Nothing but a message of the table may
   come out, and its parts lie inside what came in. */
#include "wire/frame.h"

#include <stdlib.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wire_msg *m, const struct wire_inbox *in)
{
    const struct wire_row *row = wire_row(m->type);
    const uint8_t *fixed = m->fixed;
    if (row == NULL || m->tail.len > row->tail || m->n_fds < row->fds_min || m->n_fds > row->fds_max)
        abort();
    if (fixed < in->data || fixed + row->fixed + m->tail.len > in->data + in->size || fixed + row->fixed != m->tail.data)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_end a = {.fd = -1}, b = {.fd = -1};
    struct wire_inbox in = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    if (size < 2)
        return 0;
    enum wire_chan chan = (enum wire_chan)(data[0] / 2 % CHAN_COUNT_);
    if (wire_pair(chan, &a, &b) != OK || wire_inbox_init(&in, chan) != OK)
        abort();
    const struct wire_end *from = data[0] % 2 != 0 ? &a : &b, *to = data[0] % 2 != 0 ? &b : &a;
    if (send(from->fd, data + 1, size - 1, MSG_DONTWAIT) > 0 && wire_recv(to, &in, false, &m) == OK)
        check(&m, &in);
    wire_msg_done(&m);
    wire_inbox_done(&in);
    wire_end_close(&a);
    wire_end_close(&b);
    return 0;
}
