/* A security module to talk to. */
#ifndef VERONNX_NSM_DEVICE_H
#define VERONNX_NSM_DEVICE_H

#include "attest/nsm.h"

/* One request in, one response out, both CBOR. `response` has room for NSM_RESPONSE_MAX bytes. ERR_TOO_LARGE for a
   request that the module finds too long; any other error: it did not answer. */
struct nsm_device {
    void *self;
    err_t (*call)(void *self, struct view request, uint8_t *response, size_t *ret_len);
};

/* The kernel's: `fd` is /dev/nsm, open for reading and writing, and is borrowed. */
struct nsm_device device_of(int *fd);

/* Encodes, calls, decodes. What fails on the way is a response with an error: NSM_INPUT_TOO_LARGE, otherwise
   NSM_INTERNAL_ERROR, like AWS's own client says. Views are borrowed from `room`, of NSM_RESPONSE_MAX bytes. */
struct nsm_response device_ask(const struct nsm_device *device, const struct nsm_request *q, uint8_t *room);

#endif
