/* Models as messages name them (struct wire_model). */
#ifndef VERONNX_WIRE_MODEL_H
#define VERONNX_WIRE_MODEL_H

#include "wire/msg.h"

/* Whether its lengths are within their fields: the first thing to ask of one that another process sent. */
bool wire_model_fits(const struct wire_model *m);
/* Whether both, which fit, name the same CID and the same path. */
bool wire_model_equal(const struct wire_model *a, const struct wire_model *b);

#endif
