/* veronnx-nsm-sim: the simulated module. */
#include "nsm/process.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "nsm/image.h"
#include "nsm/root.h"
#include "nsm/sim.h"

/* The first certificates are made here too, so OpenSSL has loaded by the time of the jail what it needs. */
static err_t open_sim(struct nsm_given *given, struct nsm_device *ret)
{
    static struct sim sim;
    AUTO(issued_done) struct issued root = {0};
    uint8_t pcr[3][PCR_LEN];
    struct nsm_device real = device_of(&given->device);
    if (given->state < 0)
        return ERR_PROTOCOL;
    TRY(sha256_setup()); /* OpenSSL without its configuration file */
    TRY(root_open(given->state, clock_wall_us() / 1000000, &root));
    TRY(image_measure(given->device >= 0 ? &real : NULL, pcr));
    fd_close(&given->state);
    fd_close(&given->device);
    TRY(sim_init(&sim, &root, (const uint8_t(*)[PCR_LEN])pcr));
    *ret = sim_device(&sim);
    return OK;
}

int nsm_sim_main(void)
{
    static const struct nsm_kind kind = {ROLE_NSM_SIM, JAIL_NSM_SIM, open_sim};
    return process_run(&kind);
}
