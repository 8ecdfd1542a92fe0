/* The metadata section of an enclave image: JSON with the keys that AWS's tools write. No register covers it. */
#ifndef VERONNX_EIF_METADATA_H
#define VERONNX_EIF_METADATA_H

#include "base/buf.h"

#define METADATA_CUSTOM_MAX 4096 /* as nitro-cli has it */
#define METADATA_MAX        (METADATA_CUSTOM_MAX + KIB)
/* The same in every file, so that the same inputs make the same bytes. */
#define METADATA_BUILD_TIME "1970-01-01T00:00:00+00:00"

/* Appends it. `kernel_release` as kernel.h reads it (empty: "unknown"); `custom` is valid JSON, or empty for null.
   ERR_TOO_LARGE: `custom` is longer than METADATA_CUSTOM_MAX. */
err_t metadata_put(struct view kernel_release, struct view custom, struct buf *out);

#endif
