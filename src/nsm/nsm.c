/* veronnx-nsm: the kernel's module. */
#include "nsm/process.h"

/* A node needs all registers, of this length. */
static err_t open_kernel(struct nsm_given *given, struct nsm_device *ret)
{
    static uint8_t room[NSM_RESPONSE_MAX];
    if (given->device < 0 || given->state >= 0)
        return ERR_PROTOCOL;
    struct nsm_device device = device_of(&given->device);
    struct nsm_response p = device_ask(&device, &(struct nsm_request){.op = NSM_DESCRIBE_NSM}, room);
    if (p.error != NSM_SUCCESS || p.max_pcrs != PCR_COUNT)
        return ERR_NSM_FAILED;
    *ret = device;
    return OK;
}

int nsm_main(void)
{
    static const struct nsm_kind kind = {ROLE_NSM, JAIL_NSM, open_kernel};
    return process_run(&kind);
}
