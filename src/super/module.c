/* The security module's process: started before the keeper, which alone speaks to it; its end is the node's end. */
#include "super/state.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The right to make its system call is that of the moment of opening, so this comes before the jail. A simulated module
   does without. */
err_t module_open(struct super *s)
{
    s->nsm_fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    if (s->nsm_fd >= 0 || s->conf->simulate != 0)
        return OK;
    (void)fprintf(stderr, "veronnx: no security module: cannot open /dev/nsm (%s); --simulate works without one\n",
                  strerror(errno));
    return ERR_USAGE;
}

static err_t on_message(void *self UNUSED, struct wire_msg *m)
{
    return m->type == MSG_NSM_READY ? OK : ERR_PROTOCOL;
}

static void on_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct super *s = self;
    s->module = NULL;
    node_fail(s, "the security module's process ended; what it measured is gone, so the node ends");
}

static err_t give_state(struct super *s)
{
    AUTO_FD int fd = open(s->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno();
    child_tell(s->module, MSG_NSM_STATE, &(struct msg_empty){0}, view_of(NULL, 0), &fd, 1);
    return OK;
}

err_t module_start(struct super *s, struct wire_end *ret_keeper)
{
    const struct msg_empty none = {0};
    struct child_setup setup = boot_child(s, NULL);
    AUTO(wire_end_close) struct wire_end keeper = {.fd = -1}, module = {.fd = -1};
    TRY(wire_pair(CHAN_MODULE, &keeper, &module));
    TRY(child_start(&s->loop, s->conf->simulate != 0 ? ROLE_NSM_SIM : ROLE_NSM, &setup,
                    (struct child_owner){s, on_message, on_end}, &s->module));
    if (s->conf->simulate != 0)
        TRY(give_state(s));
    if (s->nsm_fd >= 0)
        child_tell(s->module, MSG_NSM_DEVICE, &none, view_of(NULL, 0), &s->nsm_fd, 1);
    fd_close(&s->nsm_fd);
    child_tell(s->module, MSG_NSM_START, &none, view_of(NULL, 0), &module.fd, 1);
    *ret_keeper = keeper;
    keeper.fd = -1;
    return OK;
}
