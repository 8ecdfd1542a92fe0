/* Calls to a module, and the kernel's. */
#include "nsm/device.h"

#include <errno.h>

/* Not repeated after a signal: the module may have done it. */
static err_t call_kernel(void *self, struct view request, uint8_t *response, size_t *ret_len)
{
    const int *fd = self;
    struct nsm_raw raw = {
        .request_addr = (uintptr_t)request.data,
        .request_len = request.len,
        .response_addr = (uintptr_t)response,
        .response_len = NSM_RESPONSE_MAX,
    };
    if (ioctl(*fd, NSM_IOCTL_RAW, &raw) != 0)
        return errno == EMSGSIZE ? ERR_TOO_LARGE : err_errno();
    if (raw.response_len > NSM_RESPONSE_MAX)
        return ERR_PROTOCOL;
    *ret_len = (size_t)raw.response_len;
    return OK;
}

struct nsm_device device_of(int *fd)
{
    return (struct nsm_device){fd, call_kernel};
}

static err_t ask(const struct nsm_device *device, const struct nsm_request *q, uint8_t *room, struct nsm_response *ret)
{
    uint8_t bytes[NSM_REQUEST_MAX];
    struct cbor_writer w = cbor_writer_on(bytes, sizeof(bytes));
    struct view request = {0};
    size_t len = 0;
    TRY(nsm_request_write(q, &w));
    TRY(cbor_written(&w, &request));
    TRY(device->call(device->self, request, room, &len));
    return nsm_response_read(view_of(room, len), q->op, ret) == OK ? OK : ERR_PROTOCOL;
}

struct nsm_response device_ask(const struct nsm_device *device, const struct nsm_request *q, uint8_t *room)
{
    struct nsm_response p = {0};
    err_t e = ask(device, q, room, &p);
    if (e == OK)
        return p;
    return (struct nsm_response){.op = q->op, .error = e == ERR_TOO_LARGE ? NSM_INPUT_TOO_LARGE : NSM_INTERNAL_ERROR};
}
