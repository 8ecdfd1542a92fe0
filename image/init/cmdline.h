/* The kernel's command line as it must be: what was measured, and behind it only what tells the kernel where the
   machine's devices are. A launcher can add to it without a trace in the registers. */
#ifndef VERONNX_INIT_CMDLINE_H
#define VERONNX_INIT_CMDLINE_H

#include <stdbool.h>

/* Is `line` the measured text, alone or followed by words virtio_mmio.device=...? Printable ASCII alone: the kernel
   parts words at any white space. */
bool cmdline_is(const char *line, const char *measured);

/* The same of /proc/cmdline and image/cmdline. */
bool cmdline_is_measured(void);

#endif
