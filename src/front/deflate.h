/* Compressing an answer, and whether the client wants that. */
#ifndef VERONNX_FRONT_DEFLATE_H
#define VERONNX_FRONT_DEFLATE_H

#include "front/inflate.h"

/* What an Accept-Encoding (RFC 9110 §12.5.3) prefers: the coding with the highest weight, of equal ones the first.
   CODING_NONE when it names no coding of ours, is not well-formed, or .data is NULL. */
enum coding coding_accepted(struct view field);

/* How a Content-Encoding names it; NULL for CODING_NONE. */
const char *coding_name(enum coding coding);

/* What is worth it: less does not get shorter, more would keep the loop from others. */
#define DEFLATE_MIN (1 * KIB)
#define DEFLATE_MAX (4 * MIB)

/* Appends all of `in`, compressed quickly. ERR_TOO_LARGE (out->max), ERR_NOMEM. */
err_t deflate_all(enum coding coding, struct view in, struct buf *out);

#endif
