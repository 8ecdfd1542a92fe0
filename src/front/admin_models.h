/* What the administration listener says of models, as JSON. */
#ifndef VERONNX_FRONT_ADMIN_MODELS_H
#define VERONNX_FRONT_ADMIN_MODELS_H

#include "base/buf.h"
#include "wire/msg.h"

/* Appends the rows of a table that the supervisor made (ADMIN_TABLE: its descriptor, how many there are), separated by
   commas; only those of `model` unless that is NULL. A row whose model no client could name is left out. ERR_PROTOCOL
   when it is not such a table; ERR_NOMEM, ERR_TOO_LARGE. */
err_t admin_models_put(int fd, uint32_t rows, const struct wire_model *model, struct buf *out);

#endif
