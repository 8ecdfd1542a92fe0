/* The supervisor of a process that prepares. */
#include "drive.h"

#include "../unit.h"

#include <sys/resource.h>

#define PATIENCE_MS 30000

err_t drive_prepare(struct drive *d, int fd, uint32_t ms, uint64_t most, int *ret_fd)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    const struct msg_infer_prepare prepare = {.ms = ms};
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    if (most != 0)
        assert_int_equal(prlimit(d->pid, RLIMIT_FSIZE, &limit, NULL), 0);
    assert_ok(wire_send(&d->control, MSG_INFER_PREPARE, &prepare, view_of(NULL, 0), &fd, 1));
    assert_ok(wire_wait(&d->control, PATIENCE_MS));
    if (wire_recv(&d->control, &d->control_in, false, &m) != OK)
        return ERR_MODEL_DIED;
    if (m.type == MSG_INFER_FAILED)
        return err_from_wire(((const struct msg_infer_failed *)m.fixed)->reason);
    assert_int_equal(m.type, MSG_INFER_PREPARED);
    *ret_fd = TAKE_FD(m.fds[0]);
    return OK;
}
