/* What a kernel file says about itself: x86's bzImage (Documentation/arch/x86/boot.rst) and arm64's Image
 * (booting.rst). */
#ifndef VERONNX_EIF_KERNEL_H
#define VERONNX_EIF_KERNEL_H

#include "eif/eif.h"

#define KERNEL_RELEASE_MAX 64

struct kernel {
    enum eif_arch arch;
    uint64_t size;       /* of the file, as the kernel declares it; 0 when it does not (arm64) */
    struct view release; /* "6.12.9"; borrowed, at most KERNEL_RELEASE_MAX of 0-9 A-Z a-z . + - _ ~; empty: not said */
};

/* ERR_KERNEL_FORMAT for anything else (an ELF file starts in silence and hangs), and for an arm64 Image whose text
   offset is 0, which the hypervisor's loader does not place right. */
err_t kernel_read(struct view file, struct kernel *ret, struct why *why);

#endif
