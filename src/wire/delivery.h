/* The configuration on its way into an enclave: what `veronnx host` writes into a stream before it closes it, and all
   that it may write there.

       "veronnx-config-1\n" | u32 little-endian: bytes that follow | the text

   The length makes a text that was cut short an error and not a shorter configuration. */
#ifndef VERONNX_WIRE_DELIVERY_H
#define VERONNX_WIRE_DELIVERY_H

#include "base/buf.h"

#define DELIVERY_TEXT_MAX (16 * KIB)
#define DELIVERY_HEAD     21
#define DELIVERY_MAX      (DELIVERY_HEAD + DELIVERY_TEXT_MAX)

/* ERR_TOO_LARGE. */
err_t delivery_encode(struct view text, struct buf *out);
/* All that came, up to the end of the stream. `ret_text` is borrowed from it. ERR_TRUNCATED, ERR_TOO_LARGE,
 * ERR_MALFORMED. */
err_t delivery_decode(struct view bytes, struct view *ret_text);

#endif
