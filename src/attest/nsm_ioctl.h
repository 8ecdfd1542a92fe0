/* The system call to the Nitro Security Module: include/uapi/linux/nsm.h of Linux 6.8, which older headers lack. */
#ifndef VERONNX_ATTEST_NSM_IOCTL_H
#define VERONNX_ATTEST_NSM_IOCTL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* A request is cut nowhere: a longer one fails with EMSGSIZE. A response is cut silently where its room is shorter, so
   the room is always this. */
#define NSM_REQUEST_MAX  0x1000
#define NSM_RESPONSE_MAX 0x3000

struct nsm_raw {
    uint64_t request_addr;
    uint64_t request_len;
    uint64_t response_addr;
    uint64_t response_len; /* in: the room; out: what was written */
};

#define NSM_IOCTL_RAW _IOWR(0x0A, 0, struct nsm_raw)
_Static_assert(NSM_IOCTL_RAW == 0xC0200A00, "the number that the kernel knows");

#endif
