/* Connecting without waiting, on the supervisor's loop: to the machine around an enclave, which may be slow, silent or
 * gone. */
#ifndef VERONNX_SUPER_DIAL_H
#define VERONNX_SUPER_DIAL_H

#include "wire/address.h"

#include <uv.h>

/* Who is told, once, on the loop's thread: `fd` is connected and close-on-exec, still non-blocking, and the callee's
   when it takes it with TAKE_FD; -1 when `e` is not OK. */
struct dialer {
    void *self;
    uint32_t tag; /* given back */
    void (*on_done)(void *self, uint32_t tag, err_t e, int *fd);
};

/* Nobody is told when this fails, or when the loop ends before. ERR_TIMEOUT after `timeout_ms`. */
err_t dial_start(uv_loop_t *loop, const struct address *to, uint32_t timeout_ms, struct dialer who);

#endif
