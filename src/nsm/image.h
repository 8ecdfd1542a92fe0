/* PCR0 to PCR2 of a simulated module, never zero. */
#ifndef VERONNX_NSM_IMAGE_H
#define VERONNX_NSM_IMAGE_H

#include "nsm/device.h"

/* Those of a real module, unless one of them is zero, as in debug mode; without one (`device` NULL) or then: measured
   over the executables that lie beside this one, as an image measures its parts. PCR0: all that run inside an enclave;
   PCR1: those that hold keys or start others; PCR2: those that see requests. */
err_t image_measure(const struct nsm_device *device, uint8_t ret_pcr[static 3][PCR_LEN]);

#endif
