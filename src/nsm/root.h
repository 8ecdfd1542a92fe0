/* The root of a simulated module: made at the first start, then kept in the state folder. */
#ifndef VERONNX_NSM_ROOT_H
#define VERONNX_NSM_ROOT_H

#include "nsm/issue.h"

#define ROOT_CERT_FILE "sim-root.pem" /* what verifiers are given */
#define ROOT_KEY_FILE  "sim-root.key" /* mode 0600 */

/* Reads both files of the folder `state`, or makes what is missing. ERR_MALFORMED when a file is there and not what it
   should be, or the two do not belong together: it is not replaced. */
err_t root_open(int state, uint64_t now_s, struct issued *ret);

#endif
